// Small functions, without a browser.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { buildSchema, coerceInputValue, parse, typeFromAST, validate } from 'graphql';
import { createServer } from 'vite';

const NO_FIELDS = {
  field: null,
  limit: null,
  attemptsRemaining: null,
  retryAt: null,
  retryAfterSeconds: null,
  captchaAppId: null,
  requestId: null,
};

/** Returns the fields that have a value. */
const known = (failure) => Object.fromEntries(Object.entries(failure).filter(([, value]) => value !== undefined));

async function schema() {
  return buildSchema(await readFile(new URL('../../schema.graphql', import.meta.url), 'utf8'));
}

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
  assert.equal(readDigits('123 456 is your code', 6), '123456');
  assert.equal(readDigits('１２３４５６', 6), '123456');
  assert.equal(readDigits('12345678', 6), '123456');
  assert.equal(readDigits('12345678', 8), '12345678');
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

test('a picture of the server is recognized under any name of its host', async () => {
  const { ownPicture } = await load('/src/avatar.ts');
  const origin = 'http://localhost:8000';
  assert.equal(ownPicture('http://127.0.0.1:8000/avatars/2.svg', origin), '/avatars/2.svg');
  assert.equal(ownPicture('https://app.example.com/avatars/2.svg', 'https://app.example.com'), '/avatars/2.svg');
  assert.equal(ownPicture('https://other.example.com/avatars/2.svg', origin), undefined);
});

test('a problem is read from its fields', async () => {
  const { payloadOf, toFailure } = await load('/src/api/failure.ts');
  const payload = { __typename: 'LogoutPayload', endedSessions: 1 };
  assert.equal(payloadOf(payload), payload);

  const read = (fields) => {
    try {
      return payloadOf({ __typename: 'Problem', ...NO_FIELDS, ...fields });
    } catch (error) {
      return toFailure(error);
    }
  };
  assert.deepEqual(known(read({ code: 'CODE_INCORRECT', attemptsRemaining: 0 })), {
    code: 'CODE_INCORRECT',
    attemptsRemaining: 0,
  });
  assert.deepEqual(known(read({ code: 'CAPTCHA_REQUIRED', captchaAppId: '19' })), {
    code: 'CAPTCHA_REQUIRED',
    captchaAppId: '19',
  });
  const limited = { code: 'RATE_LIMITED', limit: 'COOLDOWN', retryAt: '2026-03-01T12:00:30Z', retryAfterSeconds: 30 };
  assert.deepEqual(known(read(limited)), {
    code: 'RATE_LIMITED',
    limit: 'COOLDOWN',
    retryAt: Date.parse(limited.retryAt),
  });
  const { retryAt } = read({ code: 'SIGNUP_FAILED', retryAfterSeconds: 2 });
  assert.ok(Math.abs(retryAt - Date.now() - 2000) < 1000, `${retryAt}`);
});

test('a GraphQL error is read from its extensions', async () => {
  const { ApiError, toFailure } = await load('/src/api/failure.ts');
  const read = (extensions) => known(toFailure(new ApiError([{ extensions }])));
  assert.deepEqual(read({ code: 'INTERNAL', requestId: 'r' }), { code: 'INTERNAL', requestId: 'r' });
  assert.deepEqual(read({ code: 'GRAPHQL_VALIDATION_FAILED' }), { code: 'UNKNOWN' });
  assert.deepEqual(read(undefined), { code: 'UNKNOWN' });
  assert.deepEqual(toFailure(new TypeError('failed to fetch')), { code: 'NETWORK' });
});

