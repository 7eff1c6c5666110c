/**
 * WebSocket, bidirectional and unidirectional. `ws` does the handshake, reads frames, unmasks, inflates and enforces
 * limits; what we send does not pass through it: a batch is framed once for all its receivers and written straight to
 * the TCP socket, which is most of the way to the floor.
 *
 * Path of a message: **transport** → connection → use case → broker → hub → outbox → **transport**.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { closeCodes, formats, type CloseReason, type Format } from '@tidings/protocol';
import { WebSocketServer, type WebSocket } from 'ws';
import { HttpError } from '../http/http-error.ts';
import type { UpgradeRoute } from '../http/route.ts';
import type { Batch } from '../hub/batch.ts';
import type { Clock, TimerId } from '../lib/clock.ts';
import { connectFrame } from './connect-frame.ts';
import { forwardedHeaders } from './http-request.ts';
import type { Accept, Handshake, Socket, SocketEvents, TransportName } from './transport.ts';

/** How long a peer may take to answer our close frame, or to read what was written before it. */
const closeTimeoutMs = 5_000;
/** Ping and pong frames of a peer in one second; more is a flood. */
const maxControlFrames = 100;
/** With more than this unread, pings of the peer go unanswered: they must not fill our memory. */
const maxPongBacklogBytes = 16_384;

export interface WebsocketOptions {
  readonly accept: Accept;
  readonly maxMessageBytes: number;
  readonly compression: { readonly enabled: boolean; readonly minBytes: number };
  /** Lower-case names of request headers kept for hooks. */
  readonly forwardHeaders: readonly string[];
  readonly clock: Clock;
  /** Milliseconds between ping frames for clients that ask for them. */
  readonly pingIntervalMs: number;
  readonly pongTimeoutMs: number;
  readonly bidirectional: boolean;
  readonly unidirectional: boolean;
}

export class WebsocketTransport {
  readonly upgrades: readonly UpgradeRoute[];
  readonly #options: WebsocketOptions;
  readonly #server: WebSocketServer;

  constructor(options: WebsocketOptions) {
    this.#options = options;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: options.maxMessageBytes,
      autoPong: false,
      // Without context takeover the compressed bytes are the same for every receiver: compressed once per fan-out.
      perMessageDeflate: options.compression.enabled
        ? { serverNoContextTakeover: true, clientNoContextTakeover: true, concurrencyLimit: 4 }
        : false,
      handleProtocols: (offered) =>
        ['centrifuge-protobuf', 'centrifuge-json'].find((name) => offered.has(name)) ?? false,
    });
    // Emitted within `handleUpgrade`; without a listener `ws` would answer by itself, and nobody else would know.
    this.#server.on('wsClientError', (error) => {
      throw new HttpError(400, `no WebSocket handshake: ${error.message}`, { cause: error });
    });
    this.upgrades = [
      ...(options.bidirectional ? [this.#route('/connection/websocket', 'websocket')] : []),
      ...(options.unidirectional ? [this.#route('/connection/uni_websocket', 'uni_websocket')] : []),
    ];
  }

  #route(path: string, transport: TransportName): UpgradeRoute {
    return {
      path,
      upgrade: (request, socket, head, url, address) => this.#upgrade(transport, request, socket, head, url, address),
    };
  }

  #upgrade(
    transport: TransportName,
    request: IncomingMessage,
    tcp: Duplex,
    head: Buffer,
    url: URL,
    address: string,
  ): void {
    const unidirectional = transport === 'uni_websocket';
    const handshake: Handshake = {
      transport,
      format: chooseFormat(request, url, unidirectional),
      address,
      headers: forwardedHeaders(request.headers, this.#options.forwardHeaders),
    };
    const nativePing = url.searchParams.get('cf_ws_frame_ping_pong') === 'true';
    const connect = unidirectional ? url.searchParams.get('cf_connect') : null;
    this.#server.handleUpgrade(request, tcp, head, (websocket) => {
      open(this.#options, handshake, nativePing, connect, websocket, tcp);
    });
  }
}

/** Not a method and not a closure of the upgrade: an open connection must not keep the HTTP request alive. */
function open(
  options: WebsocketOptions,
  handshake: Handshake,
  nativePing: boolean,
  connect: string | null,
  websocket: WebSocket,
  tcp: Duplex,
): void {
  const socket = new WebsocketSocket(options, handshake, nativePing, websocket, tcp);
  const events = options.accept(socket);
  socket.listen(events);
  if (connect !== null) socket.connect(events, connect);
}

function chooseFormat(request: IncomingMessage, url: URL, unidirectional: boolean): Format {
  const offered = request.headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? [];
  const protobuf =
    offered.includes('centrifuge-protobuf') ||
    url.searchParams.get('cf_protocol') === 'protobuf' ||
    url.searchParams.get('format') === 'protobuf';
  if (unidirectional) return protobuf ? formats.uniWebsocketProtobuf : formats.uniWebsocketJson;
  return protobuf ? formats.websocketProtobuf : formats.websocketJson;
}

