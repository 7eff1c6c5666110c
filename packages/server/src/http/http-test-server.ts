/** For tests beside their sources: a real listener on a free port of this machine, and raw sockets to talk to it. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { systemClock } from '../lib/clock.ts';
import { createLogger } from '../lib/logger.ts';
import { Metrics } from '../lib/metrics.ts';
import { HttpServer, type HttpServerOptions } from './http-server.ts';

export interface TestServer {
  readonly server: HttpServer;
  readonly metrics: Metrics;
  readonly port: number;
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  /** Log lines so far, parsed. */
  readonly log: Record<string, unknown>[];
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startTestServer(options: Partial<HttpServerOptions>): Promise<TestServer> {
  const log: Record<string, unknown>[] = [];
  const metrics = new Metrics();
  const server = new HttpServer({
    name: 'test listener',
    host: '127.0.0.1',
    port: 0,
    trustProxy: false,
    origins: [],
    development: false,
    routes: [],
    upgrades: [],
    handshakeTimeoutMs: 10_000,
    clock: systemClock,
    logger: createLogger('info', { write: (line) => void log.push(JSON.parse(line)) }),
    metrics,
    ...options,
  });
  await server.start();
  const port = server.address?.port ?? 0;
  return {
    server,
    metrics,
    port,
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    log,
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

/** Sends text on a fresh socket and resolves to everything that came until the server closed it. */
export async function rawRequest(port: number, text: string): Promise<string> {
  const socket = await rawSocket(port);
  socket.write(text);
  return readToEnd(socket);
}

export async function rawSocket(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

export async function readToEnd(socket: Socket): Promise<string> {
  let received = '';
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => (received += text));
  // A reset is an end too.
  socket.on('error', () => {});
  await once(socket, 'close');
  return received;
}
