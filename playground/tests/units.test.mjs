// Small functions, without a browser.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { buildSchema, coerceInputValue, parse, typeFromAST, validate } from 'graphql';
import { createServer } from 'vite';

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

test('the language is the chosen one, or the first supported one of the browser', async () => {
  const { preferredLanguage } = await load('/src/i18n/index.tsx');
  assert.equal(preferredLanguage(null, ['fr', 'zh-TW', 'en']), 'zh');
  assert.equal(preferredLanguage(null, ['en-GB', 'zh']), 'en');
  assert.equal(preferredLanguage(null, ['fr']), 'en');
  assert.equal(preferredLanguage('en', ['zh']), 'en');
});

test('a picture of the server is recognized under any name of its host', async () => {
  const { ownPicture } = await load('/src/avatar.ts');
  const origin = 'http://localhost:8000';
  assert.equal(ownPicture('http://127.0.0.1:8000/avatars/2.svg', origin), '/avatars/2.svg');
  assert.equal(ownPicture('https://app.example.com/avatars/2.svg', 'https://app.example.com'), '/avatars/2.svg');
  assert.equal(ownPicture('https://other.example.com/avatars/2.svg', origin), undefined);
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
  // The account view can use a session with a whole user, and new tokens for its own session.
  const tokens = { accessToken: 'a', accessTokenExpiresAt: '2026-01-01T00:00:00Z', refreshToken: 'r' };
  const session = { ...tokens, user: { id: 'u', createdAt: '2026-01-01T00:00:00Z', lastLoginAt: '2026-01-01T00:00:00Z' } };
  assert.equal(carryOn({ data: { login: session } }, {}).session, session);
  const rotated = carryOn({ data: { refreshSession: tokens } }, { input: { refreshToken: 'old' } });
  assert.deepEqual([rotated.session, rotated.rotated], [undefined, { used: 'old', tokens }]);
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
