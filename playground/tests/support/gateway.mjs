// An operator's own gateway on loopback: a webhook route posts codes to it, and it posts receipts back.
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const KEY = Buffer.from('a key of the stand-in gateway, 32');

/** Starts a gateway, and writes the settings file of a server that sends everything to it. */
export async function startGateway() {
  const messages = [];
  const http = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    messages.push(JSON.parse(body));
    response.end('{}');
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');

  const folder = await mkdtemp(join(tmpdir(), 'sms-login-gateway-'));
  const config = join(folder, 'sms-login.toml');
  const url = `http://127.0.0.1:${http.address().port}/codes`;
  const secret = `whsec_${KEY.toString('base64')}`;
  await writeFile(
    config,
    `[[route]]\nname = "gateway"\nprovider = "webhook"\nurl = "${url}"\nsecret = "${secret}"\n`,
    { mode: 0o600 },
  );

  return {
    settings: { CONFIG: config },
    /** Reports what became of the latest message. */
    async report(server, status, reason) {
      const { id, phone } = messages.at(-1);
      const body = JSON.stringify({ id, phone, status, reason });
      const timestamp = String(Math.floor(Date.now() / 1000));
      const signature = createHmac('sha256', KEY).update(`receipt.${timestamp}.${body}`).digest('base64');
      const headers = {
        'content-type': 'application/json',
        'webhook-id': 'receipt',
        'webhook-timestamp': timestamp,
        'webhook-signature': `v1,${signature}`,
      };
      const response = await fetch(`${server.origin}/callbacks/webhook/gateway`, { method: 'POST', headers, body });
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    },
    async stop() {
      http.close();
      http.closeAllConnections();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
