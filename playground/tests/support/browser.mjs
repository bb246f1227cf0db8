// Headless Chromium, with pages that fail their test if they contact another origin or break their security policy.
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const ARGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function launch() {
  const asRoot = process.getuid?.() === 0;
  return chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: asRoot ? [...ARGS, '--no-sandbox'] : ARGS,
  });
}

/** Opens a separate browser context, and records what its pages must not do. They may use the given other origins. */
export async function newPerson(browser, server, options = {}, others = []) {
  const context = await browser.newContext({ locale: 'en-US', baseURL: server.origin, ...options });
  context.setDefaultTimeout(15_000);
  const faults = [];
  context.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (![server.origin, ...others].includes(origin) && protocol !== 'data:' && protocol !== 'blob:') faults.push(`asked ${request.url()}`);
  });
  context.on('page', (page) => {
    page.on('pageerror', (error) => faults.push(`error: ${error.stack}`));
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) faults.push(message.text());
    });
  });
  return {
    context,
    newPage: () => context.newPage(),
    /** Closes the context. Fails if a page did what it must not do. */
    async close() {
      await context.close();
      assert.deepEqual(faults, []);
    },
  };
}
