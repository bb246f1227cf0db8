// The sign-in form in a real browser, against the real server.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import type { SmsLogin } from 'sms-login';
import { checkAccess, launch, newPerson, servePage, type Person } from './support/browser.js';
import { startProxy, type Proxy } from './support/proxy.js';
import { startServer, type Server } from './support/server.js';
import { wrong } from './support/sign-in.js';

declare global {
  var smsLogin: SmsLogin;
}

interface Shop {
  server: Server;
  proxy: Proxy;
}

let browser: Browser;
let shop: Shop;
const running: Shop[] = [];
let last = 0;

async function start(settings?: Record<string, string>): Promise<Shop> {
  const server = await startServer(settings);
  const proxy = await startProxy(server.origin);
  await servePage(proxy);
  running.push({ server, proxy });
  return { server, proxy };
}

before(async () => {
  browser = await launch();
  shop = await start({ COOKIES: 'true' });
});

after(async () => {
  await browser.close();
  for (const { server, proxy } of running) {
    await proxy.stop();
    await server.stop();
  }
});

function browserTest(name: string, run: (person: Person) => Promise<void>, options: BrowserContextOptions = {}, own = () => shop): void {
  test(name, { timeout: 60_000 }, async () => {
    const person = await newPerson(browser, own().proxy, options);
    try {
      await run(person);
    } finally {
      await person.close();
    }
  });
}

/** Returns a national number that no other test uses. */
function freshNumber(): string {
  last += 1;
  return `1381111${String(last).padStart(4, '0')}`;
}

/** Returns a number as the form shows it. */
const shown = (number: string) => `+86 ${number.slice(0, 3)} ${number.slice(3, 7)} ${number.slice(7)}`;

async function enterPhone(page: Page, number = freshNumber(), { server } = shop): Promise<string> {
  const mark = server.mark();
  await page.getByLabel('Phone number').fill(number);
  await page.keyboard.press('Enter');
  await page.getByLabel('6-digit code').and(page.locator(':focus')).waitFor();
  return server.code(mark);
}

async function signIn(page: Page, number = freshNumber(), own = shop): Promise<void> {
  await page.getByLabel('6-digit code').fill(await enterPhone(page, number, own));
  await page.getByText(`Hello +86${number}`).waitFor();
}

const status = (page: Page, text: string) => page.locator('output', { hasText: new RegExp(`^${text}$`) }).waitFor();

