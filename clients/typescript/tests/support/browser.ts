// Headless Chromium, and the bundle of the test page.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';
import { root } from './paths.js';
import type { Proxy } from './proxy.js';

const ARGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export function launch(): Promise<Browser> {
  const asRoot = process.getuid?.() === 0;
  return chromium.launch({
    executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
    args: asRoot ? [...ARGS, '--no-sandbox'] : ARGS,
  });
}

/** Bundles the test page, and lets the proxy serve it at `/page`. */
export async function servePage(proxy: Proxy): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: [join(root, 'tests/page/main.tsx')],
    bundle: true,
    format: 'esm',
    jsx: 'automatic',
    outdir: '/',
    write: false,
    define: { 'process.env.NODE_ENV': '"development"' },
  });
  const text = (ending: string) => outputFiles.find(({ path }) => path.endsWith(ending))!.text;
  proxy.files['/main.js'] = ['text/javascript', text('.js')];
  proxy.files['/main.css'] = ['text/css', text('.css')];
  proxy.files['/page'] = [
    'text/html',
    `<!doctype html><title>Shop</title><meta name="viewport" content="width=device-width">
    <style>body { margin: 0; font-family: sans-serif; color-scheme: light dark }</style>
    <link rel="stylesheet" href="/main.css"><div id="root"></div><script type="module" src="/main.js"></script>`,
  ];
}

export interface Person {
  context: BrowserContext;
  open(query?: string): Promise<Page>;
  close(): Promise<void>;
}

/** Opens a separate browser context. Its `close` fails if a page had an error. */
export async function newPerson(browser: Browser, proxy: Proxy, options: BrowserContextOptions = {}): Promise<Person> {
  const context = await browser.newContext({ locale: 'en-US', baseURL: proxy.origin, ...options });
  context.setDefaultTimeout(15_000);
  const faults: string[] = [];
  context.on('page', (page) => {
    page.on('pageerror', (error) => faults.push(String(error.stack)));
    page.on('console', (message) => {
      if (message.type() === 'error' && !/Failed to load resource|WebSocket/.test(message.text())) faults.push(message.text());
    });
  });
  return {
    context,
    async open(query = '') {
      const page = await context.newPage();
      await page.goto(`/page?${query}`);
      return page;
    },
    async close() {
      await context.close();
      assert.deepEqual(faults, []);
    },
  };
}

/** Fails if axe finds a violation, or if the page is wider than its window. */
export async function checkAccess(page: Page, where: string): Promise<void> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(root: Document): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } };
    return (await axe.run(document)).violations;
  });
  assert.deepEqual(found.map(({ id, nodes }) => `${where}: ${id}: ${nodes.map(({ html }) => html).join(' ')}`), []);
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(beyond <= 0, `${where}: the page is ${beyond} px too wide`);
}
