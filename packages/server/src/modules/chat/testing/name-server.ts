/**
 * A name server for tests, over UDP on a port of this machine (RFC 1035): it answers what a table says, also something
 * else each time, or nothing at all.
 */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv4, isIPv6 } from 'node:net';

/** Addresses of a name, an alias (`=other.test`), or `silence`. A list of lists is gone through, one for each question. */
export type NameAnswer = readonly string[] | 'silence';

const type4 = 1;
const typeAlias = 5;
const type6 = 28;

export class NameServer {
  /** By name; what is not here does not exist. */
  readonly names = new Map<string, NameAnswer | (() => NameAnswer)>();
  /** `A page.test`, in the order of asking. */
  readonly asked: string[] = [];
  readonly #socket: Socket;

  constructor() {
    this.#socket = createSocket('udp4');
    this.#socket.on('message', (message, { address, port }) => {
      const answer = this.#answer(message);
      if (answer) this.#socket.send(answer, port, address);
    });
  }

  /** For `Resolver.setServers`. */
  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#socket.bind(0, '127.0.0.1', resolve));
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#socket.close(() => resolve());
    });
  }

  /** @returns undefined for silence. */
  #answer(query: Buffer): Buffer | undefined {
    const { name, end } = readName(query, 12);
    const type = query.readUInt16BE(end);
    this.asked.push(`${type === type6 ? 'AAAA' : 'A'} ${name}`);
    const known = this.names.get(name);
    const says = typeof known === 'function' ? known() : known;
    if (says === 'silence') return undefined;
    const records = (says ?? []).flatMap((one) => this.#records(name, one, type));
    const header = Buffer.alloc(12);
    header.writeUInt16BE(query.readUInt16BE(0), 0);
    // An answer, recursion available; 3: there is no such name.
    header.writeUInt16BE(0x8180 | (says === undefined ? 3 : 0), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    return Buffer.concat([header, query.subarray(12, end + 4), ...records]);
  }

  #records(name: string, value: string, type: number): Buffer[] {
    if (value.startsWith('=')) {
      const alias = value.slice(1);
      const other = this.names.get(alias);
      const rest = typeof other === 'function' ? other() : other;
      const behind = Array.isArray(rest) ? (rest as readonly string[]) : [];
      return [record(name, typeAlias, encodeName(alias)), ...behind.flatMap((one) => this.#records(alias, one, type))];
    }
    if (type === type4 && isIPv4(value)) return [record(name, type4, Buffer.from(value.split('.').map(Number)))];
    if (type === type6 && isIPv6(value)) return [record(name, type6, encodeIPv6(value))];
    return [];
  }
}

function record(name: string, type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(10);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(1, 2);
  // Not to be kept: 0 seconds.
  head.writeUInt16BE(data.length, 8);
  return Buffer.concat([encodeName(name), head, data]);
}

function encodeName(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}

function readName(message: Buffer, start: number): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = start;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 };
}

/** The parser of URLs knows how addresses are abbreviated. */
function encodeIPv6(address: string): Buffer {
  const [left = '', right] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::');
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const [first, last] = [groups(left), groups(right ?? '')];
  const all = [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 255]));
}