describe('the form', () => {
  browserTest('signs up: a wrong code, the right one, a reload, signing out', async (person) => {
    const page = await person.open();
    const number = freshNumber();
    const code = await enterPhone(page, number);
    await page.getByText(`We sent a code to ${shown(number)}.`).waitFor();
    await page.getByLabel('6-digit code').fill(wrong(code));
    await page.getByRole('alert').filter({ hasText: 'The code is wrong. You have 2 attempts left.' }).waitFor();
    // The field is empty and has the focus again.
    await page.getByLabel('6-digit code').and(page.locator(':focus')).waitFor();
    await page.keyboard.type(code);
    await page.getByText(`Hello +86${number}`).waitFor();
    await page.waitForFunction(() => document.title === 'Welcome');

    await page.reload();
    await page.getByText(`Hello +86${number}`).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });

  browserTest('keeps the challenge over a reload, and lets the user go back', async (person) => {
    const page = await person.open();
    const number = freshNumber();
    const code = await enterPhone(page, number);
    await page.reload();
    await page.getByText(`We sent a code to ${shown(number)}.`).waitFor();
    await page.getByRole('button', { name: 'Use another number' }).click();
    const field = page.getByLabel('Phone number').and(page.locator(':focus'));
    assert.equal(await field.inputValue(), '');
    // The code that was sent is still accepted.
    await page.getByRole('button', { name: 'Enter the code that was sent to' }).click();
    await page.getByLabel('6-digit code').waitFor();
    await page.getByRole('button', { name: 'Use another number' }).click();
    await field.fill(freshNumber());
    await page.keyboard.press('Enter');
    await page.getByLabel('6-digit code').waitFor();
    await page.getByRole('button', { name: 'Use another number' }).click();
    assert.match(await field.inputValue(), /^1381111/);
    await page.getByRole('button', { name: 'Enter the code that was sent to' }).waitFor();
    assert.match(code, /^\d{6}$/);
  });

  browserTest('sends a new code, and accepts the first', async (person) => {
    const page = await person.open();
    const code = await enterPhone(page);
    const mark = shop.server.mark();
    await page.getByRole('button', { name: 'Send a new code' }).click();
    await page.getByText('A new code is on its way.').waitFor();
    await shop.server.code(mark);
    await page.getByLabel('6-digit code').fill(code);
    await status(page, 'signedIn');
  });

  browserTest('explains a phone that is not one, and a network that is down', async (person) => {
    const page = await person.open();
    await page.getByLabel('Phone number').fill('12');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'This is not a mobile phone number.' }).waitFor();
    await page.getByLabel('Phone number').fill(freshNumber());
    shop.proxy.fault = 'refuse';
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'The server cannot be reached.' }).waitFor();
    shop.proxy.fault = undefined;
    await page.getByRole('button', { name: 'Send code' }).click();
    await page.getByLabel('6-digit code').waitFor();
  });

  browserTest('says what is wrong before it sends anything, and ends a code without attempts', async (person) => {
    const page = await person.open();
    const told = (text: string) => page.getByRole('alert').filter({ hasText: text }).waitFor();
    const send = page.getByRole('button', { name: 'Send code' });
    await send.click();
    await told('Enter a phone number.');
    await page.getByLabel('Phone number').and(page.locator(':focus')).fill('1371111222233334444');
    await send.click();
    await told('This number has 21 digits');
    const code = await enterPhone(page);
    await page.getByRole('button', { name: 'Continue' }).click();
    await told('Enter the code.');
    await page.getByLabel('6-digit code').fill('123');
    await page.getByRole('button', { name: 'Continue' }).click();
    await told('The code has 6 digits. You entered 3.');
    for (const text of ['You have 2 attempts left.', 'You have one attempt left.', 'that was the last attempt']) {
      await page.getByLabel('6-digit code').fill(wrong(code));
      await told(text);
    }
    const again = page.getByRole('button', { name: 'Send a new code' });
    await again.and(page.locator(':focus')).waitFor();
    assert.equal(await page.getByLabel('6-digit code').count(), 0);
    const mark = shop.server.mark();
    await again.click();
    await page.getByLabel('6-digit code').fill(await shop.server.code(mark));
    await status(page, 'signedIn');
  });

  browserTest('takes the code from a paste with other characters', async (person) => {
    const page = await person.open();
    const code = await enterPhone(page);
    await page.getByLabel('6-digit code').evaluate((input, text) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData('text', text);
      input.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
    }, `Code: ${code.slice(0, 3)} ${code.slice(3)}`);
    await status(page, 'signedIn');
  });

  browserTest('reads the code from the SMS (WebOTP)', async (person) => {
    // A desktop browser gets no SMS, so the test answers for the phone.
    await person.context.addInitScript(() => {
      // The empty first page has no credentials.
      if (!navigator.credentials) return;
      Object.assign(window, { OTPCredential: class {} });
      navigator.credentials.get = (options) => {
        Object.assign(window, { otp: JSON.stringify((options as unknown as { otp: object }).otp) });
        return new Promise((resolve) => Object.assign(window, { arrive: (code: string) => resolve({ code } as never) }));
      };
    });
    const page = await person.open();
    const code = await enterPhone(page);
    assert.equal(await page.evaluate(() => (window as unknown as { otp: string }).otp), '{"transport":["sms"]}');
    await page.evaluate((text) => (window as unknown as { arrive(code: string): void }).arrive(text), code);
    await status(page, 'signedIn');
  });

  browserTest('takes its colours from custom properties', async (person) => {
    const page = await person.open();
    await page.addStyleTag({ content: ':root { --sms-login-accent: rgb(1, 2, 3) }' });
    const color = await page.getByRole('button', { name: 'Send code' }).evaluate((button) => getComputedStyle(button).backgroundColor);
    assert.equal(color, 'rgb(1, 2, 3)');
  });
});

