// Sends messages to the webhook gateway as the server does.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';

export async function checkGateway(program, file) {
  const key = Buffer.alloc(32, 7);
  const env = { ...process.env, WEBHOOK_SECRET: `whsec_${key.toString('base64')}`, PORT: '0', SITE: 'login.example.com' };
  const child = spawn(program, [file], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    let output = '';
    const port = await new Promise((resolve, reject) => {
      child.once('exit', () => reject(new Error(`the gateway ended: ${output}`)));
      child.stdout.setEncoding('utf8').on('data', (text) => {
        output += text;
        const found = /port: (\d+)/.exec(output);
        if (found) resolve(found[1]);
      });
    });
    const post = async (timestamp, secret, fields = {}) => {
      const message = { id: 'm1', phone: '+8613700000001', code: '123456', purpose: 'LOGIN', locale: 'en', app_hash: null, ...fields };
      const body = JSON.stringify(message);
      const mac = createHmac('sha256', secret).update(`m1.${timestamp}.${body}`).digest('base64');
      const headers = { 'webhook-id': 'm1', 'webhook-timestamp': String(timestamp), 'webhook-signature': `v1,${mac}` };
      return (await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body })).status;
    };
    const now = Math.floor(Date.now() / 1000);
    assert.equal(await post(now, Buffer.alloc(32, 8)), 401, 'another secret');
    assert.equal(await post(now - 600, key), 401, 'an old request');
    assert.doesNotMatch(output, /123456/);
    assert.equal(await post(now, key), 200);
    assert.match(output, /To \+8613700000001 \(LOGIN\): 123456 is your .*\n\n@login.example.com #123456\n$/);
    assert.equal(await post(now, key, { locale: 'zh-CN', app_hash: 'FA+9qCX9VSu' }), 200);
    assert.match(output, /验证码 123456.*\n\nFA\+9qCX9VSu\n$/);
  } finally {
    child.kill();
  }
}
