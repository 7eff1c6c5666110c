/**
 * A WebSocket client that costs little, for a load that must not be what is measured: text frames only, no extensions,
 * no fragments. What is said within one turn goes out in one write; what comes in is given as a range of bytes for each
 * line, which nobody has made a string of.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

/** Given from `start` up to `end`, which is not part of it; the bytes are valid only during the call. */
export type OnLine = (bytes: Buffer, start: number, end: number) => void;

const newline = 0x0a;
const opcodeText = 0x81;
const opcodeClose = 0x88;
/** The peer must unmask whatever the key is; with zeros our half of that work is spared. */
const mask = Buffer.alloc(4);

export class LoadSocket {
  onLine: OnLine = () => {};
  onClose: (reason: string) => void = () => {};
  readonly #tcp: Socket;
  #unread: Buffer = Buffer.alloc(0);
  #isDue = false;

  private constructor(tcp: Socket) {
    this.#tcp = tcp;
  }

  /** @throws Error for a peer that does not take the upgrade. */
  static async open(port: number, path: string): Promise<LoadSocket> {
    const tcp = connect({ port, host: '127.0.0.1', noDelay: true });
    const key = randomBytes(16).toString('base64');
    tcp.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    );
    const answer = await new Promise<Buffer>((resolve, reject) => tcp.once('data', resolve).once('error', reject));
    const end = answer.indexOf('\r\n\r\n');
    if (end < 0 || !answer.subarray(0, end).toString('latin1').startsWith('HTTP/1.1 101')) {
      throw new Error(`no WebSocket: ${answer.toString('latin1').slice(0, 200)}`);
    }
    const socket = new LoadSocket(tcp);
    socket.#read(answer.subarray(end + 4));
    tcp.on('data', (chunk: Buffer) => socket.#read(chunk));
    tcp.on('close', () => socket.onClose('the connection ended'));
    tcp.on('error', (error) => socket.onClose(error.message));
    return socket;
  }

  /** @param text ASCII of one message. */
  say(text: string): void {
    const { length } = text;
    const headerBytes = length < 126 ? 2 : 4;
    if (length > 0xffff) throw new Error('longer than this client can say');
    const frame = Buffer.allocUnsafe(headerBytes + 4 + length);
    frame[0] = opcodeText;
    if (length < 126) frame[1] = 0x80 | length;
    else {
      frame[1] = 0x80 | 126;
      frame.writeUInt16BE(length, 2);
    }
    frame.set(mask, headerBytes);
    frame.write(text, headerBytes + 4, 'latin1');
    if (!this.#isDue) {
      this.#isDue = true;
      this.#tcp.cork();
      setImmediate(() => {
        this.#isDue = false;
        this.#tcp.uncork();
      });
    }
    this.#tcp.write(frame);
  }

  #read(chunk: Buffer): void {
    const bytes = this.#unread.length > 0 ? Buffer.concat([this.#unread, chunk]) : chunk;
    let at = 0;
    for (;;) {
      if (bytes.length - at < 2) break;
      const short = bytes[at + 1] as number;
      const headerBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (bytes.length - at < headerBytes) break;
      const length =
        short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
      const start = at + headerBytes;
      if (bytes.length - start < length) break;
      at = start + length;
      this.#hear(bytes, bytes[start - headerBytes] as number, start, at);
    }
    this.#unread = at === bytes.length ? Buffer.alloc(0) : bytes.subarray(at);
  }

  #hear(bytes: Buffer, opcode: number, start: number, end: number): void {
    if (opcode === opcodeClose) {
      this.onClose(`${bytes.readUInt16BE(start)} ${bytes.toString('utf8', start + 2, end)}`);
      return;
    }
    if (opcode !== opcodeText) throw new Error(`a frame that this client does not know: ${opcode.toString(16)}`);
    while (start < end) {
      const found = bytes.indexOf(newline, start);
      const lineEnd = found < 0 || found > end ? end : found;
      this.onLine(bytes, start, lineEnd);
      start = lineEnd + 1;
    }
  }
}
