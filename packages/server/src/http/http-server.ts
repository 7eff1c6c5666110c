/**
 * A listener: HTTP or HTTPS on one port, exact routes, upgrades to WebSocket, and the guards that hold for all of them:
 * origin, time and size of a request, errors. It knows nothing of what the routes do.
 *
 * Path of a message: **http server** → transport → connection → use case → broker → hub → outbox → transport.
 */
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Component } from '../component.ts';
import type { Clock } from '../lib/clock.ts';
import { newId } from '../lib/ids.ts';
import type { Logger } from '../lib/logger.ts';
import type { Metrics } from '../lib/metrics.ts';
import { clientAddress } from './client-address.ts';
import { HttpError } from './http-error.ts';
import { LogGate } from '../lib/log-gate.ts';
import { OriginPolicy } from './origin-policy.ts';
import { ignoreError, refuseRaw, sendError } from './respond.ts';
import type { HttpExchange, HttpRoute, UpgradeRoute } from './route.ts';
import { Router, type PathRoutes } from './router.ts';
import { readTlsFiles, type TlsFiles } from './tls-files.ts';

export interface HttpServerOptions {
  /** Name of the component in logs: `public listener`. */
  readonly name: string;
  readonly host: string;
  /** 0 takes any free port; see `address`. */
  readonly port: number;
  readonly tls?: TlsFiles | undefined;
  /** Whether the peer is a proxy whose X-Forwarded-For is true. */
  readonly trustProxy: boolean;
  readonly origins: readonly string[];
  /** Pages of this server itself are allowed origins. */
  readonly development: boolean;
  readonly routes: readonly HttpRoute[];
  readonly upgrades: readonly UpgradeRoute[];
  /** A TLS handshake, and a request with its body, must have arrived by then. */
  readonly handshakeTimeoutMs: number;
  readonly maxHeaderBytes?: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Load balancers keep idle connections for up to 60 s and must be the ones to close them. */
const keepAliveTimeoutMs = 65_000;
/** Refused requests in the log: so many lines in so long a time, the rest is counted. */
const refusalLines = 100;
const refusalIntervalMs = 10_000;
/** Everybody comes back at once after a restart. */
const backlog = 4096;

export class HttpServer implements Component {
  readonly name: string;
  readonly #options: HttpServerOptions;
  readonly #router: Router;
  readonly #upgrades = new Map<string, UpgradeRoute>();
  readonly #originGate: LogGate;
  readonly #refusalGate: LogGate;
  readonly #sockets = new Set<Socket>();
  /** Connections whose request has no time limit of ours. */
  readonly #untimed = new WeakSet<Duplex>();
  #origins: OriginPolicy;
  #server: Server | undefined;
  #closed: Promise<void> | undefined;
  #draining = false;
  /** Exchanges with back ends and operators whose handler has not returned. */
  #underWay = 0;
  #idle: (() => void) | undefined;

  /** @throws Error for an entry of `origins` that is not an origin, or two routes of one method and path. */
  constructor(options: HttpServerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#router = new Router(options.routes);
    for (const route of options.upgrades) this.#upgrades.set(route.path, route);
    this.#origins = new OriginPolicy(options.origins, options.development);
    this.#originGate = new LogGate(options.clock);
    this.#refusalGate = new LogGate(options.clock, refusalIntervalMs, refusalLines);
  }

  /** Where it listens; undefined before `start` and after `stop`. */
  get address(): { host: string; port: number } | undefined {
    const bound = this.#server?.address() as AddressInfo | string | null | undefined;
    return bound && typeof bound === 'object' ? { host: bound.address, port: bound.port } : undefined;
  }

