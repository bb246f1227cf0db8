// The real server, the examples in target/examples, and users who sign in: in a terminal, and in a browser.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch } from '../../playground/tests/support/browser.mjs';
import { startServer } from '../../playground/tests/support/server.mjs';

export { startServer };

export const TEST_MS = 120_000;
export const project = fileURLToPath(new URL('../../', import.meta.url));
export const examples = join(project, 'examples');
/** The folder with the libraries. Folders in it find them, as an app finds its own. */
export const work = join(project, 'target/examples');
export const python = join(work, 'python/bin');
export const pythonTyped = join(work, 'python-typed/bin');
export const bin = (name) => join(work, 'node_modules/.bin', name);

assert.ok(existsSync(bin('vite')), 'the libraries of the examples are missing: scripts/setup-tests installs them');

/** Copies an example to the libraries, without what an earlier run has left there. */
export function copyExample(name, source = join(examples, name)) {
  const folder = join(work, 'apps', name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  if (source) cpSync(source, folder, { recursive: true, filter: (path) => !path.includes('node_modules') });
  return folder;
}

/** Packs the TypeScript package and unpacks it among the libraries, as `npm install` does. */
export function installPackage() {
  execFileSync('make', ['--silent', 'npm-package'], { cwd: project, stdio: ['ignore', 'ignore', 'inherit'] });
  const folder = join(work, 'node_modules/sms-login');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  execFileSync('tar', ['-xzf', join(project, 'target/npm/sms-login.tgz'), '--strip-components=1', '-C', folder]);
}

/** Runs a program and returns its output. Fails with the output if the program fails. */
export function run(command, args, options = {}) {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: 'pipe', ...options });
  } catch (error) {
    return assert.fail(`${command} ${args.join(' ')}\n${error.stdout}${error.stderr}`);
  }
}

/** Returns another code. */
export const wrong = (code) => String((Number(code) + 1) % 1_000_000).padStart(6, '0');

let last = 0;

/** Returns a phone that no other test of this program uses. */
export function freshPhone() {
  last += 1;
  return `+86137${String(process.pid % 10_000).padStart(4, '0')}${String(last).padStart(4, '0')}`;
}

/**
 * Runs an example in a terminal, and returns its output. At each `Code: ` it enters what `entries` make of the code that the
 * server printed; the last one again and again.
 */
export async function inTerminal(server, command, args, entries, options = {}) {
  const mark = server.mark();
  const env = { ...process.env, SMS_LOGIN_URL: `${server.origin}/graphql`, PYTHONUNBUFFERED: '1' };
  const child = spawn(command, args, { env, stdio: 'pipe', timeout: TEST_MS, ...options });
  let output = '';
  let entered = 0;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', async (text) => {
      output += text;
      for (const asked = output.split('Code: ').length - 1; entered < asked; ) {
        const entry = entries[Math.min(entered, entries.length - 1)];
        entered += 1;
        const code = await server.code(mark);
        if (child.stdin.writable) child.stdin.write(`${entry(code)}\n`);
      }
    });
  }
  child.stdin.on('error', () => {});
  await once(child, 'close');
  return output;
}

/** The whole life of a session in a terminal: a wrong code, the right one, the profile, a refresh, the sign-out. */
export async function livesInTerminal(server, command, args, options) {
  const right = (code) => code;
  const phone = freshPhone();
  const output = await inTerminal(server, command, [...args, phone], [wrong, right], options);
  assert.equal(output, `Code: Wrong code. Attempts left: 2.\nCode: Signed up.\nYou are ${phone}.\nRefreshed.\nSigned out.\n`);

  const refused = await inTerminal(server, command, [...args, freshPhone()], [wrong], options);
  assert.match(refused, /^Code: Wrong code. Attempts left: 2.\nCode: Wrong code. Attempts left: 1.\nCode: [^]*CODE_INCORRECT/);
  assert.doesNotMatch(refused, /Signed/);
}

/** Returns a port that is free now. */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts Vite's development server, by `npm run dev` or by its program, and returns its address. */
export async function startVite(folder, { env = {}, command = [bin('vite')] } = {}) {
  const port = await freePort();
  const [program, ...args] = command;
  const child = spawn(program, [...args, '--port', String(port), '--strictPort'], {
    cwd: folder,
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // npm starts Vite as another process: all of them are ended together.
    detached: true,
  });
  let output = '';
  const ready = new Promise((resolve, reject) => {
    const fail = (why) => reject(new Error(`${why}:\n${output}`));
    setTimeout(fail, TEST_MS, 'Vite did not start in time').unref();
    child.once('exit', () => fail('Vite ended'));
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
        if (output.includes('ready in')) resolve();
      });
    }
  });
  const stop = async () => {
    if (child.exitCode !== null) return;
    const ended = once(child, 'exit');
    process.kill(-child.pid, 'SIGTERM');
    await ended;
  };
  try {
    await ready;
  } catch (error) {
    await stop();
    throw error;
  }
  return { origin: `http://localhost:${port}`, stop };
}

/** Opens a page for a user. Fails if the page has an error. */
export async function withPage(address, use) {
  const browser = await launch();
  try {
    const page = await browser.newPage({ locale: 'en-US' });
    page.setDefaultTimeout(20_000);
    const faults = [];
    page.on('pageerror', (error) => faults.push(String(error.stack)));
    page.on('console', (message) => {
      if (message.type() === 'error' && !/favicon|Failed to load resource/.test(message.text())) faults.push(message.text());
    });
    await page.goto(address);
    await use(page);
    assert.deepEqual(faults, []);
  } finally {
    await browser.close();
  }
}

/** Signs in with the form of the package, after a wrong code. Returns the phone. */
export async function signInByForm(page, server) {
  const phone = freshPhone();
  await page.getByLabel('Phone number').fill(phone.slice(3));
  const mark = server.mark();
  await page.getByRole('button', { name: 'Send code' }).click();
  const field = page.getByLabel('6-digit code');
  await field.waitFor();
  const code = await server.code(mark);
  await field.fill(wrong(code));
  await page.getByText('The code is wrong. You have 2 attempts left.').first().waitFor();
  await field.fill(code);
  return phone;
}

/** Signs in with an app's own form, after a wrong code. `find` returns a field by its name. Returns the phone. */
export async function signInByOwnForm(page, server, find, problem) {
  const phone = freshPhone();
  await find('Phone number').fill(phone);
  const mark = server.mark();
  await page.getByRole('button', { name: 'Send code' }).click();
  const field = find('Code from the SMS');
  await field.waitFor();
  const code = await server.code(mark);
  await field.fill(wrong(code));
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText(problem).waitFor();
  await field.fill(code);
  await page.getByRole('button', { name: 'Sign in' }).click();
  return phone;
}
