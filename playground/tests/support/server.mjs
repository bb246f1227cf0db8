// The real server on a free port, with a separate data folder; ended by its process id.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPreview } from './preview.mjs';

const START_MS = 20_000;
const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL('../../../target', import.meta.url));

export async function startServer(settings = {}) {
  const program = join(target, 'debug', 'sms-login');
  assert.ok(existsSync(program), `${program} is missing: run cargo build first`);
  const folder = await mkdtemp(join(tmpdir(), 'sms-login-page-'));
  const env = { PATH: process.env.PATH, LISTEN_ADDR: '127.0.0.1:0', DATA_DIR: folder, SEND_COOLDOWN: '0s', ...settings };
  const child = spawn(program, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  let output = '';
  const lookers = new Set();
  const take = (text) => {
    output += text;
    for (const look of lookers) look();
  };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', take);

  /** Waits until the output after `from` matches `pattern`. */
  function said(pattern, from = 0, milliseconds = START_MS) {
    return new Promise((resolve, reject) => {
      const finish = (settle, value) => {
        clearTimeout(timer);
        lookers.delete(look);
        settle(value);
      };
      const look = () => {
        const match = pattern.exec(output.slice(from));
        if (match) finish(resolve, match);
      };
      const fail = (why) => finish(reject, new Error(`${why} while waiting for ${pattern}:\n${output}`));
      const timer = setTimeout(() => fail('time is up'), milliseconds);
      exited.then(() => fail('the server ended'));
      lookers.add(look);
      look();
    });
  }

  async function stop() {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
    await exited;
    clearTimeout(timer);
    await rm(folder, { recursive: true, force: true });
  }

  try {
    const [, origin] = await said(/listening on (http:\/\/127\.0\.0\.1:\d+)\/graphql/);
    const preview = process.env.PAGE === 'dist' ? await startPreview({ origin }) : undefined;
    return {
      origin: preview?.origin ?? origin,
      /** Returns the current end of the output, for `code`. */
      mark: () => output.length,
      /** Returns the code of the first SMS that was printed after `mark`. */
      code: async (mark) => (await said(/(\d{6}) is your code/, mark))[1],
      async stop() {
        preview?.stop();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Signs a user in without a browser, as another device. */
export async function signIn(server, phone, deviceName) {
  const mark = server.mark();
  const { requestCode } = await graphql(
    server,
    'mutation($input: RequestCodeInput!) { requestCode(input: $input) { ... on RequestCodePayload { challengeId } } }',
    { input: { phone } },
  );
  const input = { phone, code: await server.code(mark), challengeId: requestCode.challengeId, deviceName };
  const document =
    'mutation($input: LoginInput!) { login(input: $input) { ... on LoginPayload { accessToken refreshToken } } }';
  return (await graphql(server, document, { input })).login;
}

export async function graphql(server, query, variables, token) {
  const response = await fetch(`${server.origin}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}
