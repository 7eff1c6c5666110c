/**
 * The seam between the network and a connection. A transport accepts sockets, hands in what arrived and writes what it
 * is given. It never parses a command, keeps no state of a client and never reads on the connection's behalf.
 *
 * Path of a message: **transport** → connection → use case → broker → hub → outbox → transport.
 */
import type { CloseReason, Format } from '@tidings/protocol';
import type { Batch } from '../hub/batch.ts';

export type TransportName =
  | 'websocket'
  | 'http_stream'
  | 'sse'
  | 'uni_websocket'
  | 'uni_http_stream'
  | 'uni_sse'
  | 'long_poll'
  | 'memory';

/** What is known of a client before it said anything. */
export interface Handshake {
  readonly transport: TransportName;
  readonly format: Format;
  /** Address of the client, behind trusted proxies. */
  readonly address: string;
  /** Lower-case names; only those listed in `transports.forwardHeaders`. */
  readonly headers: Readonly<Record<string, string>> | undefined;
}

/**
 * One client's end of the network.
 *
 * Law: after `close`, or once `closed` was reported, `write` does nothing. `close` flushes what was written, as far as
 * the peer reads, tells it code and reason in the transport's own way, and reports `closed` exactly once.
 */
export interface Socket {
  readonly handshake: Handshake;
  /**
   * Where HTTP requests reach this connection (`POST /emulation`); undefined for a socket that can both send and
   * receive. Unguessable.
   */
  readonly session?: string;
  /** Pings are frames of the transport itself; the connection then sends none. */
  readonly nativePing?: boolean;
  /** Bytes accepted by `write` that the kernel has not taken yet. */
  readonly bufferedBytes: number;
  write(batch: Batch): void;
  close(reason: CloseReason): void;
}

/**
 * What a socket tells its connection.
 *
 * Law: `message*`, then `closed` once, then nothing. Calls never throw and are never nested.
 */
export interface SocketEvents {
  /** One frame or body: commands in the codec of the socket's format. */
  message(frame: string | Uint8Array): void;
  /**
   * The peer is gone, or `close` completed.
   * @param fault what the peer did, if the transport itself broke with it; `code` is then the one the peer was given.
   */
  closed(code: number, fault?: Fault): void;
}

/** A peer broke the rules of the transport: a frame that is none, a message over the limit, no answer to a ping. */
export interface Fault extends CloseReason {
  /** What was wrong, in words, for the operator's log. */
  readonly detail: string;
}

/** Called by a transport for every new socket. May call `socket.close` before it returns (limits). */
export type Accept = (socket: Socket) => SocketEvents;
