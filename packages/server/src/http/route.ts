/** What the HTTP server serves: exact paths, one handler each. No framework: a dozen routes need none. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

export interface HttpExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  /** Address of the client, behind trusted proxies. */
  readonly address: string;
  /** Id of this request in the log. */
  readonly requestId: string;
}

export interface HttpRoute {
  /** HEAD beside a GET for clients must answer by itself; for back ends it runs the GET handler. */
  readonly method: 'GET' | 'HEAD' | 'POST';
  /** An exact path, or a prefix if it ends in `/*`. */
  readonly path: string;
  /**
   * `client`: for browsers of allowed origins; the server checks Origin, answers preflight and sets CORS headers.
   * `server`: for back ends and operators; no CORS.
   */
  readonly audience: 'client' | 'server';
  /** The body may take longer than other requests: the handler itself cuts off who stops sending. */
  readonly untimed?: boolean;
  /** A throw is answered 500 and logged. */
  handle(exchange: HttpExchange): void | Promise<void>;
}

/** A path that takes over the connection (WebSocket). Origin is checked before. */
export interface UpgradeRoute {
  readonly path: string;
  /** A thrown HttpError is answered as it says. After any other throw the connection ends, and it is logged. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, url: URL, address: string): void;
}
