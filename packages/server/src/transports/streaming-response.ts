/**
 * A socket whose way out is the body of an HTTP response that does not end. `http-stream.ts` and `sse.ts` differ only in
 * headers, format and how the first commands arrive.
 *
 * Path of a message: transport → connection → use case → broker → hub → outbox → **transport**.
 */
import type { ServerResponse } from 'node:http';
import { closeCodes, frame, jsonCodec, protobufCodec, type CloseReason, type Format } from '@tidings/protocol';
import type { Config } from '../config/schema.ts';
import type { HttpExchange } from '../http/route.ts';
import type { Batch } from '../hub/batch.ts';
import type { Clock, TimerId } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { forwardedHeaders } from './http-request.ts';
import type { SessionRegistry } from './sessions.ts';
import type { Accept, Handshake, Socket, SocketEvents, TransportName } from './transport.ts';

/** What every HTTP transport is made of. */
export interface HttpTransportOptions {
  readonly accept: Accept;
  readonly sessions: SessionRegistry;
  readonly limits: Pick<Config['limits'], 'messageSize'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Lower-case names of request headers kept for hooks. */
  readonly forwardHeaders: readonly string[];
}

export interface StreamStart {
  readonly transport: TransportName;
  readonly format: Format;
  readonly contentType: string;
  /** Bytes in front of the first message. */
  readonly prelude?: string;
  /** The commands that came with the request. */
  readonly first: string | Uint8Array;
}

/** How long a peer that does not read may keep a closed connection. */
const closeTimeoutMs = 5_000;

/** Sends the head of a streaming response, opens a connection on it and hands in the first commands. */
export function openStream(exchange: HttpExchange, start: StreamStart, options: HttpTransportOptions): void {
  const { request, response } = exchange;
  if (response.destroyed || request.socket.destroyed) return;
  response.writeHead(200, {
    'Content-Type': start.contentType,
    // no-transform keeps proxies from compressing, and so from gathering, the stream.
    'Cache-Control': 'no-cache, no-store, no-transform',
    // nginx passes the stream on as it comes.
    'X-Accel-Buffering': 'no',
  });
  response.flushHeaders();
  if (start.prelude !== undefined) response.write(start.prelude);
  const handshake: Handshake = {
    transport: start.transport,
    format: start.format,
    address: exchange.address,
    headers: forwardedHeaders(request.headers, options.forwardHeaders),
  };
  new StreamingSocket(handshake, response, options).open(options.accept, start.first);
}

class StreamingSocket implements Socket {
  readonly handshake: Handshake;
  readonly session?: string;
  readonly #response: ServerResponse;
  readonly #options: HttpTransportOptions;
  #events: SocketEvents | undefined;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #closeCode: number = closeCodes.connectionClosed.code;
  #closeTimer: TimerId;

  constructor(handshake: Handshake, response: ServerResponse, options: HttpTransportOptions) {
    this.handshake = handshake;
    this.#response = response;
    this.#options = options;
    if (!handshake.format.unidirectional) this.session = options.sessions.newSession();
    // A write to a peer that left raises `error` here; `close` follows and says all there is to say.
    response.on('error', () => {});
    response.on('close', () => this.#closed());
  }

  open(accept: Accept, first: string | Uint8Array): void {
    try {
      this.#events = accept(this);
    } catch (error) {
      this.#response.destroy();
      throw error;
    }
    if (this.#state !== 'open') return;
    if (this.session !== undefined) this.#options.sessions.open(this.session, this.#events);
    this.#events.message(first);
  }

  get bufferedBytes(): number {
    return this.#state === 'closed' ? 0 : this.#response.writableLength;
  }

  write(batch: Batch): void {
    if (this.#state !== 'open') return;
    const wire = this.#response.socket;
    // Left alone, Node corks until the next tick, and bytes the kernel would take at once would count as unread.
    wire?.cork();
    this.#response.write(batch.bytes);
    wire?.uncork();
  }

  close(reason: CloseReason): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#closeCode = reason.code;
    if (this.session !== undefined) this.#options.sessions.close(this.session);
    this.#closeTimer = this.#options.clock.setTimeout(() => {
      this.#options.logger.debug({ transport: this.handshake.transport }, 'peer did not read until the end');
      this.#response.destroy();
    }, closeTimeoutMs);
    this.#response.end(disconnectFrame(this.handshake.format, reason));
  }

  #closed(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    if (this.session !== undefined) this.#options.sessions.close(this.session);
    if (this.#closeTimer !== undefined) this.#options.clock.clearTimeout(this.#closeTimer);
    this.#events?.closed(this.#closeCode);
  }
}

/** The last message of a stream: there is no close frame to carry code and reason. */
function disconnectFrame(format: Format, reason: CloseReason): Uint8Array {
  const codec = format.codec === 'json' ? jsonCodec : protobufCodec;
  const push = { disconnect: { code: reason.code, reason: reason.reason } };
  return frame(format.framing, [format.unidirectional ? codec.encodePush(push) : codec.encodeReply({ push })]);
}
