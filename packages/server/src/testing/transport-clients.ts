/** Clients over the wire for `transport-suite.ts`: one shape for HTTP streams, server-sent events, WebSocket and polls. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { WebSocket } from 'ws';
import {
  jsonCodec,
  protobufCodec,
  type CloseReason,
  type Codec,
  type ConnectRequest,
  type Format,
  type Push,
  type Reply,
} from '@tidings/protocol';
import { Inbox } from '../transports/inbox.ts';
import { MemoryTransport } from '../transports/memory.ts';
import type { Accept } from '../transports/transport.ts';
import { RefusedError, type TransportClient } from './transport-suite.ts';

/** What a connection ends with when nobody said why. */
const abnormal: CloseReason = { code: 1006, reason: '' };

function codecOf(format: Format): Codec {
  return format.codec === 'json' ? jsonCodec : protobufCodec;
}

/** What a client of this format says first: a frame with the connect command, or for unidirectional ones the request. */
export function firstFrame(format: Format, connect: ConnectRequest): Uint8Array {
  if (!format.unidirectional) return codecOf(format).encodeCommands([{ id: 1, connect }]);
  const frame = codecOf(format).encodeCommands([{ connect }]);
  if (format.codec === 'json') return frame.subarray('{"connect":'.length, frame.lastIndexOf('}'.charCodeAt(0)));
  // Length of the command, tag of its field `connect`, length of the request: then the request.
  const [, afterCommand] = readUvarint(frame, 0);
  return frame.subarray(readUvarint(frame, afterCommand + 1)[1]);
}

/** Collects what arrives; connect results and disconnects are not messages but states. */
class Arrivals {
  readonly received = new Inbox<Reply>();
  readonly #connected = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<CloseReason>();
  readonly connected = this.#connected.promise;
  readonly closed = this.#closed.promise;
  session = '';
  node = '';
  #disconnect: CloseReason | undefined;

  constructor() {
    this.connected.catch(() => {});
  }

  add(reply: Reply): void {
    const connect = reply.connect ?? reply.push?.connect;
    const disconnect = reply.push?.disconnect;
    if (connect) {
      this.session = connect.session ?? '';
      this.node = connect.node ?? '';
      this.#connected.resolve();
    } else if (disconnect) {
      this.#disconnect = { code: disconnect.code, reason: disconnect.reason ?? '' };
    } else {
      this.received.add(reply);
    }
  }

  addFrame(format: Format, frame: Uint8Array): void {
    if (format.unidirectional) for (const push of codecOf(format).decodePushes(frame)) this.add({ push });
    else for (const reply of codecOf(format).decodeReplies(frame)) this.add(reply);
  }

  markConnected(): void {
    this.#connected.resolve();
  }

  end(reason: CloseReason): void {
    this.#connected.reject(new Error('closed before connected'));
    this.#closed.resolve(this.#disconnect ?? reason);
    this.received.end(new Error('closed'));
  }
}

// — streams over HTTP —

export interface StreamTarget {
  readonly port: number;
  readonly path: string;
  readonly format: Format;
}

/** Opens an HTTP stream or server-sent events; the latter with `GET` if the first frame fits into a URL. */
export async function dialStream(target: StreamTarget, first: string | Uint8Array): Promise<TransportClient> {
  const { port, path, format } = target;
  const body = Buffer.from(first as Uint8Array);
  const inUrl = format.framing === 'sse' && body.length < 4_096;
  const query = inUrl ? `?cf_connect=${encodeURIComponent(body.toString())}` : '';
  const { response, destroy } = await open(
    port,
    inUrl ? 'GET' : 'POST',
    path + query,
    format,
    inUrl ? undefined : body,
  );
  const arrivals = new Arrivals();
  const split = splitter(format);
  response.on('data', (chunk: Buffer) => {
    for (const frame of split(chunk)) arrivals.addFrame(format, frame);
  });
  response.on('error', () => {});
  response.on('close', () => arrivals.end(abnormal));
  async function sendAs(session: string, frame: string | Uint8Array): Promise<void> {
    const data = Buffer.from(frame as Uint8Array);
    // JSON as the SDKs write it, not as our codec does.
    const emulation =
      format.codec === 'json'
        ? Buffer.from(JSON.stringify({ session, node: arrivals.node, data: data.toString() }))
        : protobufCodec.encodeEmulation({ session, node: arrivals.node, data });
    const answer = await open(port, 'POST', '/emulation', format, emulation);
    answer.response.resume();
  }
  return {
    connected: arrivals.connected,
    received: arrivals.received,
    closed: arrivals.closed,
    send: (frame) => sendAs(arrivals.session, frame),
    sendAs,
    pause: () => void response.pause(),
    resume: () => void response.resume(),
    close: destroy,
  };
}

/** @throws RefusedError for a status that is not 2xx. */
function open(
  port: number,
  method: string,
  path: string,
  format: Format,
  body: Uint8Array | undefined,
): Promise<{ response: IncomingMessage; destroy(): void }> {
  const headers = {
    ...(body && { 'Content-Length': body.length }),
    'Content-Type': format.codec === 'json' ? 'application/json' : 'application/octet-stream',
  };
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent: false });
    request.on('error', reject);
    request.on('response', (response) => {
      const status = response.statusCode ?? 0;
      if (status >= 200 && status < 300) {
        resolve({ response, destroy: () => request.destroy() });
        return;
      }
      void readAll(response).then((text) => reject(new RefusedError(status, text)), reject);
    });
    request.end(body);
  });
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Cuts a stream into frames of the codec, one message each. */
function splitter(format: Format): (chunk: Buffer) => Uint8Array[] {
  let rest: Buffer = Buffer.alloc(0);
  const end = format.framing === 'sse' ? '\n\n' : '\n';
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    const frames: Uint8Array[] = [];
    for (;;) {
      const length = format.framing === 'delimited' ? delimitedLength(rest) : rest.indexOf(end) + end.length;
      if (length < end.length || length > rest.length) return frames;
      const frame = rest.subarray(0, length);
      rest = rest.subarray(length);
      frames.push(format.framing === 'sse' ? eventData(frame) : frame);
    }
  };
}

