// The page for everybody: axe in both themes and languages at several widths, forced colours, and the keyboard.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { alert, freshPhone, noFaults, pageTest, signedIn, signedOut, wrong } from './support/page.mjs';

describe('accessibility and language', () => {
  const LANGUAGES = {
    'en-US': { number: 'Phone number', code: '6-digit code', send: 'Send code', wrong: 'The code is wrong.', edit: 'Edit profile', remove: 'Delete account', devices: 'Where you’re signed in', variables: 'Variables' },
    'zh-CN': { number: '手机号', code: '6 位验证码', send: '获取验证码', wrong: '验证码错误', edit: '编辑资料', remove: '注销账户', devices: '已登录的设备', variables: '变量' },
  };

  /** Goes through every view, and calls `check` with the name of each. */
  async function walk(server, page, words, check) {
    await page.goto('/');
    const number = page.getByLabel(words.number, { exact: true });
    const send = page.getByRole('button', { name: words.send });
    await number.waitFor();
    await check('phone');
    await send.click();
    await page.getByRole('alert').waitFor();
    await check('phone with a mistake');
    const mark = server.mark();
    await number.fill(freshPhone().national);
    await send.click();
    const field = page.getByLabel(words.code);
    await field.waitFor();
    const code = await server.code(mark);
    await field.fill(wrong(code));
    await alert(page, words.wrong);
    await check('code');
    await field.fill(code);
    await page.getByRole('heading', { name: words.devices }).waitFor();
    await page.getByRole('button', { name: words.edit }).click();
    await page.getByRole('button', { name: words.remove }).click();
    await send.click();
    await field.waitFor();
    await check('account');
    await page.goto('/#explorer');
    await page.getByRole('textbox', { name: words.variables }).waitFor();
    await check('explorer');
  }

  for (const [locale, words] of Object.entries(LANGUAGES)) {
    for (const colorScheme of ['light', 'dark']) {
      for (const width of [320, 768, 1440]) {
        const options = { locale, colorScheme, viewport: { width, height: 800 } };
        pageTest(`axe finds nothing, ${locale}, ${colorScheme}, ${width} px`, { options }, ({ server, page }) =>
          walk(server, page, words, async (where) => {
            await noFaults(page, where);
            const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
            assert.ok(beyond <= 0, `${where}: the page is ${beyond} px too wide`);
          }),
        );
      }
    }
  }

  const forced = { forcedColors: 'active', viewport: { width: 1440, height: 900 } };
  pageTest('forced colours show the focus, the open view and the main button', { options: forced }, async ({ server, page }) => {
    const styles = (locator, ...names) =>
      locator.evaluate((element, all) => all.map((name) => getComputedStyle(element).getPropertyValue(name)), names);
    await walk(server, page, LANGUAGES['en-US'], async (where) => {
      await noFaults(page, where);
      const [line] = await styles(page.locator('nav a[aria-current]').first(), 'text-decoration-line');
      assert.equal(line, 'underline', `${where}: the open view`);
      if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/forced-${where}.png`, fullPage: true });
      if (where === 'phone') {
        await page.getByLabel('Phone number').focus();
        assert.deepEqual(await styles(page.getByLabel('Phone number'), 'outline-style', 'outline-width'), ['solid', '3px']);
        assert.deepEqual(await styles(page.locator('.button-main'), 'border-top-width'), ['2px']);
        assert.deepEqual(await styles(page.locator('select').first(), 'appearance'), ['auto']);
      }
      if (where === 'code') {
        await page.getByLabel('6-digit code').focus();
        assert.deepEqual(await styles(page.locator('.sms-login-next'), 'outline-style'), ['solid']);
      }
    });
  });

  pageTest('the keyboard alone signs in', {}, async ({ server, page }) => {
    const { national } = freshPhone();
    await page.goto('/');
    await signedOut(page);
    await page.keyboard.type(national);
    const mark = server.mark();
    await page.keyboard.press('Enter');
    await page.getByLabel('6-digit code').and(page.locator(':focus')).waitFor();
    await page.keyboard.type(await server.code(mark));
    await signedIn(page);
    await page.getByRole('button', { name: 'Sign out' }).press('Enter');
    await signedOut(page);
  });

  pageTest('the page uses the language of the browser', { options: { locale: 'zh-CN' } }, async ({ page }) => {
    await page.goto('/');
    await page.getByRole('heading', { name: '登录' }).waitFor();
    assert.equal(await page.locator('html').getAttribute('lang'), 'zh-CN');
    await noFaults(page, 'zh');
    await page.getByLabel('语言').selectOption('en');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    assert.equal(await page.locator('html').getAttribute('lang'), 'en');
  });
});
