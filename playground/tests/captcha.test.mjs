// The captcha of a server that requires one. Stand-ins on loopback take the place of Tencent's script and API.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, test } from 'node:test';
import { newPerson } from './support/browser.mjs';
import { alert, browser, freshPhone, pageTest, signedIn, TEST_MS } from './support/page.mjs';
import { startServer } from './support/server.mjs';

const ORIGIN = 'https://turing.captcha.qcloud.com';
const SCRIPT = `${ORIGIN}/TJCaptcha.js`;

/** The script: a button that answers, and one that closes. */
const CLIENT = `
window.TencentCaptcha = class {
  constructor(appId, onAnswer, options) {
    Object.assign(this, { appId, onAnswer, options });
  }
  show() {
    const box = document.createElement('div');
    box.setAttribute('role', 'dialog');
    box.setAttribute('aria-label', 'Captcha ' + this.appId + ' ' + this.options.userLanguage);
    const add = (name, answer) => {
      const button = document.createElement('button');
      button.textContent = name;
      button.onclick = () => { box.remove(); this.onAnswer(answer); };
      box.append(button);
    };
    add('Solve', { ret: 0, ticket: 'a-ticket', randstr: '@abc' });
    add('Close', { ret: 2, ticket: null, randstr: null });
    document.body.append(box);
  }
};`;

/** Starts a server whose captcha service is a stand-in, which records the tickets that it is asked about. */
async function withCaptcha(body) {
  const tickets = [];
  const service = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    tickets.push(JSON.parse(text).Ticket);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ Response: { CaptchaCode: 1, CaptchaMsg: 'OK', EvilLevel: 0, RequestId: '1' } }));
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  const server = await startServer({
    CAPTCHA: 'always',
    TENCENT_CAPTCHA_APP_ID: '190000001',
    TENCENT_CAPTCHA_APP_SECRET_KEY: 'captcha-key',
    TENCENT_CAPTCHA_ENDPOINT: `http://127.0.0.1:${service.address().port}`,
    TENCENTCLOUD_SECRET_ID: 'id',
    TENCENTCLOUD_SECRET_KEY: 'key',
    SMS_PROVIDER: 'console',
  });
  const person = await newPerson(browser, server, {}, [ORIGIN]);
  try {
    await body({ server, person, page: await person.newPage(), tickets });
    await person.close();
  } finally {
    await server.stop();
    service.close();
    service.closeAllConnections();
  }
}

const ask = async (page) => {
  await page.goto('/');
  await page.getByLabel('Phone number').fill(freshPhone().national);
  await page.getByRole('button', { name: 'Send code' }).click();
};

describe('a required captcha', () => {
  test('is shown, and its result is sent with the request', { timeout: TEST_MS }, () =>
    withCaptcha(async ({ server, person, page, tickets }) => {
      await person.context.route(SCRIPT, (route) => route.fulfill({ contentType: 'text/javascript', body: CLIENT }));
      const mark = server.mark();
      await ask(page);
      const captcha = page.getByRole('dialog', { name: 'Captcha 190000001 en' });
      await captcha.getByRole('button', { name: 'Close' }).click();
      await alert(page, 'You closed the captcha.');
      assert.deepEqual(tickets, []);

      await page.getByRole('button', { name: 'Send code' }).click();
      await captcha.getByRole('button', { name: 'Solve' }).click();
      await page.getByLabel('6-digit code').fill(await server.code(mark));
      await signedIn(page);
      assert.deepEqual(tickets, ['a-ticket']);
    }),
  );

  test('says so if its script cannot be loaded, and tries again', { timeout: TEST_MS }, () =>
    withCaptcha(async ({ person, page }) => {
      let reachable = false;
      await person.context.route(SCRIPT, (route) =>
        reachable ? route.fulfill({ contentType: 'text/javascript', body: CLIENT }) : route.abort(),
      );
      await ask(page);
      await alert(page, 'The captcha could not be loaded.');
      reachable = true;
      await page.getByRole('button', { name: 'Send code' }).click();
      await page.getByRole('button', { name: 'Solve' }).click();
      await page.getByLabel('6-digit code').waitFor();
    }),
  );

  test('is not shown again if only the answer was lost', { timeout: TEST_MS }, () =>
    withCaptcha(async ({ person, page, tickets }) => {
      await person.context.route(SCRIPT, (route) => route.fulfill({ contentType: 'text/javascript', body: CLIENT }));
      let lost = false;
      await page.route('**/graphql', async (route) => {
        if (lost || !route.request().postData()?.includes('a-ticket')) return route.continue();
        lost = true;
        await route.fetch();
        return route.abort();
      });
      await ask(page);
      await page.getByRole('button', { name: 'Solve' }).click();
      await alert(page, 'The server cannot be reached.');
      await page.getByRole('button', { name: 'Send code' }).click();
      await page.getByLabel('6-digit code').waitFor();
      assert.deepEqual(tickets, ['a-ticket']);
      const { messages } = await page.evaluate(async () => (await fetch('/dev/inbox')).json());
      assert.equal(messages.length, 1);
    }),
  );

  pageTest('a server without one does not allow its script', {}, async ({ server }) => {
    const policy = (await fetch(server.origin)).headers.get('content-security-policy');
    assert.ok(!policy.includes('captcha'), policy);
  });
});
