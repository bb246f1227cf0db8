// Runs each example as its README says, against a real server.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { transformWithOxc } from 'vite';
import { startServer } from './support/server.mjs';

const TEST_MS = 60_000;
const INSTALL_MS = 300_000;
const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const build = path('../../target/examples/');

let server;
before(async () => {
  await mkdir(build, { recursive: true });
  server = await startServer();
});
after(() => server?.stop());

/** Runs an example with the code that the server prints, and before that with another code. */
async function runs(command, args, phone) {
  assert.match(await outputOf(command, args, phone, wrong), /CODE_INCORRECT/);
  const output = await outputOf(command, args, phone, (code) => code);
  assert.equal(output, `Code: Signed up.\nYou are ${phone}.\nRefreshed.\nSigned out.\n`);
}

const wrong = (code) => String((Number(code) + 1) % 1_000_000).padStart(6, '0');

/** Runs an example, enters `entered` of the code that the server prints, and returns the output. */
async function outputOf(command, args, phone, entered) {
  const mark = server.mark();
  const env = { ...process.env, SMS_LOGIN_URL: `${server.origin}/graphql` };
  const child = spawn(command, [...args, phone], { env, stdio: ['pipe', 'pipe', 'pipe'], timeout: TEST_MS });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const ended = new Promise((resolve) => child.once('close', resolve));
  const code = await Promise.race([server.code(mark), ended]);
  if (typeof code === 'string') child.stdin.end(`${entered(code)}\n`);
  await ended;
  return output;
}

test('curl', { timeout: TEST_MS }, () => runs('sh', [path('../../examples/curl/login.sh')], '+8613700000001'));

test('TypeScript', { timeout: TEST_MS }, async () => {
  // Older versions of Node.js cannot run TypeScript.
  const source = await readFile(path('../../examples/typescript/login.ts'), 'utf8');
  const { code } = await transformWithOxc(source, 'login.ts');
  await writeFile(`${build}login.mjs`, code);
  await runs('node', [`${build}login.mjs`], '+8613700000002');
});

test('webhook gateway', { timeout: TEST_MS }, async () => {
  const source = await readFile(path('../../examples/webhook-gateway.ts'), 'utf8');
  const { code } = await transformWithOxc(source, 'webhook-gateway.ts');
  await writeFile(`${build}webhook-gateway.mjs`, code);
  const key = Buffer.alloc(32, 7);
  const env = { ...process.env, WEBHOOK_SECRET: `whsec_${key.toString('base64')}`, PORT: '0' };
  const child = spawn('node', [`${build}webhook-gateway.mjs`], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    let output = '';
    const port = await new Promise((resolve) => {
      child.stdout.setEncoding('utf8').on('data', (text) => {
        output += text;
        const found = /port: (\d+)/.exec(output);
        if (found) resolve(found[1]);
      });
    });
    const post = async (timestamp, secret) => {
      const body = JSON.stringify({ id: 'm1', phone: '+8613700000001', code: '123456', purpose: 'LOGIN' });
      const mac = createHmac('sha256', secret).update(`m1.${timestamp}.${body}`).digest('base64');
      const headers = { 'webhook-id': 'm1', 'webhook-timestamp': String(timestamp), 'webhook-signature': `v1,${mac}` };
      return (await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body })).status;
    };
    const now = Math.floor(Date.now() / 1000);
    assert.equal(await post(now, Buffer.alloc(32, 8)), 401, 'another secret');
    assert.equal(await post(now - 600, key), 401, 'an old request');
    assert.doesNotMatch(output, /123456/);
    assert.equal(await post(now, key), 200);
    assert.match(output, /To \+8613700000001: 123456 \(LOGIN\)/);
  } finally {
    child.kill();
  }
});

test('Python', { timeout: INSTALL_MS + TEST_MS }, async () => {
  const requirements = path('../../examples/python/requirements.txt');
  const wanted = await readFile(requirements, 'utf8');
  const stamp = `${build}python/requirements.txt`;
  if (!existsSync(stamp) || (await readFile(stamp, 'utf8')) !== wanted) {
    const run = promisify(execFile);
    await run('python3', ['-m', 'venv', '--clear', `${build}python`], { timeout: INSTALL_MS });
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements];
    await run(`${build}python/bin/python`, install, { timeout: INSTALL_MS });
    await writeFile(stamp, wanted);
  }
  await runs(`${build}python/bin/python`, [path('../../examples/python/login.py')], '+8613700000003');
});
