// A proxy in front of the server, whose network a test can break.
import { once } from 'node:events';
import { createServer, request as forward } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

export type Fault =
  | undefined
  /** The request does not reach the server. */
  | 'refuse'
  /** The server answers, but the answer is lost. */
  | 'drop'
  /** A gateway answers in the server's place. */
  | 'bad gateway';

export interface Proxy {
  origin: string;
  url: string;
  /** What happens to the requests from now on. */
  fault: Fault;
  /** Answers are given only after this has settled. */
  hold: Promise<unknown> | undefined;
  /** The names of the operations that have arrived. */
  operations: string[];
  /** Whether WebSockets are refused. */
  blocksSockets: boolean;
  sockets: number;
  /** Files that it serves itself, by path: their type and their content. */
  files: Record<string, [type: string, content: string]>;
  stop(): Promise<void>;
}

export async function startProxy(origin: string): Promise<Proxy> {
  const { hostname, port } = new URL(origin);
  const server = createServer((request, response) => {
    const file = proxy.files[request.url!.split('?')[0]!];
    if (file) return response.writeHead(200, { 'content-type': `${file[0]}; charset=utf-8` }).end(file[1]);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    return request.on('end', () => {
      const body = Buffer.concat(chunks);
      proxy.operations.push(/(?:query|mutation) (\w+)/.exec(body.toString())?.[1] ?? '');
      const { fault } = proxy;
      if (fault === 'refuse') return request.socket.destroy();
      if (fault === 'bad gateway') return response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>');
      const upstream = forward({ hostname, port, path: request.url, method: request.method, headers: request.headers }, (answer) => {
        if (fault === 'drop') {
          answer.resume();
          answer.on('end', () => request.socket.destroy());
          return;
        }
        void Promise.resolve(proxy.hold).then(() => {
          response.writeHead(answer.statusCode!, answer.headers);
          answer.pipe(response);
        });
      });
      upstream.on('error', () => request.socket.destroy());
      return upstream.end(body);
    });
  });
  server.on('upgrade', (request, socket, head) => {
    if (proxy.blocksSockets) return socket.destroy();
    proxy.sockets += 1;
    const upstream: Socket = connect(Number(port), hostname, () => {
      const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}\r\n`);
      upstream.write(`${request.method} ${request.url} HTTP/1.1\r\n${headers.join('')}\r\n`);
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
    return undefined;
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');

  // Chromium keeps the cookies of this host without TLS.
  const address = `http://localhost:${(server.address() as AddressInfo).port}`;
  const proxy: Proxy = {
    origin: address,
    url: `${address}/graphql`,
    fault: undefined,
    hold: undefined,
    operations: [],
    blocksSockets: false,
    sockets: 0,
    files: {},
    async stop() {
      server.close();
      server.closeAllConnections();
    },
  };
  return proxy;
}