describe('access', () => {
  for (const locale of ['en', 'zh'] as const) {
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [320, 1280]) {
        const options = { colorScheme, viewport: { width, height: 720 } };
        browserTest(`axe finds nothing: ${locale}, ${colorScheme}, ${width} px`, async (person) => {
          const page = await person.open(`locale=${locale}`);
          const phone = page.locator('input[name=phone]');
          const code = page.locator('input[name=code]');
          await phone.fill('12');
          await checkAccess(page, 'phone');
          await page.keyboard.press('Enter');
          await page.getByRole('alert').waitFor();
          await checkAccess(page, 'invalid phone');
          const mark = shop.server.mark();
          await phone.fill(freshNumber());
          await page.keyboard.press('Enter');
          await code.waitFor();
          await checkAccess(page, 'code');
          await code.fill(wrong(await shop.server.code(mark)));
          await page.getByRole('alert').waitFor();
          await checkAccess(page, 'wrong code');
          assert.equal(await page.getByText(locale === 'zh' ? '验证码错误' : 'The code is wrong').count() > 0, true);
        }, options);
      }
    }
  }

  browserTest('with forced colours, the form has a border', async (person) => {
    const page = await person.open();
    const border = () => page.locator('.sms-login').evaluate((element) => getComputedStyle(element).borderTopWidth);
    assert.equal(await border(), '1px');
    await checkAccess(page, 'forced colours');
  }, { forcedColors: 'active' });
});

describe('tabs', () => {
  browserTest('agree on signing in and out', async (person) => {
    const [one, two] = [await person.open(), await person.open()];
    await signIn(one);
    await status(two, 'signedIn');
    await two.getByRole('button', { name: 'Sign out' }).click();
    await status(one, 'signedOut signedOut');
  });

  /** Refreshes in both tabs at the same time, several times. */
  async function refreshTogether(person: Person, query: string): Promise<void> {
    const [one, two] = [await person.open(query), await person.open(query)];
    await signIn(one);
    await two.reload();
    await status(two, 'signedIn');
    shop.proxy.operations = [];
    for (let round = 0; round < 4; round += 1) {
      // The first answer is held back until both tabs have asked: otherwise the second one may refresh the new token.
      let release = () => {};
      shop.proxy.hold = new Promise<void>((resolve) => (release = resolve));
      const begin = (page: Page) => page.evaluate(() => void ((globalThis as { going?: unknown }).going = smsLogin.refresh()));
      await Promise.all([one, two].map(begin));
      release();
      const end = (page: Page) => page.evaluate(async () => (await (globalThis as { going?: Promise<{ ok: boolean }> }).going!).ok);
      assert.deepEqual(await Promise.all([one, two].map(end)), [true, true]);
    }
    assert.deepEqual(shop.proxy.operations, Array(4).fill('Refresh'));
    const users = await Promise.all([one, two].map((page) => page.evaluate(async () => {
      const result = await smsLogin.me();
      return result.ok && result.user?.phone;
    })));
    assert.ok(users[0] && users[0] === users[1]);
  }

  browserTest('refresh one at a time', (person) => refreshTogether(person, ''));

  browserTest('refresh one at a time without Web Locks', async (person) => {
    await person.context.addInitScript(() => Object.defineProperty(Navigator.prototype, 'locks', { value: undefined }));
    await refreshTogether(person, '');
  });

  browserTest('do not wait for a tab that is frozen', async (person) => {
    await person.context.addInitScript(() => {
      const { timeout } = AbortSignal;
      AbortSignal.timeout = () => timeout.call(AbortSignal, 200);
    });
    const [frozen, page] = [await person.open(), await person.open()];
    await signIn(page);
    await frozen.evaluate(() => void navigator.locks.request('sms-login.refresh', () => new Promise(() => {})));
    assert.equal(await page.evaluate(async () => (await smsLogin.refresh()).ok), true);
  });

  browserTest('refresh one at a time in cookie mode', (person) => refreshTogether(person, 'cookies'));
});

