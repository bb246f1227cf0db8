// The page as users use it: a real browser, and the real server in embedded mode.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { newPerson } from './support/browser.mjs';
import { startGateway } from './support/gateway.mjs';
import {
  alert,
  askForCode,
  browser,
  freshPhone,
  loseAnswer,
  operationOf,
  pageTest,
  signedIn,
  signedOut,
  signUp,
  TEST_MS,
  wrong,
} from './support/page.mjs';
import { graphql, signIn, startServer } from './support/server.mjs';

describe('signing in', () => {
  pageTest('a newcomer signs up with the code that the page shows', {}, async ({ page }) => {
    const { national } = freshPhone();
    await page.goto('/');
    // The field has the focus, so the keyboard is enough.
    await page.getByLabel('Phone number').and(page.locator(':focus')).waitFor();
    await page.keyboard.type(national);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: /^Use \d{6}$/ }).click();
    await page.getByText('Welcome! Your account is ready.').waitFor();
    await page.getByText(`+86\u00a0${national.slice(0, 3)}`).first().waitFor();
  });

  for (const has of ['a', 'no']) {
    pageTest(`the page says that the message was delivered, with ${has} WebSocket`, {}, async ({ server, page }) => {
      const opened = [];
      page.on('websocket', (socket) => opened.push(socket.url()));
      if (has === 'no') await page.routeWebSocket('**/graphql', (socket) => socket.close());
      await page.goto('/');
      await askForCode(server, page, freshPhone().national);
      const line = page.locator('[aria-live=polite]').filter({ hasText: 'The message was delivered.' });
      await line.waitFor();
      assert.equal(opened.length, has === 'a' ? 1 : 0);
    });
  }

  test('the page says what to do if the message failed or no receipt came', { timeout: TEST_MS }, async () => {
    const gateway = await startGateway();
    const server = await startServer({ ...gateway.settings, CODE_TTL: '10s', PLAYGROUND: 'true' });
    const person = await newPerson(browser, server);
    try {
      const page = await person.newPage();
      const line = (text) => page.locator('[aria-live=polite]').filter({ hasText: text }).waitFor();
      const ask = async () => {
        await page.goto('/');
        await page.getByLabel('Phone number').fill(freshPhone().national);
        await page.getByRole('button', { name: 'Send code' }).click();
        await line('The message is on its way.');
      };

      await ask();
      await gateway.report(server, 'failed', 'unreachable');
      await line('The message could not be delivered.');
      await line('Check the number, or request a new code.');
      await ask();
      await line('There is no receipt for the message.');
    } finally {
      await person.close();
      await server.stop();
      await gateway.stop();
    }
  });

  pageTest('the code field accepts a pasted SMS', {}, async ({ server, page }) => {
    const { national } = freshPhone();
    await page.goto('/');
    const code = await askForCode(server, page, national);
    const field = page.getByLabel('6-digit code');
    assert.equal(await field.getAttribute('autocomplete'), 'one-time-code');
    assert.equal(await field.getAttribute('inputmode'), 'numeric');
    const text = `Your code is ${code.slice(0, 3)} ${code.slice(3)}.`;
    await field.evaluate((element, text) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData('text', text);
      element.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
    }, text);
    await signedIn(page);
  });

  pageTest('three wrong attempts end a code, and a new code works', {}, async ({ server, page }) => {
    const { national } = freshPhone();
    await page.goto('/');
    const code = await askForCode(server, page, national);
    const field = page.getByLabel('6-digit code');
    for (const told of ['You have 2 attempts left.', 'You have one attempt left.', 'that was the last attempt']) {
      await field.fill(wrong(code));
      await alert(page, told);
    }
    await field.waitFor({ state: 'detached' });
    const mark = server.mark();
    await page.getByRole('button', { name: 'Send a new code' }).click();
    await page.getByText('A new code is on its way.').waitFor();
    await field.fill(await server.code(mark));
    await signedIn(page);
  });

  pageTest('a code that arrives late works after a resend', {}, async ({ server, page }) => {
    await page.goto('/');
    const late = await askForCode(server, page, freshPhone().national);
    await page.getByRole('button', { name: 'Send a new code' }).click();
    await page.getByText('A new code is on its way.').waitFor();
    await page.getByLabel('6-digit code').fill(late);
    await signedIn(page);
  });

  pageTest('a user whose SMS does not arrive can get a call', {}, async ({ server, page }) => {
    await page.goto('/');
    await askForCode(server, page, freshPhone().national);
    await page.getByRole('button', { name: 'Call me instead' }).click();
    await page.getByText('We are calling you.').waitFor();
    const printed = page.getByRole('complementary').getByRole('listitem');
    await printed.nth(1).waitFor();
    await printed.first().getByRole('button', { name: /^Use \d{6}$/ }).click();
    await signedIn(page);
  });

  pageTest('a server that makes no calls offers no call', {}, async ({ server, page }) => {
    await page.route('**/playground.json', async (route) => {
      const response = await route.fetch();
      return route.fulfill({ response, json: { ...(await response.json()), calls: false } });
    });
    await page.goto('/');
    await askForCode(server, page, freshPhone().national);
    await page.getByRole('button', { name: 'Send a new code' }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Call me instead' }).count(), 0);
  });

  pageTest('a lost answer to a request sends one SMS', {}, async ({ page }) => {
    await loseAnswer(page, 'RequestCode');
    await page.goto('/');
    await page.getByLabel('Phone number').fill(freshPhone().national);
    await page.getByRole('button', { name: 'Send code' }).click();
    await alert(page, 'The server cannot be reached.');
    await page.getByRole('button', { name: 'Send code' }).click();
    await page.getByLabel('6-digit code').waitFor();
    const { messages } = await page.evaluate(async () => (await fetch('/dev/inbox')).json());
    assert.equal(messages.length, 1);
  });

  pageTest('errors are shown as sentences', {}, async ({ page }) => {
    await page.goto('/');
    for (const [number, told] of [
      ['123', 'This is not a mobile phone number.'],
      ['+14155550123', 'Codes are not sent to this region.'],
    ]) {
      await page.getByLabel('Phone number').fill(number);
      await page.getByRole('button', { name: 'Send code' }).click();
      await alert(page, told);
    }
  });

  pageTest('the server chooses how many digits the field has', {}, async ({ page }) => {
    const attempts = [];
    await page.route('**/graphql', async (route) => {
      const [name, { input }] = operationOf(route.request());
      if (name === 'Login') attempts.push(input.code);
      if (name !== 'RequestCode') return route.continue();
      const response = await route.fetch();
      const body = await response.json();
      body.data.requestCode.codeLength = 8;
      return route.fulfill({ response, json: body });
    });
    await page.goto('/');
    await page.getByLabel('Phone number').fill(freshPhone().national);
    await page.getByRole('button', { name: 'Send code' }).click();
    await page.getByText('We sent a code of 8 digits').waitFor();
    const field = page.getByLabel('8-digit code');
    assert.equal(await page.locator('.sms-login-box').count(), 8);
    await field.fill('1234567');
    await field.fill('123456789');
    await alert(page, 'Enter all digits of the code.');
    assert.deepEqual(attempts, ['12345678']);
  });

  pageTest('an error that is not a problem is shown with its reference', {}, async ({ page }) => {
    const extensions = { code: 'UNAVAILABLE', errorCode: -1501, retryAfterSeconds: 2, requestId: 'request-7' };
    const errors = [{ message: 'A store is unavailable.', path: ['requestCode'], extensions }];
    await page.route('**/graphql', (route) => route.fulfill({ json: { data: null, errors } }));
    await page.goto('/');
    await page.getByLabel('Phone number').fill(freshPhone().national);
    await page.getByRole('button', { name: 'Send code' }).click();
    await alert(page, 'The service is not available at the moment. Nothing is lost: try again. Wait 2 seconds.');
    await page.getByText('Reference: request-7').waitFor();
    await page.getByText('You can try again now.').waitFor();
  });

  pageTest('a resend waits for the cooldown', { settings: { SEND_COOLDOWN: '3s' } }, async ({ server, page }) => {
    const { national } = freshPhone();
    await page.goto('/');
    const first = await askForCode(server, page, national);
    await page.getByRole('button', { name: /^New code in \d seconds?$/ }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Call me instead' }).count(), 0, 'a call waits too');
    // A user who goes back and requests another code has to wait.
    await page.getByRole('button', { name: 'Use another number' }).click();
    await page.getByLabel('Phone number').fill(national);
    await page.getByRole('button', { name: 'Send code' }).click();
    await alert(page, 'A code was sent a moment ago.');
    await page.getByRole('button', { name: /^Send code in \d seconds?$/ }).waitFor();
    const mark = server.mark();
    await page.getByRole('button', { name: 'Send code', exact: true }).click();
    const second = await server.code(mark);
    await page.getByRole('button', { name: /^New code in/ }).waitFor();
    await page.getByLabel('6-digit code').fill(second);
    await signedIn(page);
    assert.match(first, /^\d{6}$/);
  });

  pageTest('the page says that the server cannot be reached', {}, async ({ page, person }) => {
    await page.goto('/');
    await page.getByLabel('Phone number').fill('13711112222');
    await person.context.setOffline(true);
    await page.getByRole('button', { name: 'Send code' }).click();
    await alert(page, 'The server cannot be reached.');
    await person.context.setOffline(false);
    await page.getByRole('button', { name: 'Send code' }).click();
    await page.getByLabel('6-digit code').waitFor();
  });
});

