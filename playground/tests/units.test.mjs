// Small functions, without a browser.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createServer } from 'vite';

let vite;
const load = (path) => vite.ssrLoadModule(path);

before(async () => {
  vite = await createServer({
    server: { middlewareMode: true, hmr: false, ws: false },
    optimizeDeps: { noDiscovery: true, include: [] },
    appType: 'custom',
    logLevel: 'error',
  });
});
after(() => vite?.close());

test('a typed number becomes the number to send', async () => {
  const { fullNumber, readable, regionChoices } = await load('/src/regions.ts');
  const [china] = regionChoices(['CN'], 'CN');
  assert.equal(fullNumber('137 1111-2222', china), '+8613711112222');
  assert.equal(fullNumber('１３７１１１１２２２２', china), '+8613711112222');
  assert.equal(fullNumber(' +852 5123 4567', china), '+852 5123 4567');
  assert.equal(fullNumber('13711112222', undefined), '13711112222');
  assert.equal(readable('+8613711112222'), '+86\u00a0137\u00a01111\u00a02222');
  assert.equal(readable('+85251234567'), '+852\u00a051234567');
});

test('the default region comes first, and only allowed regions are listed', async () => {
  const { regionChoices } = await load('/src/regions.ts');
  assert.deepEqual(regionChoices(['CN', 'HK'], 'HK').map(({ code }) => code), ['HK', 'CN']);
  assert.ok(regionChoices(null, 'CN').length > 20);
});

test('a code is read from any pasted text', async () => {
  const { readDigits } = await load('/src/signin/CodeField.tsx');
  assert.equal(readDigits('123 456 is your code'), '123456');
  assert.equal(readDigits('１２３４５６'), '123456');
  assert.equal(readDigits('12345678'), '123456');
});

test('the language is the chosen one, or the first supported one of the browser', async () => {
  const { preferredLanguage } = await load('/src/i18n/index.tsx');
  assert.equal(preferredLanguage(null, ['fr', 'zh-TW', 'en']), 'zh');
  assert.equal(preferredLanguage(null, ['en-GB', 'zh']), 'en');
  assert.equal(preferredLanguage(null, ['fr']), 'en');
  assert.equal(preferredLanguage('en', ['zh']), 'en');
});

test('waits are formatted in their two largest units', async () => {
  const { formatWait } = await load('/src/i18n/format.ts');
  assert.equal(formatWait(29_001, 'en'), '30 seconds');
  assert.equal(formatWait(61_000, 'en'), '1 minute 1 second');
  assert.equal(formatWait(3_600_000, 'en'), '1 hour');
  assert.equal(formatWait(29_001, 'zh-CN'), '30秒');
});

test('devices are named after browser and system', async () => {
  const { deviceName } = await load('/src/device.ts');
  const safari = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1';
  assert.equal(deviceName(safari), 'Safari, iPhone');
  const edge = 'Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0';
  assert.equal(deviceName(edge), 'Edge, Windows');
  assert.equal(deviceName(''), 'Browser');
});

test('every error code has a sentence in both languages', async () => {
  const { explain } = await load('/src/i18n/explain.ts');
  const { en } = await load('/src/i18n/en.ts');
  const { zh } = await load('/src/i18n/zh.ts');
  const { readFile } = await import('node:fs/promises');
  const schema = await readFile(new URL('../../schema.graphql', import.meta.url), 'utf8');
  const { buildSchema } = await import('graphql');
  const codes = buildSchema(schema).getType('ErrorCode').getValues().map(({ name }) => name);
  for (const messages of [en, zh]) {
    for (const code of [...codes, 'NETWORK', 'UNKNOWN']) assert.match(explain({ code }, messages), /[.。]$/, code);
  }
});