test('the page does not compile without a sentence for a new error code and a new limit', async () => {
  // Inside this folder, so that the copy finds the libraries.
  const folder = await mkdtemp(fileURLToPath(new URL('../node_modules/.exhaustive-', import.meta.url)));
  try {
    const from = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
    await cp(from('src'), `${folder}/src`, { recursive: true });
    await cp(from('tsconfig.json'), `${folder}/tsconfig.json`);
    const compile = () => promisify(execFile)(from('node_modules/.bin/tsc'), ['--project', folder]);
    await compile();

    const types = `${folder}/src/api/generated/schema.ts`;
    const text = await readFile(types, 'utf8');
    for (const name of ['ErrorCode', 'RateLimit']) {
      await writeFile(types, text.replace(`export const ${name} = {`, "$&\n  New: 'NEW_VALUE',"));
      const failure = await compile().catch((error) => error);
      assert.match(String(failure.stdout), /explain\.ts.*NEW_VALUE.*never/s, name);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('every error code has a sentence in both languages', async () => {
  const { explain } = await load('/src/i18n/explain.ts');
  const { en } = await load('/src/i18n/en.ts');
  const { zh } = await load('/src/i18n/zh.ts');
  const codes = (await schema()).getType('ErrorCode').getValues().map(({ name }) => name);
  for (const messages of [en, zh]) {
    for (const code of [...codes, 'NETWORK', 'UNKNOWN']) assert.match(explain({ code }, messages), /[.。]$/, code);
  }
});

test('the Explorer has a valid operation for every field, and its mutations select the problem', async () => {
  const { OPERATIONS } = await load('/src/explorer/operations.ts');
  const api = await schema();
  const used = new Set();
  for (const { name, kind, query, variables } of OPERATIONS) {
    const document = parse(query);
    assert.deepEqual(validate(api, document), [], query);
    const [operation] = document.definitions;
    assert.equal(operation.name.value, name);
    assert.equal(operation.operation, kind);
    used.add(`${kind} ${operation.selectionSet.selections[0].name.value}`);
    if (kind === 'mutation') assert.match(query, /\.\.\. on Problem/, query);
    for (const { variable, type } of operation.variableDefinitions) {
      const { errors } = coerceInputOf(api, type, variables[variable.name.value]);
      assert.deepEqual(errors, [], name);
    }
  }
  const roots = [api.getQueryType(), api.getMutationType(), api.getSubscriptionType()];
  const fields = roots.flatMap((type) => Object.keys(type.getFields()).map((field) => `${type.name.toLowerCase()} ${field}`));
  assert.deepEqual([...used].sort(), fields.sort());
});

function coerceInputOf(api, type, value) {
  const errors = [];
  coerceInputValue(value, typeFromAST(api, type), (path, _, error) => errors.push(`${path}: ${error.message}`));
  return { errors };
}

test('the Explorer carries challenges, codes and tokens on', async () => {
  const { carryOn, withValues } = await load('/src/explorer/carry.ts');
  const requestCode = { challengeId: 'c1', expiresAt: '2026-01-01T00:00:00Z' };
  const input = { phone: '+8613711112222', purpose: 'DELETE_ACCOUNT' };
  const requested = carryOn({ data: { requestCode } }, { input });
  assert.deepEqual(requested.values, {
    DeleteAccount: { 'input.code': '', 'input.challengeId': 'c1' },
    CodeDelivery: { challengeId: 'c1' },
    DeliveryChanges: { challengeId: 'c1' },
  });
  assert.equal(requested.challenge.operation, 'DeleteAccount');
  const forLogin = carryOn({ data: { requestCode } }, { input: { phone: '+8613711112222' } });
  assert.deepEqual(forLogin.values.Login, { 'input.code': '', 'input.challengeId': 'c1', 'input.phone': '+8613711112222' });

  const login = { accessToken: 'a', refreshToken: 'r', deviceToken: 'd', user: { id: 'u' } };
  assert.deepEqual(carryOn({ data: { login } }, {}), {
    values: { RefreshSession: { 'input.refreshToken': 'r' }, RequestCode: { 'input.deviceToken': 'd' }, User: { id: 'u' } },
    usedUp: 'Login',
    accessToken: 'a',
  });
  const wrong = carryOn({ data: { login: { code: 'CODE_INCORRECT', attemptsRemaining: 2 } } }, {});
  assert.deepEqual(wrong, { values: {} });
  assert.equal(carryOn({ data: { login: { code: 'CODE_INCORRECT', attemptsRemaining: 0 } } }, {}).usedUp, 'Login');
  assert.equal(carryOn({ data: { logout: { endedSessions: 1 } } }, { input: {} }).accessToken, null);
  assert.equal(carryOn({ data: { logout: { endedSessions: 1 } } }, { input: { sessionIds: ['x'] } }).accessToken, undefined);
  for (const nothing of [null, {}, { data: null }, { errors: [] }]) assert.deepEqual(carryOn(nothing, null), { values: {} });

  assert.deepEqual(JSON.parse(withValues('{"input":{"a":1}}', { 'input.code': '2' })), { input: { a: 1, code: '2' } });
  assert.equal(withValues('{"input":', { 'input.code': '2' }), '{"input":');
});

test('the inbox’s message of a request is the first one to the phone after it', async () => {
  const { messageAfter, newestId } = await load('/src/inbox/messages.ts');
  const message = (id, phone) => ({ id, phone });
  const messages = [message(4, '+8613711112222'), message(3, '+8613711112222'), message(2, '+8613799999999'), message(1, '+8613711112222')];
  assert.equal(newestId(messages), 4);
  assert.equal(newestId([]), 0);
  assert.equal(messageAfter(1, '+86 137 1111 2222', messages).id, 3);
  assert.equal(messageAfter(1, '13711112222', messages).id, 3);
  assert.equal(messageAfter(4, '+8613711112222', messages), undefined);
});
