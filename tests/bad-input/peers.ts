/**
 * Ill-behaved clients: WebSockets whose frames a test writes itself, bare TCP, and tokens made by hand. Every wait has
 * a limit and says what it waited for.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { WebSocket, type ClientOptions } from 'ws';

const waitLimitMs = 10_000;

/** @throws Error naming what did not happen in time. */
export async function within<T>(promise: Promise<T>, what: string, limitMs: number = waitLimitMs): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${limitMs} ms: ${what}`)), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when the condition holds; looks every few milliseconds. */
export async function until(condition: () => boolean, what: string, limitMs: number = waitLimitMs): Promise<void> {
  const end = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export type Json = Record<string, unknown>;

/** A WebSocket that sends what it is told and keeps what it gets. Answers pings unless told not to. */
export class Peer {
  readonly websocket: WebSocket;
  /** Messages other than pings, parsed if JSON. */
  readonly received: Json[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  pongs = true;
  #changed: (() => void)[] = [];
  #ended: { code: number; reason: string } | undefined;
  #id = 1000;

  private constructor(websocket: WebSocket) {
    this.websocket = websocket;
    websocket.on('message', (data, isBinary) => {
      if (isBinary) {
        this.received.push({ binary: data });
      } else {
        for (const line of (data as Buffer).toString().split('\n')) {
          if (line !== '{}') this.received.push(JSON.parse(line) as Json);
          else if (this.pongs) websocket.send('{}');
        }
      }
      this.#wake();
    });
    websocket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      websocket.on('close', (code, reason) => {
        this.#ended = { code, reason: reason.toString() };
        resolve(this.#ended);
        this.#wake();
      });
    });
  }

  static async dial(url: string, options: ClientOptions = {}, protocols: string[] = []): Promise<Peer> {
    const websocket = new WebSocket(url, protocols, { perMessageDeflate: false, ...options });
    const peer = new Peer(websocket);
    await within(once(websocket, 'open'), `WebSocket to ${url} opens`);
    return peer;
  }

  send(frame: string | Uint8Array): void {
    this.websocket.send(frame);
  }

  /** Sends a command and resolves with its reply. */
  async request(command: Json): Promise<Json> {
    const id = ++this.#id;
    this.send(JSON.stringify({ id, ...command }));
    return this.next((message) => message['id'] === id, `reply to ${JSON.stringify(command).slice(0, 80)}`);
  }

  /** The first message like this, received already or to come. */
  async next(match: (message: Json) => boolean, what: string): Promise<Json> {
    const look = async (): Promise<Json> => {
      for (;;) {
        const found = this.received.find(match);
        if (found) return found;
        if (this.#ended) throw new Error(`closed with ${JSON.stringify(this.#ended)} before: ${what}`);
        await new Promise<void>((resolve) => this.#changed.push(resolve));
      }
    };
    return within(look(), what);
  }

  /** Code and reason that the server closed with. */
  end(): Promise<{ code: number; reason: string }> {
    return within(this.closed, 'the server closes the connection');
  }

  #wake(): void {
    for (const resolve of this.#changed.splice(0)) resolve();
  }
}

/** Bytes in both directions and nothing else. */
export class Wire {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  #bytes = Buffer.alloc(0);
  #isClosed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => (this.#bytes = Buffer.concat([this.#bytes, chunk])));
    socket.on('error', () => {});
    this.closed = new Promise((resolve) =>
      socket.on('close', () => {
        this.#isClosed = true;
        resolve();
      }),
    );
  }

  static async dial(port: number, localAddress?: string): Promise<Wire> {
    const socket = connect({ port, host: '127.0.0.1', ...(localAddress !== undefined && { localAddress }) });
    const wire = new Wire(socket);
    await within(once(socket, 'connect'), 'TCP connection');
    return wire;
  }

  /** Opens a WebSocket by hand; frames follow with `frame`. */
  static async websocket(port: number, path: string, headers: readonly string[] = []): Promise<Wire> {
    const wire = await Wire.dial(port);
    wire.write(upgradeRequest(path, headers));
    await wire.until(/^HTTP\/1\.1 101 [^]*?\r\n\r\n/, 'the upgrade is accepted');
    wire.#bytes = wire.#bytes.subarray(wire.#bytes.indexOf('\r\n\r\n') + 4);
    return wire;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  get text(): string {
    return this.#bytes.toString('latin1');
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  write(data: string | Uint8Array): void {
    this.socket.write(data);
  }

  /** Resolves when what was received matches. */
  async until(pattern: RegExp, what: string): Promise<void> {
    await until(() => pattern.test(this.text) || this.#isClosed, what);
    if (!pattern.test(this.text)) throw new Error(`closed before: ${what}; received ${JSON.stringify(this.text)}`);
  }

  /** The server closes: everything it said before. */
  async end(): Promise<string> {
    await within(this.closed, 'the server closes the TCP connection');
    return this.text;
  }

  /** Code of the close frame that ends what a WebSocket received. */
  async closeCode(): Promise<number> {
    await until(() => closeCodeIn(this.#bytes) !== undefined || this.#isClosed, 'a close frame');
    const code = closeCodeIn(this.#bytes);
    if (code === undefined) throw new Error('closed without a close frame');
    return code;
  }
}

export function upgradeRequest(path: string, headers: readonly string[] = []): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    'Host: localhost',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    ...headers,
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** One frame as a client sends it (RFC 6455 §5.2), or as it must not. */
export function frame(
  opcode: number,
  payload: string | Uint8Array,
  { fin = true, rsv1 = false, masked = true }: { fin?: boolean; rsv1?: boolean; masked?: boolean } = {},
): Buffer {
  const body = Buffer.from(payload as string);
  const head = [(fin ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode];
  const maskBit = masked ? 0x80 : 0;
  if (body.length < 126) head.push(maskBit | body.length);
  else if (body.length < 65_536) head.push(maskBit | 126, body.length >> 8, body.length & 255);
  else {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(body.length));
    head.push(maskBit | 127, ...length);
  }
  // A mask of zeros is a valid mask and leaves the payload readable here.
  return Buffer.concat([Buffer.from(head), Buffer.alloc(masked ? 4 : 0), body]);
}

/** Walks frames of the server, which are not masked. */
function closeCodeIn(bytes: Buffer): number | undefined {
  let at = 0;
  while (at + 2 <= bytes.length) {
    const opcode = (bytes[at] as number) & 15;
    let length = (bytes[at + 1] as number) & 127;
    let head = 2;
    if (length === 126) [length, head] = [bytes.readUInt16BE(at + 2), 4];
    else if (length === 127) [length, head] = [Number(bytes.readBigUInt64BE(at + 2)), 10];
    if (at + head + length > bytes.length) return undefined;
    if (opcode === 8) return bytes.readUInt16BE(at + head);
    at += head + length;
  }
  return undefined;
}

/** A JSON Web Token. `header` may be any lie; the signature is HMAC-SHA256 unless there is none. */
export function makeToken(
  claims: Json,
  secret: string | undefined,
  header: Json = { alg: 'HS256', typ: 'JWT' },
): string {
  const encode = (part: Json) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const signed = `${encode(header)}.${encode(claims)}`;
  if (secret === undefined) return `${signed}.`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}
