// The Explorer: ready operations that pass their results on to each other.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { freshPhone, pageTest, signedIn, signedOut, signUp } from './support/page.mjs';

const open = (page, name) => page.getByRole('navigation', { name: 'Operations' }).getByRole('button', { name, exact: true }).click();
const press = (page) => page.getByRole('button', { name: 'Run', exact: true }).click();
const editor = (page, name) => page.getByRole('textbox', { name, exact: true });
const answer = (page, text) => editor(page, 'Response').filter({ hasText: text }).waitFor();
const has = (page, name, text) => editor(page, name).filter({ hasText: text }).waitFor();

/** Replaces the variables of the open operation. */
async function setVariables(page, variables) {
  await editor(page, 'Variables').fill(JSON.stringify(variables));
}

describe('the Explorer', () => {
  pageTest('it runs `me` with the token of the account view', {}, async ({ server, page }) => {
    const { national } = await signUp(server, page);
    await page.getByRole('link', { name: 'Explorer' }).click();
    await has(page, 'Headers', 'Authorization');
    await open(page, 'Me');
    await press(page);
    await answer(page, `+86${national}`);
    await page.getByRole('link', { name: 'Account' }).click();
    await signedIn(page);
  });

  pageTest('on a narrow screen the response is in view after a run', { options: { viewport: { width: 320, height: 640 } } }, async ({ page }) => {
    await page.goto('/#explorer');
    await open(page, 'Me');
    await press(page);
    await answer(page, '"me": null');
    const box = await editor(page, 'Response').boundingBox();
    assert.ok(box.y < 640 && box.y + box.height > 0, JSON.stringify(box));
  });

  pageTest('it can be left while its editor is busy', {}, async ({ server, page }) => {
    await signUp(server, page);
    for (let turn = 0; turn < 3; turn++) {
      await page.getByRole('link', { name: 'Explorer' }).click();
      await editor(page, 'Operation').click();
      await page.keyboard.type('# x');
      await page.getByRole('link', { name: 'Account' }).click();
      await signedIn(page);
    }
    // It keeps what was typed.
    await page.getByRole('link', { name: 'Explorer' }).click();
    await has(page, 'Operation', '# x');
  });

  pageTest('the token in its headers is renewed', { settings: { ACCESS_TOKEN_TTL: '2s' } }, async ({ server, page }) => {
    const { national } = await signUp(server, page);
    await page.getByRole('link', { name: 'Explorer' }).click();
    await has(page, 'Headers', 'Authorization');
    for (let turn = 0; turn < 2; turn++) {
      await page.waitForResponse((response) => response.request().postData()?.includes('RefreshSession'));
    }
    await open(page, 'Me');
    await press(page);
    await answer(page, `+86${national}`);
  });

  pageTest('it signs in by itself: requests, the inbox and tokens fit together', {}, async ({ page }) => {
    const { e164 } = freshPhone();
    await page.goto('/#explorer');
    await has(page, 'Operation', 'mutation RequestCode');
    await page.getByText('Requests are not signed in.').waitFor();
    await setVariables(page, { input: { phone: e164, purpose: 'LOGIN' } });
    await press(page);
    await page.getByRole('button', { name: /^Use \d{6}$/ }).click();

    // The code opens the operation that uses it, with everything filled in.
    await has(page, 'Operation', 'mutation Login');
    await has(page, 'Variables', e164);
    await press(page);
    await answer(page, 'isNewUser');
    await has(page, 'Headers', 'Authorization');
    await page.getByText('Requests are signed in.').waitFor();
    await page.getByRole('button', { name: /^Use \d{6}$/ }).waitFor({ state: 'detached' });

    // Each operation has the values that it needs.
    await open(page, 'RefreshSession');
    await press(page);
    await answer(page, 'refreshTokenExpiresAt');
    await press(page);
    await answer(page, 'refreshTokenExpiresAt');
    await open(page, 'User');
    await press(page);
    await answer(page, '"id"');
    await open(page, 'DeliveryChanges');
    await press(page);
    await answer(page, 'DELIVERED');

    await open(page, 'DeleteAccount');
    await page.getByRole('button', { name: 'Request a code for this' }).click();
    await has(page, 'Variables', 'DELETE_ACCOUNT');
    await press(page);
    await page.getByRole('button', { name: /^Use \d{6}$/ }).click();
    await has(page, 'Operation', 'mutation DeleteAccount');
    await press(page);
    await answer(page, 'deletedUserId');
    await page.getByText('Requests are not signed in.').waitFor();
  });

  pageTest('the account view is signed in by it, and shares its refresh token', {}, async ({ page }) => {
    await page.goto('/#explorer');
    await setVariables(page, { input: { phone: freshPhone().e164 } });
    await press(page);
    await page.getByRole('button', { name: /^Use \d{6}$/ }).click();
    await press(page);
    await page.getByText('Requests are signed in.').waitFor();
    const used = await page.evaluate(() => JSON.parse(localStorage.getItem('sms-login.session')).refreshToken);
    await open(page, 'RefreshSession');
    await has(page, 'Variables', used);
    await press(page);
    await answer(page, 'refreshTokenExpiresAt');
    // Both have the new token, so the session goes on.
    const next = await page.evaluate(() => JSON.parse(localStorage.getItem('sms-login.session')).refreshToken);
    assert.notEqual(next, used);
    await has(page, 'Variables', next);
    await page.getByRole('link', { name: 'Account' }).click();
    await signedIn(page);
    await page.reload();
    await signedIn(page);
    await page.getByText('This device').waitFor();
  });

  pageTest('what it changes is shown in the account view', {}, async ({ server, page }) => {
    await signUp(server, page);
    await page.getByRole('link', { name: 'Explorer' }).click();
    await open(page, 'UpdateProfile');
    await press(page);
    await page.getByText(/^Answered in \d+ ms\.$/).waitFor();
    await page.getByRole('link', { name: 'Account' }).click();
    await page.getByRole('heading', { name: 'Lin' }).waitFor();
    await page.getByRole('link', { name: 'Explorer' }).click();
    await open(page, 'Logout');
    await press(page);
    await page.getByText('Requests are not signed in.').waitFor();
    await page.getByRole('link', { name: 'Sign in' }).click();
    await signedOut(page);
  });

  pageTest('it explains the schema and marks mistakes', {}, async ({ page }) => {
    await page.goto('/#explorer');
    const docs = page.getByRole('region', { name: 'Schema' });
    await docs.getByRole('searchbox').fill('attemptsRemaining');
    await docs.getByRole('button', { name: 'Problem', exact: true }).click();
    await page.getByText('How many attempts this code has left').waitFor();
    await editor(page, 'Operation').fill('');
    await page.keyboard.type('{ me { lastL');
    await page.locator('.cm-tooltip-autocomplete').getByText('lastLoginAt').waitFor();
    await editor(page, 'Operation').fill('{ nothing }');
    await page.locator('.cm-lintRange-error').first().waitFor();
    await editor(page, 'Variables').fill('{');
    await press(page);
    await page.getByRole('alert').filter({ hasText: 'must be JSON' }).waitFor();
  });

  pageTest('the keyboard alone runs an operation, and Tab leaves the editors', {}, async ({ page }) => {
    await page.goto('/#explorer');
    await open(page, 'CodeDelivery');
    await editor(page, 'Operation').focus();
    await page.keyboard.press('Tab');
    await editor(page, 'Variables').and(page.locator(':focus')).waitFor();
    await page.keyboard.press('Control+Enter');
    await answer(page, 'codeDelivery');
  });
});

