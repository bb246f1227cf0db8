// Takes the README's picture of the page, docs/page.png: `npm run screenshot`, after `make run` or `cargo build`.
import { fileURLToPath } from 'node:url';
import { launch } from './support/browser.mjs';
import { startServer } from './support/server.mjs';

const path = fileURLToPath(new URL('../../docs/page.png', import.meta.url));
const server = await startServer();
const browser = await launch();
try {
  const page = await browser.newPage({ locale: 'en-US', viewport: { width: 1120, height: 640 } });
  await page.goto(server.origin);
  await page.getByLabel('Phone number').fill('137 1111 2222');
  await page.getByRole('button', { name: 'Send code' }).click();
  await page.getByLabel('6-digit code').waitFor();
  await page.getByRole('button', { name: /^Use \d{6}$/ }).waitFor();
  await page.screenshot({ path, animations: 'disabled' });
} finally {
  await browser.close();
  await server.stop();
}
