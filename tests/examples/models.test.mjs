// The models for Kotlin, Swift and Dart: they are up to date, they have no type that means "anything", and the server's answers fit.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { copyExample, examples, freshPhone, project, run, startServer, work, wrong } from './support.mjs';

const { buildSchema, getNamedType, isObjectType, Kind, parse, print, TypeInfo, validate, visit, visitWithTypeInfo } = createRequire(
  join(work, 'package.json'),
)('graphql');

const ANYTHING = {
  'Models.kt': /\bAny\b|JsonElement|JsonObject/,
  'Models.swift': /\bAny\b|AnyObject|JSONAny/,
  // Dart's JSON decoder returns `dynamic`, so the type of a JSON object has it.
  'models.dart': /\bdynamic\b|\bObject\b/,
};

let folder;
let server;
before(async () => {
  folder = copyExample('models');
  process.env.SCHEMA = join(project, 'schema.graphql');
  run('npm', ['run', '--silent', 'generate'], { cwd: folder });
  server = await startServer();
});
after(() => server?.stop());

for (const [file, anything] of Object.entries(ANYTHING)) {
  test(file, () => {
    const text = readFileSync(join(folder, file), 'utf8');
    assert.equal(text, readFileSync(join(examples, 'models', file), 'utf8'), 'run `npm run generate` in examples/models');
    for (const name of ['attemptsRemaining', 'accessToken', 'retryAfterSeconds', 'idempotencyKey', 'RATE_LIMITED', 'LoginResponse']) {
      assert.ok(text.includes(name), `${name} is missing`);
    }
    const code = text.replace(/^\s*(\/\/|\/?\*).*$/gm, '').replaceAll('Map<String, dynamic>', '');
    assert.ok(code.includes('attemptsRemaining'));
    assert.doesNotMatch(code, anything);
  });
}

const document = parse(readFileSync(join(examples, 'models/operations.graphql'), 'utf8'));

test('the operations select all fields that the models require', () => {
  const schema = buildSchema(readFileSync(join(project, 'schema.graphql'), 'utf8'));
  assert.deepEqual(validate(schema, document), []);
  const fragments = new Map(document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION).map((node) => [node.name.value, node]));
  const fieldsOf = ({ selections }) =>
    selections.flatMap((node) => (node.kind === Kind.FRAGMENT_SPREAD ? fieldsOf(fragments.get(node.name.value).selectionSet) : [node.name?.value]));
  const info = new TypeInfo(schema);
  let count = 0;
  visit(document, visitWithTypeInfo(info, {
    SelectionSet(node) {
      const type = getNamedType(info.getType());
      if (!isObjectType(type) || ['Query', 'Mutation'].includes(type.name)) return;
      const selected = fieldsOf(node);
      for (const field of Object.values(type.getFields())) {
        if (String(field.type).endsWith('!')) assert.ok(selected.includes(field.name), `${type.name}.${field.name}`);
        count += 1;
      }
    },
  }));
  assert.ok(count > 30);
});

test('the answers of a whole session fit the models', async () => {
  // The models in a language that runs here. It rejects answers that do not fit.
  const { generate } = await import(pathToFileURL(join(folder, 'generate.mjs')));
  writeFileSync(join(folder, 'package.json'), '{}');
  writeFileSync(join(folder, 'models.cjs'), await generate('javascript', { 'runtime-typecheck': 'true' }));
  const models = createRequire(join(folder, 'models.cjs'))('./models.cjs');

  const fragments = document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION);
  /** Runs an operation, and reads the answer with the model. */
  async function send(name, input, token) {
    const operation = document.definitions.find((node) => node.kind === Kind.OPERATION_DEFINITION && node.name.value === name);
    const text = print(operation);
    const used = fragments.filter((node) => text.includes(`...${node.name.value}`));
    const body = JSON.stringify({ query: [text, ...used.map(print)].join('\n'), variables: { input } });
    const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
    const response = await fetch(`${server.origin}/graphql`, { method: 'POST', headers, body });
    const type = `${name}Response`;
    return models.toOperations(`{"${type}": ${await response.text()}}`)[type];
  }

  const phone = freshPhone();
  const mark = server.mark();
  const { challengeId } = (await send('RequestCode', { phone })).data.requestCode;
  const code = await server.code(mark);
  const refused = (await send('Login', { phone, challengeId, code: wrong(code) })).data.login;
  assert.deepEqual([refused.code, refused.attemptsRemaining], ['CODE_INCORRECT', 2]);
  const { accessToken, refreshToken } = (await send('Login', { phone, challengeId, code })).data.login;
  const { me } = (await send('Me', undefined, accessToken)).data;
  assert.equal(me.phone, phone);
  assert.equal(me.sessions.length, 1);
  assert.equal((await send('UpdateProfile', { name: 'Anna' }, accessToken)).data.updateProfile.user.name, 'Anna');
  const refreshed = (await send('RefreshSession', { refreshToken })).data.refreshSession;
  assert.equal((await send('Logout', {}, refreshed.accessToken)).data.logout.endedSessions, 1);
  const { errors } = await send('Me', undefined, refreshed.accessToken);
  assert.equal(errors[0].extensions.code, 'TOKEN_INVALID');
  assert.throws(() => models.toOperations('{"LoginResponse": {"data": {"login": {"attemptsRemaining": "2"}}}}'));
});
