// The examples for the terminal, as their README says.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { bin, copyExample, examples, livesInTerminal, project, python, pythonTyped, run, startServer, TEST_MS } from './support.mjs';

let server;
before(async () => {
  server = await startServer({ SEND_IP_HOURLY_LIMIT: '0' });
});
after(() => server?.stop());

test('curl', { timeout: TEST_MS }, () => livesInTerminal(server, 'sh', [join(examples, 'curl/login.sh')]));

test('TypeScript, on this version of Node.js', { timeout: TEST_MS }, async () => {
  const cwd = copyExample('typescript');
  await livesInTerminal(server, 'npm', ['start', '--silent', '--'], { cwd });
  run('npm', ['run', '--silent', 'check'], { cwd });
});

test('Python with gql', { timeout: TEST_MS }, () =>
  livesInTerminal(server, join(python, 'python'), [join(examples, 'python/login.py')]));

test('Python with a generated client', { timeout: TEST_MS }, async () => {
  const cwd = copyExample('python-typed');
  const settings = join(cwd, 'pyproject.toml');
  run('sed', ['-i', `s|../../schema.graphql|${join(project, 'schema.graphql')}|`, settings]);
  run(join(pythonTyped, 'ariadne-codegen'), [], { cwd });
  await livesInTerminal(server, join(pythonTyped, 'python'), ['login.py'], { cwd });

  // The types of what is sent and received are exact.
  run(join(pythonTyped, 'mypy'), ['--strict', 'login.py'], { cwd });
  for (const module of ['enums', 'input_types', 'login', 'me', 'request_code', 'refresh_session', 'logout']) {
    const text = readFileSync(join(cwd, `sms_login/${module}.py`), 'utf8');
    assert.doesNotMatch(text, /[:[,]\s*Any\b/, module);
  }
});

test('the webhook gateway', { timeout: TEST_MS }, async () => {
  const { checkGateway } = await import('./gateway.mjs');
  await checkGateway(bin('tsx'), join(examples, 'webhook-gateway.ts'));
});
