// Serves the built page, playground/dist, in front of a server that was built with an older page: for work on the page
// without cargo. `PAGE=dist npm test` uses it. Everything else goes to the server. `PAGE_POLICY` replaces the server's content security
// policy.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, request as send } from 'node:http';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';

const DIST = fileURLToPath(new URL('../../dist', import.meta.url));
const TYPES = { html: 'text/html; charset=utf-8', js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml' };
const ENCODINGS = { br: '.br', gzip: '.gz' };

/** Returns undefined if the server has no page. */
export async function startPreview(server) {
  const { hostname, port } = new URL(server.origin);
  const page = await fetch(server.origin);
  if (!page.ok) return undefined;
  const policy = process.env.PAGE_POLICY ?? page.headers.get('content-security-policy');

  const http = createServer(async (request, response) => {
    const path = new URL(request.url, server.origin).pathname;
    if (path === '/' || path === '/favicon.svg' || path.startsWith('/assets/')) return serve(path, request, response);
    const passed = { host: hostname, port, method: request.method, path: request.url, headers: request.headers };
    const upstream = send(passed, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    upstream.on('error', () => response.destroy());
    request.pipe(upstream);
  });

  async function serve(path, request, response) {
    const file = path === '/' ? '/index.html' : path;
    const accepted = request.headers['accept-encoding'] ?? '';
    const encoding = Object.keys(ENCODINGS).find((name) => accepted.includes(name));
    const content = await readFile(DIST + file + (ENCODINGS[encoding] ?? '')).catch(() => undefined);
    if (!content) return response.writeHead(404).end();
    response.writeHead(200, {
      'content-type': TYPES[file.split('.').at(-1)],
      'content-security-policy': policy,
      'cache-control': path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      vary: 'accept-encoding',
      ...(encoding && { 'content-encoding': encoding }),
    });
    response.end(content);
  }

  http.on('upgrade', (request, socket) => {
    const upstream = connect(Number(port), hostname, () => {
      const lines = request.rawHeaders.flatMap((name, index, all) => (index % 2 ? [] : [`${name}: ${all[index + 1]}`]));
      upstream.write(`${request.method} ${request.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
      socket.pipe(upstream).pipe(socket);
    });
    for (const end of [socket, upstream]) end.on('error', () => (socket.destroy(), upstream.destroy()));
  });

  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return {
    origin: `http://127.0.0.1:${http.address().port}`,
    stop() {
      http.close();
      http.closeAllConnections();
    },
  };
}