describe('being signed in', () => {
  pageTest('a reload keeps the session, and sign-out ends it', {}, async ({ server, page }) => {
    await signUp(server, page);
    await page.reload();
    await signedIn(page);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('You are signed out.').waitFor();
    await page.reload();
    await signedOut(page);
  });

  pageTest(
    'tokens are refreshed before they end',
    { settings: { ACCESS_TOKEN_TTL: '2s' } },
    async ({ server, page }) => {
      const refreshed = () => page.waitForResponse((response) => response.request().postData()?.includes('RefreshSession'));
      await signUp(server, page);
      await refreshed();
      await refreshed();
      await page.getByRole('button', { name: 'Edit profile' }).click();
      await page.getByRole('textbox', { name: 'Name' }).fill('Lin');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('heading', { name: 'Lin' }).waitFor();
      assert.equal(await page.getByRole('alert').count(), 0);
    },
  );

  pageTest('a lost answer to the sign-in costs nothing', {}, async ({ server, page }) => {
    await loseAnswer(page, 'Login');
    await page.goto('/');
    const code = await askForCode(server, page, freshPhone().national);
    await page.getByLabel('6-digit code').fill(code);
    await alert(page, 'The server cannot be reached.');
    await page.getByRole('button', { name: 'Continue' }).click();
    await signedIn(page);
    await page.getByText('This device').waitFor();
    assert.equal(await page.getByRole('listitem').filter({ hasText: 'Last used' }).count(), 1);
  });

  pageTest(
    'a lost answer to a refresh does not end the session',
    { settings: { ACCESS_TOKEN_TTL: '2s', REFRESH_GRACE: '0s' } },
    async ({ server, page }) => {
      await loseAnswer(page, 'Refresh');
      const failed = page.waitForEvent('requestfailed');
      await signUp(server, page);
      await failed;
      await page.reload();
      await signedIn(page);
      await page.getByText('This device').waitFor();
    },
  );

  pageTest('a later sign-in sends the token of the device', {}, async ({ server, page }) => {
    const { national } = await signUp(server, page);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await signedOut(page);
    const tokenOf = async (operation) => {
      const request = await page.waitForRequest((sent) => operationOf(sent)[0] === operation);
      return operationOf(request)[1].input.deviceToken;
    };
    const tokens = Promise.all([tokenOf('RequestCode'), tokenOf('Login')]);
    await page.getByLabel('6-digit code').fill(await askForCode(server, page, national));
    await signedIn(page);
    const [requested, signed] = await tokens;
    assert.match(requested, /^sld_/);
    assert.equal(signed, requested);
  });

  pageTest('two tabs share one session', { settings: { ACCESS_TOKEN_TTL: '3s' } }, async ({ server, person, page }) => {
    const other = await person.newPage();
    await other.goto('/');
    await signedOut(other);
    await signUp(server, page);
    await signedIn(other);
    // Both tabs survive several refreshes of one session.
    const refreshed = (tab) =>
      tab.waitForResponse((response) => response.request().postData()?.includes('RefreshSession'));
    await Promise.race([refreshed(page), refreshed(other)]);
    await Promise.race([refreshed(page), refreshed(other)]);
    for (const tab of [page, other]) {
      await tab.reload();
      await signedIn(tab);
    }
    await other.getByRole('button', { name: 'Sign out' }).click();
    await signedOut(other);
    await signedOut(page);
  });

  pageTest('a session that another device ended is over', {}, async ({ server, page }) => {
    const { e164 } = await signUp(server, page);
    const { accessToken } = await signIn(server, e164, 'Phone');
    const { me } = await graphql(server, '{ me { sessions { id current } } }', {}, accessToken);
    const document = 'mutation($input: LogoutInput) { logout(input: $input) { __typename } }';
    const sessionIds = me.sessions.filter(({ current }) => !current).map(({ id }) => id);
    await graphql(server, document, { input: { sessionIds } }, accessToken);
    await page.evaluate(() => dispatchEvent(new Event('focus')));
    await page.getByText('You were signed out: this session has ended.').waitFor();
  });

  pageTest('other sessions can be ended', {}, async ({ server, page }) => {
    const { e164 } = await signUp(server, page);
    for (const device of ['Phone', 'Tablet', 'Watch']) await signIn(server, e164, device);
    await page.reload();
    await page.getByRole('listitem').filter({ hasText: 'Tablet' }).getByRole('button').click();
    await page.getByText('One device was signed out.').waitFor();
    await page.getByRole('listitem').filter({ hasText: 'Tablet' }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Sign out all others' }).click();
    await page.getByText('2 devices were signed out.').waitFor();
    await page.getByText('This device').waitFor();
  });

  pageTest('the profile and the phone can be changed', {}, async ({ server, page }) => {
    await signUp(server, page);
    await page.getByRole('button', { name: 'Edit profile' }).click();
    await page.getByRole('textbox', { name: 'Name' }).fill('林');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor();
    await page.getByRole('button', { name: 'Change phone' }).click();
    const next = freshPhone();
    const mark = server.mark();
    await page.getByLabel('New phone number').fill(next.national);
    await page.getByRole('button', { name: 'Send code' }).click();
    await page.getByLabel('6-digit code').fill(await server.code(mark));
    await page.getByText('Your phone number is changed.').waitFor();
    await page.reload();
    await page.getByRole('heading', { name: '林' }).waitFor();
    await page.locator('.profile-phone').filter({ hasText: next.national.slice(-4) }).waitFor();
  });

  pageTest('a phone change after a long time needs the current phone first', {}, async ({ server, page }) => {
    await signUp(server, page);
    const problem = { __typename: 'Problem', code: 'REAUTHENTICATION_REQUIRED' };
    for (const field of ['field', 'limit', 'attemptsRemaining', 'retryAt', 'retryAfterSeconds', 'captchaAppId', 'requestId']) {
      problem[field] = null;
    }
    let rejected = false;
    await page.route('**/graphql', (route) => {
      const [name, { input }] = operationOf(route.request());
      if (rejected || name !== 'RequestCode' || input.purpose !== 'CHANGE_PHONE') return route.continue();
      rejected = true;
      return route.fulfill({ json: { data: { requestCode: problem } } });
    });

    await page.getByRole('button', { name: 'Change phone' }).click();
    const next = freshPhone();
    await page.getByLabel('New phone number').fill(next.national);
    await page.getByRole('button', { name: 'Send code' }).click();
    await page.getByText('You signed in a while ago.').waitFor();
    let mark = server.mark();
    await page.getByRole('button', { name: 'Send code' }).click();
    const own = await server.code(mark);
    mark = server.mark();
    await page.getByLabel('6-digit code').fill(own);

    // The page repeats the request for the new phone.
    await page.getByText(`digits to +86\u00a0${next.national.slice(0, 3)}`).waitFor();
    await page.getByLabel('6-digit code').fill(await server.code(mark));
    await page.getByText('Your phone number is changed.').waitFor();
    await page.locator('.profile-phone').filter({ hasText: next.national.slice(-4) }).waitFor();
  });

  pageTest('an account can be deleted', {}, async ({ server, page }) => {
    const { national } = await signUp(server, page);
    await page.getByRole('button', { name: 'Delete account' }).click();
    const mark = server.mark();
    await page.getByRole('button', { name: 'Send code' }).click();
    await page.getByLabel('6-digit code').fill(await server.code(mark));
    await page.getByRole('button', { name: 'Delete my account' }).click();
    await page.getByText('Your account is deleted.').waitFor();
    // The number is free again, and creates a new account.
    await page.getByLabel('6-digit code').fill(await askForCode(server, page, national));
    await page.getByText('Welcome! Your account is ready.').waitFor();
  });
});

describe('files', () => {
  const local = async (settings, body) => {
    const server = await startServer(settings);
    try {
      await body(server);
    } finally {
      await server.stop();
    }
  };

  test('assets are compressed and immutable; the page is revalidated', { timeout: TEST_MS }, () =>
    local({}, async (server) => {
      const page = await fetch(`${server.origin}/`);
      assert.equal(page.headers.get('cache-control'), 'no-cache');
      const policy = page.headers.get('content-security-policy');
      assert.match(policy, /default-src 'none'; script-src 'self';/);
      const [script] = /\/assets\/index-[\w-]+\.js/.exec(await page.text());
      for (const coding of ['br', 'gzip']) {
        const asset = await fetch(server.origin + script, { headers: { 'accept-encoding': coding } });
        assert.equal(asset.headers.get('content-encoding'), coding);
        assert.equal(asset.headers.get('cache-control'), 'public, max-age=31536000, immutable');
        assert.equal(asset.headers.get('vary'), 'accept-encoding');
      }
      assert.equal((await fetch(`${server.origin}/assets/none.js`)).status, 404);
    }),
  );

  test('a server without the playground has no page', { timeout: TEST_MS }, () =>
    local({ PLAYGROUND: 'false' }, async (server) => {
      for (const path of ['/', '/playground.json', '/dev/inbox']) {
        assert.equal((await fetch(server.origin + path)).status, 404, path);
      }
    }),
  );
});
