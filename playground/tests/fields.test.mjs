// What each field says if its value is wrong, and what the account shows.
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { alert, askForCode, freshPhone, operationOf, pageTest, signUp } from './support/page.mjs';
import { signIn } from './support/server.mjs';

/** Waits until a field is marked as wrong, and returns the text that describes it. */
async function saidOf(page, label, text) {
  await alert(page, text);
  const field = page.getByLabel(label, { exact: true });
  assert.equal(await field.getAttribute('aria-invalid'), 'true');
  const ids = (await field.getAttribute('aria-describedby')).split(' ');
  const described = await page.evaluate((all) => all.map((id) => document.getElementById(id)?.textContent).join(' '), ids);
  assert.ok(described.includes(text), `${label} is described by: ${described}`);
}

describe('each field says what is wrong with it', () => {
  pageTest('the phone number', {}, async ({ page }) => {
    let requests = 0;
    page.on('request', (request) => (requests += request.url().endsWith('/graphql') ? 1 : 0));
    await page.goto('/');
    const send = page.getByRole('button', { name: 'Send code' });
    await send.click();
    await saidOf(page, 'Phone number', 'Enter a phone number.');
    await page.getByLabel('Phone number').fill('1371111222233334444');
    await send.click();
    await saidOf(page, 'Phone number', 'This number has 21 digits, with its calling code. A phone number has at most 15.');
    assert.equal(requests, 0, 'nothing was sent');
    await page.getByLabel('Phone number').fill('01012345678');
    await send.click();
    await saidOf(page, 'Phone number', 'This is not a mobile phone number.');
    await page.getByLabel('Phone number').fill('+14155550123');
    await send.click();
    await saidOf(page, 'Phone number', 'Codes are not sent to this region. They are sent to: China.');
  });

  pageTest('the code', {}, async ({ server, page }) => {
    await page.goto('/');
    await askForCode(server, page, freshPhone().national);
    const confirm = page.getByRole('button', { name: 'Continue' });
    await confirm.click();
    await saidOf(page, '6-digit code', 'Enter the code.');
    await page.getByLabel('6-digit code').fill('123');
    await confirm.click();
    await saidOf(page, '6-digit code', 'The code has 6 digits. You entered 3.');
  });

  pageTest('the name and the picture', {}, async ({ server, page }) => {
    await signUp(server, page);
    await page.getByRole('button', { name: 'Edit profile' }).click();
    const save = page.getByRole('button', { name: 'Save' });
    // A flag of two code points is one character.
    await page.getByLabel('Name', { exact: true }).fill('🇨🇳'.repeat(40));
    await save.click();
    await saidOf(page, 'Name', 'This name has 40 characters. It can have at most 32.');
    await page.getByLabel('Name', { exact: true }).fill('Lin');
    const picture = 'Picture (web address)';
    await page.getByLabel(picture).fill('http://example.com/a.png');
    await save.click();
    await saidOf(page, picture, 'This is not a web address that begins with https://.');
    await page.getByLabel(picture).fill(`https://example.com/${'a'.repeat(600)}`);
    await save.click();
    await saidOf(page, picture, 'This address has 620 characters. It can have at most 512.');
    await page.getByLabel(picture).fill('https://exa mple.com/');
    await save.click();
    await saidOf(page, picture, 'This is not a web address that begins with https://.');
    await page.getByLabel(picture).fill('https://example.com/a.png');
    await page.route('https://example.com/**', (route) => route.abort());
  });
});

describe('the account', () => {
  pageTest('the name and the picture can be removed', {}, async ({ server, page }) => {
    await signUp(server, page);
    await page.getByRole('button', { name: 'Edit profile' }).click();
    await page.getByLabel('Name', { exact: true }).fill('Lin');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: 'Lin' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Lin' }).waitFor();
    await page.getByRole('button', { name: 'Edit profile' }).click();
    await page.getByLabel('Name', { exact: true }).fill('');
    await page.getByLabel('Picture (web address)').fill('');
    await page.getByText('Leave it empty to use a default picture.').waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: 'No name yet' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'No name yet' }).waitFor();
    assert.match(await page.locator(`img[src*="/avatars/"]`).first().getAttribute('src'), /\/avatars\/\d\.svg$/);
  });

  pageTest('each session says when and where it began, and can be signed out', {}, async ({ server, page }) => {
    const { e164 } = await signUp(server, page);
    await signIn(server, e164, 'Tablet');
    await page.reload();
    const row = page.getByRole('listitem').filter({ hasText: 'Tablet' });
    await row.getByText(/Signed in \w+ \d+, \d{4}.*\d+:\d{2}.*Last used .* from 127\.0\.0\.1/).waitFor();
    await row.getByRole('button', { name: 'Sign out Tablet' }).click();
    await page.getByText('One device was signed out.').waitFor();
    assert.equal(await page.getByText('End', { exact: true }).count(), 0);
  });
});

describe('the messages', () => {
  pageTest('a browser that may not see them learns that, and stops asking', {}, async ({ server, page }) => {
    let asked = 0;
    await page.route('**/dev/inbox', (route) => {
      asked += 1;
      return route.fulfill({ status: 403, body: 'only the page at / on this machine can read the inbox' });
    });
    await page.goto(server.origin);
    await page.getByText('The messages are not for this browser.').waitFor();
    assert.equal(await page.getByText('The code will appear here.').count(), 0);
    const before = asked;
    await page.waitForTimeout(4000);
    assert.equal(asked, before);
  });
});
