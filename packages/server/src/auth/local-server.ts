/** For tests: an HTTP server on this machine that plays the application or a key server. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface Received {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A status, or a body with status 200. Of texts, `cut` closes the connection without an answer, and `hang` never answers. */
export type Reply = number | object | string;

export class LocalServer {
  readonly received: Received[] = [];
  /** Requests being answered. */
  underWay = 0;
  /** The most there ever were. */
  mostUnderWay = 0;
  readonly #answer: (request: Received) => Reply | Promise<Reply>;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((request, response) => void this.#handle(request, response));
  #port = 0;

  constructor(answer: (request: Received) => Reply | Promise<Reply>) {
    this.#answer = answer;
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(answer: (request: Received) => Reply | Promise<Reply>): Promise<LocalServer> {
    const server = new LocalServer(answer);
    await server.listen();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/hook`;
  }

  /** Listens; after `close`, on the same port again. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.underWay);
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      // The caller went away within its request.
      this.underWay--;
      return;
    }
    const received = { method: request.method ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() };
    this.received.push(received);
    const reply = await this.#answer(received);
    this.underWay--;
    if (reply === 'hang') return;
    if (reply === 'cut') request.socket.destroy();
    else if (typeof reply === 'number') response.writeHead(reply, { location: '/elsewhere' }).end('secret stack trace');
    else response.writeHead(200).end(typeof reply === 'string' ? reply : JSON.stringify(reply));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Waits for something that real sockets bring about. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < 10_000; waitedMs += 5) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`never came true: ${what}`);
}
