// A gateway for a message route with provider = "webhook". It verifies the signature of each request and sends the code.
// Run: WEBHOOK_SECRET=whsec_… SITE=shop.example.com npx tsx webhook-gateway.ts
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';

const key = Buffer.from((process.env.WEBHOOK_SECRET ?? '').replace('whsec_', ''), 'base64');
if (key.length < 24) throw new Error('WEBHOOK_SECRET must be whsec_ and base64 of at least 24 bytes');
const MAX_AGE_SECONDS = 300;
/** The host of the page or the app in which users enter the code. */
const site = process.env.SITE ?? 'shop.example.com';

/** Returns the text of the SMS. Its last line lets the phone enter the code by itself: see docs/autofill.md. */
function textOf({ code, locale, app_hash: appHash }: { code: string; locale: string | null; app_hash: string | null }): string {
  const isChinese = locale?.startsWith('zh');
  const sentence = isChinese ? `验证码 ${code}，请勿告诉他人。` : `${code} is your Shop code. Do not share it.`;
  // An Android app finds the message by its hash; browsers and iPhones find it by the site.
  return `${sentence}\n\n${appHash ?? `@${site} #${code}`}`;
}

/** Whether the request has a signature of this body that is not too old. */
function isGenuine(headers: IncomingMessage['headers'], body: string): boolean {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers;
  const age = Math.abs(Date.now() / 1000 - Number(timestamp));
  if (!(age <= MAX_AGE_SECONDS)) return false;
  const expected = Buffer.from(`v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`);
  return String(signatures).split(' ').map((text) => Buffer.from(text)).some(
    (given) => given.length === expected.length && timingSafeEqual(given, expected),
  );
}

const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  if (!isGenuine(request.headers, body)) return response.writeHead(401).end();

  const message = JSON.parse(body);
  // Send the SMS here. If your provider rejects the number: 422 with { reason: 'invalid_phone' }.
  if (!message.check) console.log(`To ${message.phone} (${message.purpose}): ${textOf(message)}`);
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ message_id: message.id }));
});
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => console.log('ready', server.address()));