function eventData(event: Buffer): Uint8Array {
  const match = /^(?:\r\n)?data: (.*)\n\n$/.exec(event.toString());
  if (!match) throw new Error(`not an event: ${JSON.stringify(event.toString())}`);
  return Buffer.from(match[1] as string);
}

function delimitedLength(bytes: Uint8Array): number {
  if (bytes.length === 0) return 0;
  const [length, at] = readUvarint(bytes, 0);
  return at + length;
}

function readUvarint(bytes: Uint8Array, at: number): [value: number, end: number] {
  let value = 0;
  for (let shift = 1; ; shift *= 128) {
    const byte = bytes[at++] ?? 0;
    value += (byte & 0x7f) * shift;
    if (byte < 128) return [value, at];
  }
}

/** Sends the head of a `POST` and a part of its body, then vanishes. */
export async function abortPost(port: number, path: string): Promise<void> {
  await sendAndVanish(port, `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"id":1,`);
}

/** Opens a WebSocket, sends a part of a frame, then vanishes. */
export async function abortWebsocket(port: number, path: string): Promise<void> {
  const head =
    `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
  // A masked text frame that announces 100 bytes.
  await sendAndVanish(port, head, Uint8Array.of(0x81, 0x80 | 100, 1, 2, 3, 4, 5, 6));
}

async function sendAndVanish(port: number, head: string, then?: Uint8Array): Promise<void> {
  const socket = connectTcp(port, '127.0.0.1');
  socket.on('error', () => {});
  await new Promise<void>((resolve) => socket.write(head, () => resolve()));
  if (then) {
    await new Promise((resolve) => socket.once('data', resolve));
    await new Promise<void>((resolve) => socket.write(then, () => resolve()));
  }
  socket.destroy();
}

// — WebSocket —

/** Opens a WebSocket and sends the first frame. */
export async function dialWebsocket(target: StreamTarget, first: string | Uint8Array): Promise<TransportClient> {
  const { port, path, format } = target;
  const arrivals = new Arrivals();
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, format.codec === 'json' ? [] : 'centrifuge-protobuf');
  socket.on('message', (data) => arrivals.addFrame(format, data as Buffer));
  socket.on('close', (code, reason) => arrivals.end({ code, reason: reason.toString() }));
  await new Promise<void>((resolve, reject) => {
    socket.on('open', () => resolve());
    socket.on('error', reject);
  });
  const send = (frame: string | Uint8Array): Promise<void> =>
    new Promise((resolve) => socket.send(frame, { binary: format.codec === 'protobuf' }, () => resolve()));
  void send(first);
  return {
    connected: arrivals.connected,
    received: arrivals.received,
    closed: arrivals.closed,
    send,
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: () => socket.terminate(),
  };
}

// — long polling —

interface PollAnswer {
  readonly publications?: readonly { channel: string; data: unknown; offset?: number }[];
  readonly error?: { code: number; message: string };
}

/** One poll. It is connected when it is sent, and closed when it is answered. */
export function dialPoll(port: number, path: string, body: string | Uint8Array): TransportClient {
  const arrivals = new Arrivals();
  arrivals.markConnected();
  const request = httpRequest({ host: '127.0.0.1', port, path, method: 'POST', agent: false }, (response) => {
    readAll(response).then(
      (text) => arrivals.end(addAnswer(arrivals, response.statusCode ?? 0, text)),
      () => arrivals.end(abnormal),
    );
  });
  request.on('error', () => arrivals.end(abnormal));
  request.end(body);
  return {
    connected: arrivals.connected,
    received: arrivals.received,
    closed: arrivals.closed,
    send: () => Promise.reject(new Error('a poll sends nothing')),
    pause: () => {},
    resume: () => {},
    close: () => void request.destroy(),
  };
}

function addAnswer(arrivals: Arrivals, status: number, body: string): CloseReason {
  if (status !== 200 && !body.startsWith('{')) return { code: status, reason: body };
  const { publications = [], error } = JSON.parse(body) as PollAnswer;
  for (const { channel, data, offset = 0 } of publications) {
    const push: Push = { channel, pub: { data: new TextEncoder().encode(JSON.stringify(data)), offset } };
    arrivals.add({ push });
  }
  return error ? { code: error.code, reason: error.message } : { code: 3000, reason: '' };
}

// — in process —

export function dialMemory(accept: Accept, format: Format, first: string | Uint8Array): TransportClient {
  const client = new MemoryTransport({ accept }).connect({ format });
  const arrivals = new Arrivals();
  void (async () => {
    for await (const reply of client.replies) arrivals.add(reply);
    arrivals.end(await client.closed);
  })();
  client.sendFrame(first);
  return {
    connected: arrivals.connected,
    received: arrivals.received,
    closed: arrivals.closed,
    send: async (frame) => client.sendFrame(frame),
    pause: () => client.hold(),
    resume: () => client.release(),
    close: () => client.close(),
  };
}
