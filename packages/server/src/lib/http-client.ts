/**
 * The one way out: requests to the application (hooks, events) and to key servers. Small on purpose: a time limit, a
 * size limit, no redirects, kept connections.
 *
 * On `node:http` and not `fetch`, because it tells whether a request may have reached the other side (decides whether
 * repeating is safe) and closes everything at once.
 */
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Clock } from './clock.ts';

export interface HttpCall {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
  readonly maxResponseBytes: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: Buffer;
}

export type HttpFailure = 'timeout' | 'network' | 'too-large' | 'stopped';

/** No answer. The message names the failure, never the address: that may hold credentials. */
export class HttpCallError extends Error {
  readonly failure: HttpFailure;
  /** False if it is certain that nothing was sent. */
  readonly sent: boolean;
  /** Whether it went over a kept connection, which the other side may just have been closing. */
  readonly reused: boolean;

  constructor(failure: HttpFailure, detail: string, options: { sent: boolean; reused?: boolean; cause?: unknown }) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'HttpCallError';
    this.failure = failure;
    this.sent = options.sent;
    this.reused = options.reused ?? false;
  }
}

/** Less than the idle timeout of common servers (5 s and up): a connection is not used while they close it. */
const idleMs = 4_000;

export class HttpClient {
  readonly #clock: Clock;
  readonly #http = new HttpAgent({ keepAlive: true, timeout: idleMs });
  readonly #https = new HttpsAgent({ keepAlive: true, timeout: idleMs });
  readonly #open = new Set<() => void>();
  #stopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * One attempt. Resolves with any status.
   * @throws HttpCallError
   */
  call(call: HttpCall): Promise<HttpAnswer> {
    if (this.#stopped) return Promise.reject(new HttpCallError('stopped', 'stopped', { sent: false }));
    return new Promise((resolve, reject) => {
      const secure = call.url.protocol === 'https:';
      const request = (secure ? httpsRequest : httpRequest)(call.url, {
        method: call.method,
        agent: secure ? this.#https : this.#http,
        headers: { ...call.headers, 'accept-encoding': 'identity' },
      });
      let sent = false;
      let done = false;

      const finish = (outcome: () => void): void => {
        if (done) return;
        done = true;
        this.#clock.clearTimeout(timer);
        this.#open.delete(stop);
        outcome();
      };
      const fail = (failure: HttpFailure, detail: string, cause?: unknown): void =>
        finish(() => {
          reject(new HttpCallError(failure, detail, { sent, reused: request.reusedSocket, cause }));
          request.destroy();
        });
      const stop = (): void => fail('stopped', 'stopped');
      const timer = this.#clock.setTimeout(
        () => fail('timeout', `no answer within ${call.timeoutMs} ms`),
        call.timeoutMs,
      );
      this.#open.add(stop);

      request.on('socket', (socket) => {
        // Bytes leave only over an established connection (after the handshake, with TLS).
        if (!socket.connecting) sent = true;
        else socket.once(secure ? 'secureConnect' : 'connect', () => (sent = true));
      });
      request.on('error', (error) => fail('network', describe(error), error));
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > call.maxResponseBytes) fail('too-large', `answer above ${call.maxResponseBytes} bytes`);
          else chunks.push(chunk);
        });
        response.on('end', () =>
          finish(() => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) })),
        );
        response.on('error', (error) => fail('network', describe(error), error));
        response.on('close', () => fail('network', 'connection closed within the answer'));
      });
      request.end(call.body);
    });
  }

  /** Fails what is under way and closes all connections; later calls fail. */
  stop(): void {
    this.#stopped = true;
    for (const stop of [...this.#open]) stop();
    this.#http.destroy();
    this.#https.destroy();
  }
}

/** The code alone where there is one: messages of network errors hold addresses. */
function describe(error: Error): string {
  const code = (error as NodeJS.ErrnoException).code;
  return typeof code === 'string' ? code : error.message;
}
