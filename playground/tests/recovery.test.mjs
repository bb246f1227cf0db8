// A user can go back, reload and start again without losing a valid code or the typed number.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { alert, askForCode, freshPhone, pageTest, signedIn, signedOut, signUp, wrong } from './support/page.mjs';
import { graphql, signIn } from './support/server.mjs';

const step = (page) => new URL(page.url()).hash;
const focused = (page, name) => page.getByRole('heading', { name }).and(page.locator(':focus')).waitFor();
const send = (page) => page.getByRole('button', { name: 'Send code' }).click();
const codeField = (page) => page.getByLabel('6-digit code');
const numberField = (page) => page.getByLabel('Phone number');
const offered = (page) => page.getByRole('button', { name: /^Use \d{6}$/ });

describe('a code that was sent', () => {
  pageTest('survives a reload', {}, async ({ server, page }) => {
    await page.goto('/');
    const code = await askForCode(server, page, freshPhone().national);
    assert.equal(step(page), '#code');
    await page.reload();
    await codeField(page).fill(code);
    await signedIn(page);
    assert.equal(step(page), '');
  });

  pageTest('survives Back and Forward', {}, async ({ server, page }) => {
    const { national } = freshPhone();
    await page.goto('/');
    const code = await askForCode(server, page, national);
    await page.goBack();
    await signedOut(page);
    assert.equal(await numberField(page).inputValue(), national);
    await page.goForward();
    await codeField(page).fill(code);
    await signedIn(page);
  });

  pageTest('survives "Use another number", which keeps the typed number', {}, async ({ server, page }) => {
    const { national } = freshPhone();
    await page.goto('/');
    const code = await askForCode(server, page, national);
    await page.getByRole('button', { name: 'Use another number' }).click();
    await signedOut(page);
    assert.equal(step(page), '');
    assert.equal(await numberField(page).inputValue(), national);
    await page.getByRole('button', { name: 'Enter the code that was sent to' }).click();
    await codeField(page).fill(code);
    await signedIn(page);
  });

  pageTest('is not kept after it was used', {}, async ({ server, page }) => {
    await signUp(server, page);
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await signedOut(page);
    assert.equal(await numberField(page).inputValue(), '');
    await page.goto('/#code');
    await signedOut(page);
    await page.waitForFunction(() => location.hash === '');
  });

  pageTest('the typed number survives a reload', {}, async ({ page }) => {
    const { national } = freshPhone();
    await page.goto('/');
    await numberField(page).fill(national);
    await page.reload();
    await signedOut(page);
    assert.equal(await numberField(page).inputValue(), national);
  });
});

describe('a code that cannot be used any more', () => {
  const onlySendsAgain = async (page) => {
    await page.locator('.button-main', { hasText: 'Send a new code' }).and(page.locator(':focus')).waitFor();
    assert.equal(await page.locator('.button-main').count(), 1);
    assert.equal(await codeField(page).count(), 0);
    assert.equal(await offered(page).count(), 0);
  };

  pageTest('makes "Send a new code" the main button after three wrong attempts', {}, async ({ server, page }) => {
    await page.goto('/');
    const code = await askForCode(server, page, freshPhone().national);
    for (const told of ['You have 2 attempts left.', 'You have one attempt left.', 'that was the last attempt']) {
      await codeField(page).fill(wrong(code));
      await alert(page, told);
    }
    await onlySendsAgain(page);
    await page.reload();
    await onlySendsAgain(page);
    const mark = server.mark();
    await page.getByRole('button', { name: 'Send a new code' }).click();
    await codeField(page).fill(await server.code(mark));
    await signedIn(page);
  });

  pageTest('does so when it expires', { settings: { CODE_TTL: '3s' } }, async ({ server, page }) => {
    await page.goto('/');
    await askForCode(server, page, freshPhone().national);
    await alert(page, 'This code is no longer valid.');
    await onlySendsAgain(page);
  });
});

