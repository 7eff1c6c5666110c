/**
 * One WebSocket of a load: a client end that costs as little as possible, so that ten thousand of them in one process
 * do not measure themselves. Text or binary messages in both directions, answers to pings and close; no extensions.
 * `load-client.ts` speaks the protocol over it.
 *
 * Frames are masked with the key 0: allowed for a client that carries no third party's script (RFC 6455 §10.3), and
 * it saves touching every byte.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface LoadSocketEvents {
  /** One whole message: a view of what was read, not reused later. */
  message(data: Buffer, binary: boolean): void;
  /** Once, last: the socket is gone. The code is 1006 if the server sent no close frame. */
  closed(code: number, reason: string): void;
}

/** Larger messages than a server of this protocol sends; a hostile length must not allocate. */
const maxMessageBytes = 16 * 1024 * 1024;
const maxHeadBytes = 16 * 1024;
const handshakeKey = 'dGhlIHNhbXBsZSBub25jZQ==';
const handshakeAccept = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };
const empty: Buffer = Buffer.alloc(0);

export interface LoadSocketOptions {
  readonly url: URL;
  readonly subprotocol?: string;
  /** The handshake must be complete after this long. */
  readonly timeoutMs: number;
}

/** An open WebSocket; made by `LoadSocket.open`. */
export class LoadSocket {
  readonly #socket: Socket;
  #events: LoadSocketEvents | undefined;
  /** Bytes of a frame that has not wholly arrived. */
  #pending: Buffer = empty;
  #fragments: Buffer[] = [];
  #fragmentBytes = 0;
  #fragmentsBinary = false;
  #closeCode = 1006;
  #closeReason = '';
  #saidGoodbye = false;
  #gone = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /**
   * Connects and upgrades.
   * @throws Error if the server refuses, answers nonsense or is silent for `timeoutMs`.
   */
  static async open(options: LoadSocketOptions): Promise<LoadSocket> {
    const { url } = options;
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const secure = url.protocol === 'wss:';
    const port = Number(url.port) || (secure ? 443 : 80);
    const socket = secure ? connectTls({ host, port, servername: host }) : connectTcp({ host, port });
    socket.setNoDelay(true);
    const self = new LoadSocket(socket);
    try {
      await self.#upgrade(url, options.subprotocol, options.timeoutMs);
    } catch (error) {
      socket.destroy();
      throw error;
    }
    return self;
  }

