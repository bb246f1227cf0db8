// What the documents for client developers say: the failures as JSON, and the versions that the examples install.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { examples, freshPhone, project, startServer, wrong } from './support.mjs';

const read = (path) => readFileSync(join(project, path), 'utf8');

let server;
let slowServer;
before(async () => {
  server = await startServer({ SEND_IP_HOURLY_LIMIT: '0' });
  slowServer = await startServer({ SEND_COOLDOWN: '30s' });
});
after(async () => {
  await server?.stop();
  await slowServer?.stop();
});

/** The failures of docs/errors.md by code. */
const failures = new Map([...read('docs/errors.md').matchAll(/^\| `(\w+)` \| `(\{.*\})` \|$/gm)].map(([, code, json]) => [code, JSON.parse(json)]));

test('the failures as JSON have the codes, the numbers and the sentences of the server', () => {
  const schema = read('schema.graphql');
  const [, codes] = /enum ErrorCode \{([^}]*)\}/.exec(schema);
  const numbers = [...codes.matchAll(/(-\d+):[^]*?"""\s*(\w+)/g)].map(([, number, code]) => [code, Number(number)]);
  assert.deepEqual([...failures.keys()], numbers.map(([code]) => code));
  const [, problem] = /type Problem \{([^}]*)\}/.exec(schema);
  const fields = [...problem.matchAll(/^\t(\w+): /gm)].map(([, name]) => name);
  const sources = ['problem', 'error'].map((name) => read(`src/graphql/${name}.rs`)).join('');
  for (const [code, number] of numbers) {
    const { extensions, ...found } = failures.get(code);
    assert.equal((extensions ?? found).code, code);
    assert.equal(extensions ? extensions.errorCode : found.number, number, code);
    assert.ok(sources.includes(`"${found.message}"`), `${code}: ${found.message}`);
    if (!extensions) for (const name of Object.keys(found)) assert.ok(fields.includes(name), `${code}: ${name}`);
  }
});

const PROBLEM = '... on Problem { code number message field attemptsRemaining limit retryAt retryAfterSeconds captchaAppId requestId }';

/** Sends a document. Returns its payload, its problem without the fields that are null, or its error. */
async function send(query, variables = {}, token = undefined, to = server) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(`${to.origin}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  if (errors) return { message: errors[0].message, extensions: errors[0].extensions };
  return Object.fromEntries(Object.entries(Object.values(data)[0]).filter(([, value]) => value !== null));
}
const requestCode = (input, token, to) =>
  send(`mutation ($input: RequestCodeInput!) { requestCode(input: $input) { ... on RequestCodePayload { challengeId } ${PROBLEM} } }`, { input }, token, to);
const login = (input) =>
  send(`mutation ($input: LoginInput!) { login(input: $input) { ... on LoginPayload { accessToken } ${PROBLEM} } }`, { input });

async function sendCode(input, token) {
  const mark = server.mark();
  const { challengeId } = await requestCode(input, token);
  return { phone: input.phone, challengeId, code: await server.code(mark) };
}

test('the failures as JSON are what the server answers', async () => {
  const phone = freshPhone();
  const sent = await sendCode({ phone });
  const answers = {
    BAD_INPUT: await login({ ...sent, code: '12345' }),
    INVALID_PHONE: await requestCode({ phone: '12345' }),
    TOKEN_INVALID: await send(`mutation { refreshSession(input: { refreshToken: "x" }) { ... on RefreshSessionPayload { accessToken } ${PROBLEM} } }`),
    UNAUTHENTICATED: await send('query ($id: ID!) { user(id: $id) { id } }', { id: '01890a5d-ac96-774b-bcce-b302099a8057' }),
    CODE_INCORRECT: await login({ ...sent, code: wrong(sent.code) }),
    CHALLENGE_MISMATCH: await login({ ...sent, challengeId: 'x' }),
    REGION_NOT_ALLOWED: await requestCode({ phone: '+14155550123' }),
    QUERY_TOO_COMPLEX: await send(
      'mutation { a: refreshSession(input: { refreshToken: "x" }) { __typename } b: refreshSession(input: { refreshToken: "x" }) { __typename } }',
    ),
  };
  await requestCode({ phone }, undefined, slowServer);
  answers.RATE_LIMITED = await requestCode({ phone }, undefined, slowServer);
  const { accessToken } = await login(sent);
  answers.CODE_EXPIRED = await login(sent);

  const other = freshPhone();
  const change = await sendCode({ phone: other, purpose: 'CHANGE_PHONE' }, accessToken);
  await login(await sendCode({ phone: other }));
  answers.PHONE_TAKEN = await send(
    `mutation ($input: ChangePhoneInput!) { changePhone(input: $input) { ... on ChangePhonePayload { user { id } } ${PROBLEM} } }`,
    { input: change },
    accessToken,
  );

  for (const [code, answer] of Object.entries(answers)) {
    const documented = failures.get(code);
    if (code === 'RATE_LIMITED') {
      assert.deepEqual(Object.keys(answer), Object.keys(documented), code);
      assert.equal(answer.limit, documented.limit);
    } else {
      assert.deepEqual(answer, documented, code);
    }
  }
});

test('the messages of docs/autofill.md are those that the gateway writes', () => {
  const document = read('docs/autofill.md');
  const gateway = read('examples/webhook-gateway.ts');
  const [, program] = /^```ts\n([^]*?)^```/m.exec(document);
  const lines = program.split('\n').slice(1, -2);
  assert.ok(lines.length >= 3);
  for (const line of lines) assert.ok(gateway.includes(line), line);
  const textOf = new Function('site', `${program} return textOf;`)('shop.example.com');
  const texts = [...document.matchAll(/^```text\n([^]*?)^```/gm)].map(([, text]) => text.trimEnd());
  assert.equal(textOf({ code: '123456', locale: 'en', app_hash: null }), texts[0]);
  assert.equal(textOf({ code: '123456', locale: null, app_hash: 'FA+9qCX9VSu' }), texts[1]);
});

test('the examples install the versions that are tested', () => {
  const tested = JSON.parse(read('tests/examples/package-lock.json')).packages;
  let count = 0;
  for (const name of readdirSync(examples)) {
    const file = join(examples, name, 'package.json');
    if (!existsSync(file)) continue;
    const { dependencies, devDependencies } = JSON.parse(readFileSync(file, 'utf8'));
    for (const [library, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      if (library !== 'sms-login') assert.equal(version, tested[`node_modules/${library}`]?.version, `${library} of ${name}`);
      count += 1;
    }
  }
  assert.ok(count > 10);

  for (const [folder, pins] of [['python', 'requirements.txt'], ['python-typed', 'requirements-typed.txt']]) {
    const installed = read(`tests/examples/${pins}`).split('\n');
    for (const line of read(`examples/${folder}/requirements.txt`).trim().split('\n')) {
      assert.ok(installed.includes(line.replace(/\[.*\]/, '')), `${line} of ${folder}`);
    }
  }
});
