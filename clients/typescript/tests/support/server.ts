// The real server on a free port, with a separate data folder; ended by its process id.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './paths.js';

const START_MS = 20_000;
const target = process.env['CARGO_TARGET_DIR'] ?? join(root, '../../target');

export interface Server {
  origin: string;
  url: string;
  /** Returns the current end of the output, for `code` and `messages`. */
  mark(): number;
  /** Returns the code of the first SMS that was printed after `mark`. */
  code(mark: number): Promise<string>;
  /** Returns how many SMS were printed after `mark`. */
  messages(mark: number): number;
  stop(): Promise<void>;
}

export async function startServer(settings: Record<string, string> = {}): Promise<Server> {
  const program = join(target, 'debug', 'sms-login');
  assert.ok(existsSync(program), `${program} is missing: run cargo build first`);
  const folder = await mkdtemp(join(tmpdir(), 'sms-login-client-'));
  const env = {
    PATH: process.env['PATH'],
    LISTEN_ADDR: '127.0.0.1:0',
    DATA_DIR: folder,
    SEND_COOLDOWN: '0s',
    SEND_IP_HOURLY_LIMIT: '0',
    SEND_IP_DAILY_LIMIT: '0',
    // A client that uses a refresh token twice loses its session at once.
    REFRESH_GRACE: '0s',
    ...settings,
  };
  const child = spawn(program, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  let output = '';
  const lookers = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      for (const look of lookers) look();
    });
  }

  /** Waits until the output after `from` matches `pattern`. */
  function said(pattern: RegExp, from = 0): Promise<string> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        lookers.delete(look);
        settle();
      };
      const look = () => {
        const match = pattern.exec(output.slice(from));
        if (match) finish(() => resolve(match[1]!));
      };
      const fail = (why: string) => finish(() => reject(new Error(`${why} while waiting for ${pattern}:\n${output}`)));
      const timer = setTimeout(() => fail('time is up'), START_MS);
      void exited.then(() => fail('the server ended'));
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
    const origin = await said(/listening on (http:\/\/127\.0\.0\.1:\d+)\/graphql/);
    return {
      origin,
      url: `${origin}/graphql`,
      mark: () => output.length,
      code: (mark) => said(/(\d{6}) is your code/, mark),
      messages: (mark) => output.slice(mark).match(/\d{6} is your code/g)?.length ?? 0,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