describe('cookie mode', () => {
  browserTest('keeps no token where scripts can read it, and stays signed in', async (person) => {
    const page = await person.open('cookies');
    await signIn(page);
    const readable = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie);
    assert.doesNotMatch(readable, /slr_|sld_|eyJ/);
    const cookies = await person.context.cookies();
    assert.deepEqual(cookies.map(({ name, httpOnly }) => [name, httpOnly]).sort(), [
      ['__Host-sms-login-device', true],
      ['__Host-sms-login-refresh', true],
    ]);

    await page.reload();
    await status(page, 'signedIn');
    const other = await person.open('cookies');
    await status(other, 'signedIn');
    await other.getByRole('button', { name: 'Sign out' }).click();
    await status(page, 'signedOut signedOut');
    // Somebody who is known to be signed out costs no request.
    shop.proxy.operations = [];
    await page.reload();
    await status(page, 'signedOut');
    assert.deepEqual(shop.proxy.operations, []);
  });

  browserTest('finds the cookie although the browser has removed the local data', async (person) => {
    const page = await person.open('cookies');
    await signIn(page);
    await page.evaluate(() => localStorage.clear());
    await page.reload();
    await status(page, 'signedIn');
  });

  browserTest('repeats a refresh whose answer was lost', async (person) => {
    const page = await person.open('cookies');
    await signIn(page);
    shop.proxy.fault = 'drop';
    assert.equal(await page.evaluate(async () => (await smsLogin.refresh()).ok), false);
    await page.reload();
    await status(page, 'starting');
    shop.proxy.fault = undefined;
    await status(page, 'signedIn');
  });

  browserTest('says nothing to a visitor who was never signed in', async (person) => {
    const page = await person.open('cookies');
    await status(page, 'signedOut');
    assert.equal(await page.getByText('You were signed out').count(), 0);
  });
});

describe('other servers', () => {
  let strict: Shop;
  let guarded: Shop;

  before(async () => {
    strict = await start({ REAUTHENTICATION_MAX_AGE: '1s', SEND_COOLDOWN: '2s' });
    guarded = await start({
      CAPTCHA: 'always',
      TENCENT_CAPTCHA_APP_ID: '190000001',
      TENCENT_CAPTCHA_APP_SECRET_KEY: 'captcha-key',
      TENCENT_CAPTCHA_ENDPOINT: 'http://127.0.0.1:9',
      TENCENTCLOUD_SECRET_ID: 'id',
      TENCENTCLOUD_SECRET_KEY: 'key',
      SMS_PROVIDER: 'console',
    });
  });

  browserTest('the phone is changed after a reauthentication, and resending waits', async (person) => {
    const page = await person.open('change');
    await signIn(page, freshNumber(), strict);
    await page.waitForTimeout(2100);
    const number = freshNumber();
    await page.getByLabel('Phone number').fill(number);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Confirm it’s you' }).waitFor();
    const first = strict.server.mark();
    await page.getByRole('button', { name: 'Send code' }).click();
    await page.getByRole('button', { name: /^New code in/ }).waitFor();
    const second = strict.server.mark();
    await page.getByLabel('6-digit code').fill(await strict.server.code(first));
    await page.getByText(`We sent a code to ${shown(number)}.`).waitFor();
    await page.getByLabel('6-digit code').fill(await strict.server.code(second));
    await page.waitForFunction((title) => document.title === title, `moved to +86${number}`);
    await page.getByText(`Hello +86${number}`).waitFor();
  }, {}, () => strict);

  browserTest('a server without cookie mode says so in the answers', async (person) => {
    const page = await person.open('cookies');
    await status(page, 'signedOut');
    await page.getByLabel('Phone number').fill(freshNumber());
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'wrong format' }).waitFor();
  }, {}, () => strict);

  browserTest('the captcha is shown with its app id, and its result is sent', async (person) => {
    const page = await person.open();
    await page.getByLabel('Phone number').fill(freshNumber());
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.title === 'captcha 190000001');
    await page.getByRole('alert').filter({ hasText: 'The captcha was not passed.' }).waitFor();
  }, {}, () => guarded);
});
