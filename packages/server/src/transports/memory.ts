/**
 * In-process sockets: for applications that embed the engine and for tests. No network and no waiting, but the same
 * frames and codecs as over a network: what a client sends is encoded, what it receives is decoded.
 *
 * Path of a message: **transport** → connection → use case → broker → hub → outbox → **transport**.
 */
import {
  closeCodes,
  formats,
  jsonCodec,
  protobufCodec,
  type CloseReason,
  type Codec,
  type Command,
  type Format,
  type Framing,
  type Push,
  type Reply,
} from '@tidings/protocol';
import type { Batch } from '../hub/batch.ts';
import { Inbox } from './inbox.ts';
import type { Accept, Handshake, Socket, SocketEvents } from './transport.ts';

export interface MemoryConnectOptions {
  /** How frames look; default WebSocket JSON. */
  readonly format?: Format;
  /** Default `127.0.0.1`. */
  readonly address?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether pings are answered as the server asked for; default true. */
  readonly autoPong?: boolean;
}

export class MemoryTransport {
  readonly #accept: Accept;

  constructor(options: { accept: Accept }) {
    this.#accept = options.accept;
  }

  /** Opens a socket. The client has sent nothing yet. */
  connect(options: MemoryConnectOptions = {}): MemoryClient {
    return new MemoryClient(this.#accept, options);
  }
}

/** The client's end of an in-process socket. */
export class MemoryClient {
  readonly format: Format;
  readonly #codec: Codec;
  readonly #autoPong: boolean;
  readonly #inbox = new Inbox<Reply>();
  readonly #socket: MemorySocket;
  #wantsPong = false;
  #lastId = 0;
  /** Pings received so far. */
  pings = 0;
  /** Why the connection ended, once it has. */
  closeReason: CloseReason | undefined;
  /** Resolves when the connection ended, with what the server said. */
  readonly closed: Promise<CloseReason>;

  constructor(accept: Accept, options: MemoryConnectOptions) {
    this.format = options.format ?? formats.websocketJson;
    this.#codec = this.format.codec === 'json' ? jsonCodec : protobufCodec;
    this.#autoPong = options.autoPong ?? true;
    const closed = Promise.withResolvers<CloseReason>();
    this.closed = closed.promise;
    const handshake: Handshake = {
      transport: 'memory',
      format: this.format,
      address: options.address ?? '127.0.0.1',
      headers: options.headers,
    };
    this.#socket = new MemorySocket(handshake, {
      bytes: (bytes) => this.#receive(bytes),
      closed: (reason) => {
        this.closeReason = reason;
        this.#inbox.end(new Error(`connection closed: ${reason.code} ${reason.reason}`));
        closed.resolve(reason);
      },
    });
    this.#socket.open(accept);
  }

  /** Messages that arrived and were not taken yet, oldest first; pings are not among them. */
  get inbox(): readonly Reply[] {
    return this.#inbox.items;
  }

  /** Messages in order; on a unidirectional connection every one is a push. Ends when the connection ends. */
  get replies(): AsyncIterable<Reply> {
    return this.#inbox;
  }

  /** Pushes in order; replies to commands stay for `next`. Ends when the connection ends. */
  get pushes(): AsyncIterable<Push> {
    return pushesOf(this.#inbox, () => this.closeReason !== undefined);
  }

  /**
   * Takes the oldest message that matches, now or when it arrives; others stay.
   * @throws Error when the connection has ended and nothing that matches is left.
   */
  next(match?: (reply: Reply) => boolean): Promise<Reply> {
    return this.#inbox.next(match);
  }

  /** The oldest push that matches. */
  async nextPush(match: (push: Push) => boolean = () => true): Promise<Push> {
    const reply = await this.#inbox.next(({ push }) => push !== undefined && match(push));
    return reply.push as Push;
  }

  /** Sends commands as one frame. */
  send(commands: Command | readonly Command[]): void {
    this.sendFrame(this.#codec.encodeCommands(Array.isArray(commands) ? commands : [commands as Command]));
  }

  /** Sends a command under a new id and takes its reply; on a unidirectional connection the connect push. */
  request(command: Omit<Command, 'id'>): Promise<Reply> {
    const id = ++this.#lastId;
    this.send({ ...command, id });
    const { unidirectional } = this.format;
    return this.#inbox.next((reply) => (unidirectional ? reply.push?.connect !== undefined : reply.id === id));
  }

  /** Sends any bytes or text as one frame. */
  sendFrame(frame: string | Uint8Array): void {
    this.#socket.deliver(frame);
  }

  /** Stops reading: what the server writes from now on is buffered. */
  hold(): void {
    this.#socket.hold();
  }

  /** Reads again, first what was buffered. */
  release(): void {
    this.#socket.release();
  }

  /** Leaves. The server is told by `closed`. */
  close(): void {
    this.#socket.leave();
  }

  #receive(bytes: Uint8Array): void {
    const frame = unframe(this.format.framing, bytes);
    const replies: Reply[] = this.format.unidirectional
      ? this.#codec.decodePushes(frame).map((push) => (isEmpty(push) ? {} : { push }))
      : this.#codec.decodeReplies(frame);
    for (const reply of replies) {
      if (reply.connect?.pong) this.#wantsPong = true;
      if (isEmpty(reply)) this.#ping();
      else this.#inbox.add(reply);
    }
  }

  #ping(): void {
    this.pings++;
    // Not from inside the server's own write.
    if (this.#autoPong && this.#wantsPong) queueMicrotask(() => this.send({}));
  }
}

