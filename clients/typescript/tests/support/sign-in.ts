import assert from 'node:assert/strict';
import type { SmsLogin } from 'sms-login';
import type { Server } from './server.js';

let last = 0;

/** Returns a phone that no other test uses. */
export function freshPhone(): string {
  last += 1;
  return `+8613${String(process.pid % 1000).padStart(3, '0')}${String(last).padStart(6, '0')}`;
}

/** Requests a code and returns it. */
export async function requestCode(server: Server, client: SmsLogin, options: Parameters<SmsLogin['requestCode']>[0]): Promise<string> {
  const mark = server.mark();
  const result = await client.requestCode(options);
  assert.ok(result.ok, JSON.stringify(result));
  return server.code(mark);
}

/** Signs a user in. */
export async function signIn(server: Server, client: SmsLogin, phone = freshPhone()): Promise<string> {
  const code = await requestCode(server, client, { phone });
  const result = await client.login({ code });
  assert.ok(result.ok, JSON.stringify(result));
  assert.equal(client.state.status, 'signedIn');
  return phone;
}

/** Returns another code. */
export const wrong = (code: string): string => String((Number(code) + 1) % 1_000_000).padStart(6, '0');

/** Waits until `isDone` returns true. */
export async function until(isDone: () => boolean, what: string, milliseconds = 10_000): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!isDone()) {
    if (Date.now() > end) assert.fail(`this did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