  /** Sets who hears of messages. Nothing is lost between `open` and the first `listen` in the same turn. */
  listen(events: LoadSocketEvents): void {
    this.#events = events;
    if (this.#gone) events.closed(this.#closeCode, this.#closeReason);
    else if (this.#pending.length > 0) this.#receive(empty);
  }

  /** Sends one message; after the end it does nothing. */
  send(data: string | Uint8Array): void {
    if (typeof data === 'string') this.#write(opcodes.text, Buffer.from(data));
    else this.#write(opcodes.binary, data);
  }

  /** Says goodbye with a close frame; the server ends the connection. */
  close(): void {
    if (this.#saidGoodbye) return;
    this.#saidGoodbye = true;
    this.#write(opcodes.close, Buffer.from([1000 >> 8, 1000 & 255]));
  }

  /** Cuts the line without a word. */
  destroy(): void {
    this.#socket.destroy();
  }

  #upgrade(url: URL, subprotocol: string | undefined, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = this.#socket;
      let head = empty;
      const timer = setTimeout(() => reject(new Error(`no handshake within ${timeoutMs} ms`)), timeoutMs);
      const fail = (error: Error) => {
        clearTimeout(timer);
        reject(error);
      };
      const ended = () => fail(new Error('closed during the handshake'));
      const reading = (chunk: Buffer) => {
        head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
        const end = head.indexOf('\r\n\r\n');
        if (end < 0 && head.length < maxHeadBytes) return;
        const text = head.toString('latin1', 0, end < 0 ? 0 : end);
        if (!text.startsWith('HTTP/1.1 101 '))
          return fail(new Error(`refused: ${text.split('\r\n', 1)[0] || 'no HTTP answer'}`));
        if (!text.includes(handshakeAccept)) return fail(new Error('refused: wrong Sec-WebSocket-Accept'));
        clearTimeout(timer);
        if (head.length > end + 4) this.#pending = Buffer.from(head.subarray(end + 4));
        socket.removeAllListeners('data').removeAllListeners('close').removeAllListeners('error');
        socket.on('data', (bytes: Buffer) => this.#receive(bytes));
        socket.on('error', () => socket.destroy());
        socket.on('close', () => this.#ended());
        resolve();
      };
      socket.on('data', reading).on('error', fail).on('close', ended);
      const offered = subprotocol ? `Sec-WebSocket-Protocol: ${subprotocol}\r\n` : '';
      // Queued by the socket until it is connected.
      socket.write(
        `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Key: ${handshakeKey}\r\nSec-WebSocket-Version: 13\r\n${offered}\r\n`,
      );
    });
  }

  #write(opcode: number, payload: Uint8Array): void {
    if (this.#socket.destroyed || !this.#socket.writable) return;
    const bytes = payload.length;
    const headBytes = bytes < 126 ? 6 : bytes < 65_536 ? 8 : 14;
    const frame = Buffer.allocUnsafe(headBytes + bytes);
    frame[0] = 0x80 | opcode;
    if (bytes < 126) {
      frame[1] = 0x80 | bytes;
    } else if (bytes < 65_536) {
      frame[1] = 0x80 | 126;
      frame.writeUInt16BE(bytes, 2);
    } else {
      frame[1] = 0x80 | 127;
      frame.writeBigUInt64BE(BigInt(bytes), 2);
    }
    frame.fill(0, headBytes - 4, headBytes);
    frame.set(payload, headBytes);
    this.#socket.write(frame);
  }

  #receive(chunk: Buffer): void {
    const bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    if (!this.#events) {
      this.#pending = bytes;
      return;
    }
    let at = 0;
    while (!this.#socket.destroyed) {
      const used = this.#frame(bytes, at);
      if (used === 0) break;
      at += used;
    }
    // A copy: a view would keep the whole read alive as long as the connection is idle.
    this.#pending = at === bytes.length ? empty : Buffer.from(bytes.subarray(at));
  }

  /** Takes the frame at `at`; returns its length, or 0 if it is not complete. */
  #frame(bytes: Buffer, at: number): number {
    const available = bytes.length - at;
    if (available < 2) return 0;
    const first = bytes[at] as number;
    let length = (bytes[at + 1] as number) & 0x7f;
    let headBytes = 2;
    if (length === 126) {
      if (available < 4) return 0;
      length = bytes.readUInt16BE(at + 2);
      headBytes = 4;
    } else if (length === 127) {
      if (available < 10) return 0;
      length = Number(bytes.readBigUInt64BE(at + 2));
      headBytes = 10;
    }
    if (length > maxMessageBytes || (bytes[at + 1] as number) & 0x80 || first & 0x70) {
      this.#violated('a frame too large, masked, or with reserved bits');
      return 0;
    }
    if (available < headBytes + length) return 0;
    this.#take(first, bytes.subarray(at + headBytes, at + headBytes + length));
    return headBytes + length;
  }

  #take(first: number, payload: Buffer): void {
    const final = (first & 0x80) !== 0;
    switch (first & 0x0f) {
      case opcodes.text:
      case opcodes.binary:
      case opcodes.continuation:
        return this.#data(first & 0x0f, final, payload);
      case opcodes.ping:
        return this.#write(opcodes.pong, payload);
      case opcodes.pong:
        return;
      case opcodes.close:
        this.#closeCode = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
        this.#closeReason = payload.toString('utf8', 2);
        if (!this.#saidGoodbye) this.#write(opcodes.close, payload.subarray(0, 2));
        this.#saidGoodbye = true;
        this.#socket.end();
        return;
      default:
        this.#violated('an unknown opcode');
    }
  }

  #data(opcode: number, final: boolean, payload: Buffer): void {
    if (final && opcode !== opcodes.continuation) {
      this.#events?.message(payload, opcode === opcodes.binary);
      return;
    }
    if (opcode !== opcodes.continuation) this.#fragmentsBinary = opcode === opcodes.binary;
    this.#fragmentBytes += payload.length;
    if (this.#fragmentBytes > maxMessageBytes) return this.#violated('a message too large');
    this.#fragments.push(Buffer.from(payload));
    if (!final) return;
    const whole = Buffer.concat(this.#fragments);
    this.#fragments = [];
    this.#fragmentBytes = 0;
    this.#events?.message(whole, this.#fragmentsBinary);
  }

  #violated(what: string): void {
    this.#closeCode = 1002;
    this.#closeReason = `the server sent ${what}`;
    this.#socket.destroy();
  }

  #ended(): void {
    this.#gone = true;
    this.#events?.closed(this.#closeCode, this.#closeReason);
  }
}
