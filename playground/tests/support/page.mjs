// What the tests of the page share: a browser, a server for each test, and the steps that most of them take.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { launch, newPerson } from './browser.mjs';
import { startServer } from './server.mjs';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
export const TEST_MS = 60_000;

export let browser;
let lastNumber = 0;

before(async () => {
  browser = await launch();
});
after(() => browser?.close());

/** Returns a number that no other test uses. */
export function freshPhone() {
  const national = `137${String(10_000_000 + lastNumber++)}`;
  return { national, e164: `+86${national}` };
}

/** Defines a test with a separate server and browser context. */
export function pageTest(name, { settings, options, origins } = {}, body) {
  test(name, { timeout: TEST_MS }, async () => {
    const server = await startServer(settings);
    try {
      const person = await newPerson(browser, server, options, origins);
      try {
        await body({ server, person, page: await person.newPage() });
      } finally {
        await person.close();
      }
    } finally {
      await server.stop();
    }
  });
}

export async function askForCode(server, page, national) {
  const mark = server.mark();
  await page.getByLabel('Phone number').fill(national);
  await page.getByRole('button', { name: 'Send code' }).click();
  await page.getByLabel('6-digit code').waitFor();
  return server.code(mark);
}

export async function signUp(server, page) {
  const phone = freshPhone();
  await page.goto('/');
  await page.getByLabel('6-digit code').or(page.getByLabel('Phone number')).waitFor();
  const code = await askForCode(server, page, phone.national);
  await page.getByLabel('6-digit code').fill(code);
  await signedIn(page);
  return phone;
}

export const signedIn = (page) => page.getByRole('heading', { name: 'Where you’re signed in' }).waitFor();
export const signedOut = (page) => page.getByLabel('Phone number').waitFor();
export const wrong = (code) => String((Number(code) + 1) % 1_000_000).padStart(6, '0');

/** Returns the name and the variables of the operation that a request runs. */
export function operationOf(request) {
  const { query = '', variables = {} } = request.postDataJSON() ?? {};
  return [/^(?:query|mutation) (\w+)/.exec(query)?.[1], variables];
}

/** Loses the answer to the first request of an operation, after the server has run it. */
export async function loseAnswer(page, operation) {
  let lost = false;
  await page.route('**/graphql', async (route) => {
    if (lost || !route.request().postData()?.includes(`mutation ${operation}(`)) return route.continue();
    lost = true;
    await route.fetch();
    return route.abort();
  });
}

/** Waits for an alert with this text. */
export const alert = (page, text) => page.getByRole('alert').filter({ hasText: text }).waitFor();

export async function noFaults(page, where) {
  if (!(await page.evaluate(() => 'axe' in window))) {
    // The page's content security policy admits no other script, so this one is injected through the debugger.
    await page.evaluate(await (await import('node:fs/promises')).readFile(AXE, 'utf8'));
  }
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const told = found.violations.map(({ id, nodes }) => `${where}: ${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  assert.deepEqual(told, []);
}