interface ClientEnd {
  bytes(bytes: Uint8Array): void;
  closed(reason: CloseReason): void;
}

class MemorySocket implements Socket {
  readonly handshake: Handshake;
  readonly #client: ClientEnd;
  #events: SocketEvents | undefined;
  #held: Uint8Array[] | undefined;
  #bufferedBytes = 0;
  #open = true;

  constructor(handshake: Handshake, client: ClientEnd) {
    this.handshake = handshake;
    this.#client = client;
  }

  open(accept: Accept): void {
    this.#events = accept(this);
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  write(batch: Batch): void {
    if (!this.#open) return;
    if (!this.#held) return this.#client.bytes(batch.bytes);
    this.#held.push(batch.bytes);
    this.#bufferedBytes += batch.bytes.length;
  }

  close(reason: CloseReason): void {
    if (!this.#open) return;
    this.#end(reason);
    // The caller is the connection, or `accept` that has not returned yet: it must not be called from inside itself.
    queueMicrotask(() => this.#events?.closed(reason.code));
  }

  deliver(frame: string | Uint8Array): void {
    if (this.#open) this.#events?.message(frame);
  }

  leave(): void {
    if (!this.#open) return;
    this.#end(closeCodes.connectionClosed);
    this.#events?.closed(closeCodes.connectionClosed.code);
  }

  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held;
    this.#held = undefined;
    if (!held || !this.#open) return;
    this.#bufferedBytes = 0;
    for (const bytes of held) this.#client.bytes(bytes);
  }

  /** What is held then is lost: a peer that does not read gets nothing more over a network either. */
  #end(reason: CloseReason): void {
    this.#open = false;
    this.#held = undefined;
    this.#bufferedBytes = 0;
    this.#client.closed(reason);
  }
}

function isEmpty(message: Reply | Push): boolean {
  return Object.keys(message).length === 0;
}

async function* pushesOf(inbox: Inbox<Reply>, hasEnded: () => boolean): AsyncGenerator<Push> {
  for (;;) {
    try {
      yield (await inbox.next(({ push }) => push !== undefined)).push as Push;
    } catch (error) {
      if (hasEnded()) return;
      throw error;
    }
  }
}

/** Takes the codec's bytes out of the framing's bytes. */
function unframe(framing: Framing, bytes: Uint8Array): Uint8Array {
  switch (framing) {
    case 'websocket-text':
    case 'websocket-binary':
      // RFC 6455 §5.2: 126 and 127 announce a length of 2 and 8 bytes.
      return bytes.subarray(bytes[1] === 127 ? 10 : bytes[1] === 126 ? 4 : 2);
    case 'lines':
    case 'delimited':
      return bytes;
    case 'sse':
      return new TextEncoder().encode(new TextDecoder().decode(bytes).replace(/^data: (.*)\n\n/gm, '$1\n'));
  }
}