  /** @throws Error naming the address, or the certificate file, that cannot be used. */
  async start(): Promise<void> {
    const { host, port, tls, handshakeTimeoutMs } = this.#options;
    const options: ServerOptions = {
      noDelay: true,
      maxHeaderSize: this.#options.maxHeaderBytes ?? 16_384,
      headersTimeout: handshakeTimeoutMs,
      requestTimeout: handshakeTimeoutMs,
      connectionsCheckingInterval: Math.min(5_000, Math.max(50, Math.floor(handshakeTimeoutMs / 2))),
      keepAliveTimeout: keepAliveTimeoutMs,
      // Some HTTP clients offer `Upgrade: h2c` on every request; those are plain requests to us.
      shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === 'websocket',
    };
    const server = tls
      ? createSecureServer({ ...options, ...(await readTlsFiles(tls)), handshakeTimeout: handshakeTimeoutMs })
      : createServer(options);
    server.on('request', (request, response) => void this.#onRequest(request, response));
    server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head));
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.#onClientError(error, socket));
    this.#track(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, backlog }, () => {
        server.off('error', reject);
        resolve();
      });
    }).catch((error: unknown) => {
      throw new Error(`${this.name} cannot listen on ${host}:${port}: ${(error as Error).message}`, { cause: error });
    });
    server.on('error', (error) => this.#options.logger.error({ err: error, listener: this.name }, 'listener failed'));
    this.#closed = new Promise((resolve) => server.once('close', resolve));
    this.#draining = false;
    this.#server = server;
  }

  /** Stops accepting, closes idle connections and waits for calls of back ends; transports drain their own clients. */
  async drain(until: AbortSignal): Promise<void> {
    if (!this.#server || this.#draining) return;
    this.#draining = true;
    this.#server.close();
    this.#server.closeIdleConnections();
    if (this.#underWay === 0 || until.aborted) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
      until.addEventListener('abort', () => resolve(), { once: true });
    });
    this.#idle = undefined;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    this.#draining = true;
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await this.#closed;
  }

  /**
   * Reads certificate and key again; new connections use them, existing ones stay.
   * @throws Error if they cannot be used; then the old ones stay in use.
   */
  async reloadTls(): Promise<void> {
    const { tls } = this.#options;
    if (!tls) return;
    const files = await readTlsFiles(tls);
    (this.#server as { setSecureContext?(options: typeof files): void } | undefined)?.setSecureContext?.(files);
  }

  /** @throws Error for an entry that is not an origin; then the old list stays in use. */
  setOrigins(origins: readonly string[]): void {
    this.#origins = new OriginPolicy(origins, this.#options.development);
  }

  /** Upgraded connections leave the HTTP server's own list, so `stop` needs this one. */
  #track(server: Server): void {
    const sockets = this.#sockets;
    function forget(this: Socket): void {
      sockets.delete(this);
    }
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('close', forget);
    });
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('X-Content-Type-Options', 'nosniff');
    if (this.#draining) response.setHeader('Connection', 'close');
    const url = targetUrl(request);
    if (!url) return this.#refuse(request, response, new HttpError(400, 'the request target is not a path'));
    const routes = this.#router.find(url.pathname);
    if (!routes) {
      return this.#refuse(request, response, new HttpError(404, `there is nothing at ${url.pathname.slice(0, 256)}`));
    }
    if (routes.forClients && !this.#allowOrigin(request, response, url)) return;
    if (request.method === 'OPTIONS' && routes.forClients) return answerPreflight(request, response, routes);
    const route = routes.methods.get(request.method ?? '');
    if (!route) {
      const headers = { Allow: routes.allow };
      return this.#refuse(request, response, new HttpError(405, `${url.pathname} takes ${routes.allow}`, { headers }));
    }
    await this.#serve(route, request, response, url);
  }

  async #serve(route: HttpRoute, request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const requestId = newId();
    response.setHeader('X-Request-Id', requestId);
    const exchange: HttpExchange = {
      request,
      response,
      url,
      address: clientAddress(request, this.#options.trustProxy),
      requestId,
    };
    if (route.untimed === true) {
      const { socket } = request;
      this.#untimed.add(socket);
      request.once('close', () => this.#untimed.delete(socket));
    }
    const counted = route.audience === 'server';
    if (counted) this.#underWay++;
    try {
      await route.handle(exchange);
    } catch (error) {
      this.#failed(error, route, exchange);
    }
    if (counted && --this.#underWay === 0) this.#idle?.();
  }

  #failed(error: unknown, route: HttpRoute, { request, response, requestId }: HttpExchange): void {
    if (error instanceof HttpError) {
      this.#refuse(request, response, error, requestId);
      return;
    }
    this.#options.logger.error({ err: error, requestId, path: route.path }, 'request handler failed');
    if (response.headersSent) response.destroy();
    else sendError(response, 500, `internal server error, request ${requestId}`);
  }

  /** Answers with an error. A client that has left gets no answer, and is not worth a line. */
  #refuse(request: IncomingMessage, response: ServerResponse, error: HttpError, requestId?: string): void {
    if (response.headersSent || response.destroyed) return;
    // Whoever refuses a key has logged it, with more than is known here.
    if (error.status !== 401) {
      const address = clientAddress(request, this.#options.trustProxy);
      this.#reportRefusal({ address, requestId, method: request.method, status: error.status }, error.message);
    }
    sendError(response, error.status, error.message, error.headers);
  }

  #reportRefusal(line: { readonly status: number } & Record<string, unknown>, message: string): void {
    // Programs that try every name they know are on every public network, and found nothing.
    if (line.status === 404) {
      this.#options.logger.debug(line, `request refused: ${message}`);
      return;
    }
    const suppressed = this.#refusalGate.pass();
    if (suppressed === undefined) return;
    this.#options.logger.info({ ...line, ...(suppressed > 0 && { suppressed }) }, `request refused: ${message}`);
  }

  /** Checks Origin and sets the CORS headers; answers 403 itself. */
  #allowOrigin(request: IncomingMessage, response: ServerResponse, url: URL): boolean {
    const { origin, host } = request.headers;
    response.setHeader('Vary', 'Origin');
    const verdict = this.#origins.check(origin, host);
    if (verdict === 'denied') {
      this.#reportOrigin(origin, url.pathname);
      sendError(response, 403, `origin ${origin} is not allowed; add it to \`origins\` in the configuration`);
      return false;
    }
    if (verdict === 'listed') {
      response.setHeader('Access-Control-Allow-Origin', origin as string);
      response.setHeader('Access-Control-Allow-Credentials', 'true');
    } else if (verdict === 'any') {
      response.setHeader('Access-Control-Allow-Origin', '*');
    }
    return true;
  }

  #reportOrigin(origin: string | undefined, path: string): void {
    this.#options.metrics.denials.add('origin');
    const suppressed = this.#originGate.pass();
    if (suppressed === undefined) return;
    this.#options.logger.warn(
      { origin: origin?.slice(0, 256), path, suppressed },
      'origin refused: add it to `origins` in the configuration if it is yours',
    );
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Stays on: an error between two owners of the socket must not end the process.
    socket.on('error', ignoreError);
    const refuse = (status: number, message: string): void =>
      refuseRaw(socket, status, message, this.#options.handshakeTimeoutMs);
    const url = targetUrl(request);
    const route = url && this.#upgrades.get(url.pathname);
    if (!url || !route) {
      const address = clientAddress(request, this.#options.trustProxy);
      this.#reportRefusal({ address, status: 404 }, 'there is no WebSocket here');
      return refuse(404, 'there is no WebSocket here');
    }
    if (this.#draining) return refuse(503, 'shutting down');
    const { origin, host } = request.headers;
    if (this.#origins.check(origin, host) === 'denied') {
      this.#reportOrigin(origin, url.pathname);
      return refuse(403, `origin ${origin} is not allowed; add it to \`origins\` in the configuration`);
    }
    try {
      route.upgrade(request, socket, head, url, clientAddress(request, this.#options.trustProxy));
    } catch (error) {
      if (error instanceof HttpError) {
        const address = clientAddress(request, this.#options.trustProxy);
        this.#reportRefusal({ address, status: error.status }, error.message);
        return refuse(error.status, error.message);
      }
      this.#options.logger.error({ err: error, path: route.path }, 'upgrade failed');
      socket.destroy();
    }
  }

  #onClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
    // Said once per request; nothing else happens to it.
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && this.#untimed.has(socket)) return;
    const refusal = refusalOf(error.code);
    if (!refusal) {
      socket.destroy();
      return;
    }
    const { status, message } = refusal;
    const { remoteAddress: address, bytesRead } = socket as Socket;
    // Browsers open connections ahead of need; one on which nothing was said broke no rule.
    if (bytesRead > 0) this.#reportRefusal({ address, status }, message);
    refuseRaw(socket, status, message, this.#options.handshakeTimeoutMs);
  }
}

/** The answer to what could not be read as a request; undefined for a connection that just broke. */
function refusalOf(code: string | undefined): { status: number; message: string } | undefined {
  if (code === 'HPE_HEADER_OVERFLOW') return { status: 431, message: 'the headers are too large' };
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return { status: 408, message: 'the request did not arrive in time' };
  // It left in the middle of a request.
  if (code === 'HPE_INVALID_EOF_STATE') return undefined;
  return code?.startsWith('HPE_') ? { status: 400, message: 'this is not an HTTP request' } : undefined;
}

/** The request target in origin form (RFC 9112 §3.2.1), or absolute form as proxies send it. */
function targetUrl(request: IncomingMessage): URL | undefined {
  const target = request.url ?? '';
  return URL.parse(target.startsWith('/') ? `http://localhost${target}` : target) ?? undefined;
}

function answerPreflight(request: IncomingMessage, response: ServerResponse, routes: PathRoutes): void {
  const asked = request.headers['access-control-request-headers'];
  response.setHeader('Access-Control-Allow-Methods', routes.allow);
  if (asked && /^[\w\-, ]{1,1024}$/.test(asked)) response.setHeader('Access-Control-Allow-Headers', asked);
  response.setHeader('Access-Control-Max-Age', '3600');
  response.writeHead(204).end();
}