describe('the inbox offers only codes that the form accepts', () => {
  pageTest('both codes after a resend, and none of another device', {}, async ({ server, page }) => {
    const { national, e164 } = freshPhone();
    await page.goto('/');
    await askForCode(server, page, national);
    await offered(page).waitFor();
    const document =
      'mutation($input: RequestCodeInput!) { requestCode(input: $input) { ... on RequestCodePayload { challengeId } } }';
    await graphql(server, document, { input: { phone: e164 } });
    await page.getByRole('complementary').getByRole('listitem').nth(1).waitFor();
    assert.equal(await offered(page).count(), 1, 'the other device’s code is not for this form');
    await page.getByRole('button', { name: 'Send a new code' }).click();
    await page.getByText('A new code is on its way.').waitFor();
    await offered(page).nth(1).waitFor();
    assert.equal(await offered(page).count(), 2);
  });

  pageTest('no code of an earlier sign-in', {}, async ({ server, page }) => {
    const { e164 } = await signUp(server, page);
    await signIn(server, e164, 'Phone');
    await page.getByRole('button', { name: 'Delete account' }).click();
    await send(page);
    await page.getByRole('complementary').getByRole('listitem').nth(2).waitFor();
    await offered(page).waitFor();
    assert.equal(await offered(page).count(), 1);
    await page.getByRole('button', { name: 'Delete account' }).click();
    await offered(page).waitFor({ state: 'detached' });
  });
});

describe('the panels of the account', () => {
  pageTest('Change phone offers another number, and survives a reload', {}, async ({ server, page }) => {
    await signUp(server, page);
    await page.getByRole('button', { name: 'Change phone' }).click();
    assert.equal(step(page), '#change-phone');
    const [first, second] = [freshPhone(), freshPhone()];
    const field = page.getByLabel('New phone number');
    await field.fill(first.national);
    await send(page);
    await codeField(page).waitFor();
    assert.equal(step(page), '#change-phone/code');
    await page.reload();
    await codeField(page).waitFor();
    await page.getByRole('button', { name: 'Use another number' }).click();
    assert.equal(await field.inputValue(), first.national);
    await field.fill(second.national);
    const mark = server.mark();
    await send(page);
    await codeField(page).fill(await server.code(mark));
    await page.getByText('Your phone number is changed.').waitFor();
    await focused(page, 'No name yet');
    await page.locator('.profile-phone').filter({ hasText: second.national.slice(-4) }).waitFor();
  });

  pageTest('warnings stand at the button that they warn of', { settings: { SEND_DAILY_LIMIT: '1' } }, async ({ server, page }) => {
    await signUp(server, page);
    // The element before a button.
    const before = (name) =>
      page.locator('.disclosure-body').getByRole('button', { name }).evaluate((button) => button.previousElementSibling?.textContent);
    await page.getByRole('button', { name: 'Delete account' }).click();
    assert.match(await before('Send code'), /It cannot be undone\.$/);
    await send(page);
    await codeField(page).waitFor();
    assert.match(await before('Delete my account'), /It cannot be undone\.$/);
    assert.match(await before(/new code/i), /^No more codes can be sent/);
    await page.getByRole('button', { name: 'Change phone' }).click();
    await page.getByLabel('New phone number').fill(freshPhone().national);
    await send(page);
    await codeField(page).waitFor();
    assert.match(await before('Change phone'), /other devices will be signed out/);
  });
});

describe('the view that opens', () => {
  pageTest('has the focus on its heading', {}, async ({ server, page }) => {
    await page.goto('/');
    await askForCode(server, page, freshPhone().national);
    // The only field of this step has the focus: keyboards offer the code from the SMS there.
    await codeField(page).and(page.locator(':focus')).waitFor();
    await page.goBack();
    await focused(page, 'Sign in');
    await page.getByRole('link', { name: 'Explorer' }).click();
    await focused(page, 'Explorer');
    await page.getByRole('link', { name: 'Sign in' }).click();
    await focused(page, 'Sign in');
    await page.getByRole('button', { name: 'Enter the code that was sent to' }).click();
    await offered(page).click();
    await focused(page, 'No name yet');
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await focused(page, 'Sign in');
  });

  pageTest('is a skeleton until the server has told its settings', {}, async ({ page }) => {
    let answer;
    const held = new Promise((resolve) => (answer = resolve));
    await page.route('**/playground.json', async (route) => {
      await held;
      return route.continue();
    });
    await page.goto('/');
    await page.getByRole('status').filter({ hasText: 'Loading…' }).waitFor();
    await page.getByRole('link', { name: 'Explorer' }).waitFor();
    assert.equal(await numberField(page).count(), 0);
    answer();
    await signedOut(page);
  });
});
