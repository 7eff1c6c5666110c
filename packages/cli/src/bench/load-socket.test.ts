import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';
import { LoadSocket } from './load-socket.ts';

const timeoutMs = 5_000;
const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function withWs(onConnection: (socket: WebSocket) => void): Promise<URL> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  closers.push(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  server.on('connection', onConnection);
  await once(server, 'listening');
  return new URL(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/path?query=1`);
}

/** A server that answers the handshake with these bytes, then leaves the socket to the test. */
async function withRaw(answer: string | Uint8Array, then: (socket: Socket) => void = () => {}): Promise<URL> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(answer);
      then(socket);
    });
  });
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new URL(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}

const accepted =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';

interface Heard {
  readonly messages: { readonly data: Buffer; readonly binary: boolean }[];
  readonly closed: Promise<{ code: number; reason: string }>;
  until(count: number): Promise<void>;
}

function hear(socket: LoadSocket): Heard {
  const messages: { data: Buffer; binary: boolean }[] = [];
  let wake = () => {};
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.listen({
      message: (data, binary) => {
        messages.push({ data: Buffer.from(data), binary });
        wake();
      },
      closed: (code, reason) => resolve({ code, reason }),
    }),
  );
  const until = async (count: number) => {
    while (messages.length < count) await new Promise<void>((resolve) => (wake = resolve));
  };
  return { messages, closed, until };
}

describe('LoadSocket', () => {
  test('carries text and binary of every frame length both ways', async () => {
    const url = await withWs((peer) => peer.on('message', (data, isBinary) => peer.send(data, { binary: isBinary })));
    const socket = await LoadSocket.open({ url, timeoutMs });
    const heard = hear(socket);
    const sizes = [0, 1, 125, 126, 127, 65_535, 65_536, 200_000];
    for (const size of sizes) socket.send('é'.repeat(size >> 1) + 'x'.repeat(size & 1));
    for (const size of sizes) socket.send(Buffer.alloc(size, 0xfe));
    await heard.until(sizes.length * 2);
    expect(heard.messages.map(({ data, binary }) => [data.length, binary])).toEqual([
      ...sizes.map((size) => [size, false]),
      ...sizes.map((size) => [size, true]),
    ]);
    expect(heard.messages.at(-1)?.data.every((byte) => byte === 0xfe)).toBe(true);
    socket.close();
    expect(await heard.closed).toEqual({ code: 1000, reason: '' });
  });

  test('puts fragments together and frames apart, however the bytes arrive', async () => {
    const frames = Buffer.from([
      ...[0x01, 2, 0x61, 0x62], // "ab", more follows
      ...[0x89, 1, 0x70], // a ping in between
      ...[0x80, 1, 0x63], // "c", the end
      ...[0x82, 1, 0xff], // binary
    ]);
    const url = await withRaw(accepted, (peer) => {
      peer.setNoDelay(true);
      let at = 0;
      const drip = setInterval(() => {
        if (at === frames.length) clearInterval(drip);
        else peer.write(frames.subarray(at, ++at));
      }, 1);
    });
    const heard = hear(await LoadSocket.open({ url, timeoutMs }));
    await heard.until(2);
    expect(heard.messages.map(({ data, binary }) => [data.toString('latin1'), binary])).toEqual([
      ['abc', false],
      ['\xff', true],
    ]);
  });

  test('keeps what arrives together with the handshake for the first listener', async () => {
    const url = await withRaw(Buffer.concat([Buffer.from(accepted), Buffer.from([0x81, 2, 0x68, 0x69])]));
    const heard = hear(await LoadSocket.open({ url, timeoutMs }));
    await heard.until(1);
    expect(heard.messages[0]?.data.toString()).toBe('hi');
  });

  test('answers pings', async () => {
    let ponged: (data: string) => void = () => {};
    const pong = new Promise<string>((resolve) => (ponged = resolve));
    const url = await withWs((peer) => {
      peer.on('pong', (data) => ponged(data.toString()));
      peer.ping('there?');
    });
    hear(await LoadSocket.open({ url, timeoutMs }));
    expect(await pong).toBe('there?');
  });

  test('reports the code and reason of the server', async () => {
    const url = await withWs((peer) => peer.close(3501, 'bad request'));
    const heard = hear(await LoadSocket.open({ url, timeoutMs }));
    expect(await heard.closed).toEqual({ code: 3501, reason: 'bad request' });
  });

  test('reports 1006 when the line is cut', async () => {
    const url = await withWs((peer) => peer.terminate());
    const heard = hear(await LoadSocket.open({ url, timeoutMs }));
    expect((await heard.closed).code).toBe(1006);
  });

  test.each([
    ['a masked frame', [0x81, 0x81, 0, 0, 0, 0, 0x61]],
    ['reserved bits', [0xc1, 1, 0x61]],
    ['an absurd length', [0x81, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
    ['an unknown opcode', [0x83, 0]],
  ])('ends on %s', async (_, frame) => {
    const url = await withRaw(accepted, (peer) => peer.write(Buffer.from(frame)));
    const heard = hear(await LoadSocket.open({ url, timeoutMs }));
    expect((await heard.closed).code).toBe(1002);
    expect(heard.messages).toEqual([]);
  });

  test.each([
    ['another status', 'HTTP/1.1 403 Forbidden\r\n\r\n', /refused: HTTP\/1.1 403 Forbidden/],
    ['a wrong key', accepted.replace('s3pPLMB', 'AAAAAAA'), /wrong Sec-WebSocket-Accept/],
    ['no end', `HTTP/1.1 101 ${'x'.repeat(20_000)}`, /refused/],
  ])('refuses a handshake with %s', async (_, answer, message) => {
    await expect(LoadSocket.open({ url: await withRaw(answer), timeoutMs })).rejects.toThrow(message);
  });

  test('gives up on a silent server, a closing one and none', async () => {
    const silent = await withRaw('');
    await expect(LoadSocket.open({ url: silent, timeoutMs: 50 })).rejects.toThrow('no handshake within 50 ms');
    const closing = await withRaw('', (peer) => peer.destroy());
    await expect(LoadSocket.open({ url: closing, timeoutMs })).rejects.toThrow();
    await expect(LoadSocket.open({ url: new URL('ws://127.0.0.1:1/'), timeoutMs })).rejects.toThrow(/ECONNREFUSED/);
  });
});