/** The close code that `ws` sends for an error of the receiver (RFC 6455 §7.4.1). */
function codeOfError(error: Error): number {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH':
    case 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH':
      return 1009;
    case 'WS_ERR_TOO_MANY_BUFFERED_PARTS':
      return 1008;
    case 'WS_ERR_INVALID_UTF8':
    case 'Z_DATA_ERROR':
      return 1007;
    default:
      return 1002;
  }
}

class WebsocketSocket implements Socket {
  readonly handshake: Handshake;
  readonly nativePing: boolean;
  readonly #options: WebsocketOptions;
  readonly #websocket: WebSocket;
  readonly #tcp: Duplex;
  readonly #deflate: boolean;
  #closing = false;
  /** `closed` was reported with a fault. */
  #failed = false;
  #pingTimer: TimerId;
  #awaitingPong = false;
  #connected = false;
  #controlFrames = 0;
  #controlSinceMs = 0;

  constructor(options: WebsocketOptions, handshake: Handshake, nativePing: boolean, websocket: WebSocket, tcp: Duplex) {
    this.#options = options;
    this.handshake = handshake;
    this.nativePing = nativePing;
    this.#websocket = websocket;
    this.#tcp = tcp;
    this.#deflate = websocket.extensions.includes('permessage-deflate');
  }

  get bufferedBytes(): number {
    return this.#tcp.writableLength;
  }

  listen(events: SocketEvents): void {
    const { format } = this.handshake;
    this.#websocket.on('message', (data, isBinary) => {
      if (this.#closing) return;
      const bytes = data as Buffer;
      if (!isBinary && format.codec === 'protobuf') {
        this.#fail(events, closeCodes.badRequest, 'text where Protobuf is expected');
        return;
      }
      if (format.unidirectional) {
        // Behind the connect request a unidirectional client has nothing to say.
        if (!this.#connected) this.connect(events, bytes);
        return;
      }
      events.message(bytes);
    });
    this.#websocket.on('close', (code) => {
      this.#options.clock.clearTimeout(this.#pingTimer);
      this.#closing = true;
      if (!this.#failed) events.closed(code);
    });
    this.#websocket.on('error', (error) => this.#broken(events, error));
    this.#websocket.on('ping', (data) => {
      this.#countControlFrame(events);
      // RFC 6455 §5.5.3 lets us answer only the latest of several.
      if (!this.#closing && this.bufferedBytes <= maxPongBacklogBytes) this.#websocket.pong(data);
    });
    this.#websocket.on('pong', () => {
      this.#awaitingPong = false;
      this.#countControlFrame(events);
    });
    if (this.nativePing) this.#pingLater(events);
  }

  #countControlFrame(events: SocketEvents): void {
    const nowMs = this.#options.clock.now();
    if (nowMs - this.#controlSinceMs >= 1_000) {
      this.#controlSinceMs = nowMs;
      this.#controlFrames = 0;
    }
    if (++this.#controlFrames <= maxControlFrames) return;
    this.#fail(events, closeCodes.tooManyRequests, `more than ${maxControlFrames} ping and pong frames a second`);
  }

  /** Hands in the connect request of a unidirectional client. */
  connect(events: SocketEvents, request: string | Uint8Array): void {
    this.#connected = true;
    try {
      events.message(connectFrame(this.handshake.format.codec, request));
    } catch (error) {
      this.#fail(events, closeCodes.badRequest, (error as Error).message);
    }
  }

  write(batch: Batch): void {
    if (this.#closing) return;
    this.#tcp.write(this.#deflate ? batch.compressed(this.#options.compression.minBytes) : batch.bytes);
  }

  close(reason: CloseReason): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#options.clock.clearTimeout(this.#pingTimer);
    this.#websocket.close(reason.code, reason.reason);
    // A peer that does not read never sees the close frame: it is cut off.
    this.#options.clock.setTimeout(() => this.#websocket.terminate(), closeTimeoutMs);
  }

  /** Closes, and reports at once: whoever breaks the rules is not waited for. */
  #fail(events: SocketEvents, reason: CloseReason, detail: string): void {
    if (this.#closing) return;
    this.close(reason);
    this.#failed = true;
    events.closed(reason.code, { ...reason, detail });
  }

  /** A broken frame, or a message over the limit: `ws` has sent the close frame already. */
  #broken(events: SocketEvents, error: Error): void {
    if (this.#closing) return;
    const code = codeOfError(error);
    this.#closing = true;
    this.#failed = true;
    this.#options.clock.clearTimeout(this.#pingTimer);
    this.#options.clock.setTimeout(() => this.#websocket.terminate(), closeTimeoutMs);
    events.closed(code, { code, reason: 'broken frame', detail: error.message });
  }

  #pingLater(events: SocketEvents): void {
    const { clock, pingIntervalMs, pongTimeoutMs } = this.#options;
    this.#pingTimer = clock.setTimeout(() => {
      this.#awaitingPong = true;
      this.#websocket.ping();
      this.#pingTimer = clock.setTimeout(() => {
        if (this.#awaitingPong) this.#fail(events, closeCodes.noPong, `no pong within ${pongTimeoutMs} ms`);
        else this.#pingLater(events);
      }, pongTimeoutMs);
    }, pingIntervalMs);
  }
}