describe('what is loaded', () => {
  const loads = async (page, path, ready) => {
    const sizes = [];
    const loaded = [];
    page.on('requestfinished', (request) => {
      loaded.push(new URL(request.url()).pathname);
      sizes.push(request.sizes());
    });
    await page.goto(path, { waitUntil: 'networkidle' });
    await ready();
    const bytes = (await Promise.all(sizes)).reduce((sum, { responseBodySize }) => sum + responseBodySize, 0);
    return { bytes, loaded };
  };

  pageTest('the sign-in loads nothing of the Explorer', {}, async ({ page }) => {
    const { bytes, loaded } = await loads(page, '/', () => signedOut(page));
    assert.ok(!loaded.some((path) => /Explorer/.test(path)), loaded.join(' '));
    assert.ok(bytes > 50_000 && bytes < 100_000, `the first load is ${bytes} bytes`);
  });

  pageTest('the Explorer is below 400 kB, with fonts and the schema', {}, async ({ page }) => {
    const { bytes, loaded } = await loads(page, '/#explorer', () => editor(page, 'Operation').waitFor());
    assert.ok(bytes > 100_000 && bytes < 400_000, `the first load is ${bytes} bytes`);
    assert.ok(!loaded.includes('/graphql'), 'the schema comes with the page, compressed');
  });
});
