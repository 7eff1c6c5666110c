/** The least HTTP server that routes can be tested on: no origins, no limits, no TLS. */
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { HttpError } from '../http/http-error.ts';
import type { HttpRoute, UpgradeRoute } from '../http/route.ts';

export interface HttpListener {
  readonly port: number;
  /** Handler errors that are not an `HttpError`. */
  readonly errors: unknown[];
  stop(): Promise<void>;
}

export async function listen(
  routes: readonly HttpRoute[],
  upgrades: readonly UpgradeRoute[] = [],
): Promise<HttpListener> {
  const errors: unknown[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const route = routes.find(({ method, path }) => method === request.method && path === url.pathname);
    if (!route) {
      response.writeHead(404).end();
      return;
    }
    const exchange = { request, response, url, address: request.socket.remoteAddress ?? '', requestId: 'request' };
    Promise.resolve()
      .then(() => route.handle(exchange))
      .catch((error: unknown) => {
        if (!(error instanceof HttpError)) errors.push(error);
        if (response.headersSent) response.destroy();
        else response.writeHead(error instanceof HttpError ? error.status : 500).end((error as Error).message);
      });
  });
  server.on('upgrade', (request, socket, head) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const route = upgrades.find(({ path }) => path === url.pathname);
    if (route) route.upgrade(request, socket, head, url, request.socket.remoteAddress ?? '');
    else socket.destroy();
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    errors,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
