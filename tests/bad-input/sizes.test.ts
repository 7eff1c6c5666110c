/** Messages over the limit, on every way in: refused as early as the transport can, with a code of that transport. */
import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { frame, upgradeRequest, within } from './peers.ts';
import { attack, secrets } from './target.ts';

const limit = 262_144;
const tooLarge = 'x'.repeat(limit + 1);
/** Zeros compress a thousand times. */
const bomb = deflateRawSync(Buffer.alloc(50 * 1024 * 1024), { level: 9 });
const hugeConnect = JSON.stringify({ id: 1, connect: { token: tooLarge } });

describe('WebSocket', () => {
  test.each(['/connection/websocket', '/connection/uni_websocket', '/connection/websocket?cf_protocol=protobuf'])(
    '%s closes with 1009',
    (path) =>
      attack({}, async (target) => {
        const peer = await target.dial(path);
        peer.send(Buffer.from(hugeConnect));
        expect((await peer.end()).code).toBe(1009);
        target.logs({ level: 'info', code: 1009, detail: 'Max payload size exceeded' });
      }),
  );

  test('a frame that claims 2^62 bytes is refused at its head', () =>
    attack({}, async (target) => {
      const wire = await target.rawWebsocket();
      wire.write(Uint8Array.of(0x81, 0xff, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
      expect(await wire.closeCode()).toBe(1009);
      target.logs({ code: 1009, detail: expect.stringMatching(/payload/i) });
    }));

  test('fragments that are small each and too large together', () =>
    attack({}, async (target) => {
      const wire = await target.rawWebsocket();
      const most = 'x'.repeat(Math.ceil(limit * 0.6));
      wire.write(frame(1, most, { fin: false }));
      wire.write(frame(0, most, { fin: false }));
      expect(await wire.closeCode()).toBe(1009);
      target.logs({ code: 1009, detail: 'Max payload size exceeded' });
    }));

  test('a small frame that inflates to 50 MB', () =>
    attack({ config: { transports: { compression: { enabled: true } } } }, async (target) => {
      const wire = await target.rawWebsocket('/connection/websocket', ['Sec-WebSocket-Extensions: permessage-deflate']);
      const before = process.memoryUsage().arrayBuffers;
      wire.write(frame(1, bomb, { rsv1: true }));
      expect(await wire.closeCode()).toBe(1009);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * 1024 * 1024);
      target.logs({ code: 1009, detail: 'Max payload size exceeded' });
    }));

  test('compressed bytes that are none', () =>
    attack({ config: { transports: { compression: { enabled: true } } } }, async (target) => {
      const wire = await target.rawWebsocket('/connection/websocket', ['Sec-WebSocket-Extensions: permessage-deflate']);
      wire.write(frame(1, Buffer.alloc(100, 0xff), { rsv1: true }));
      expect(await wire.closeCode()).toBe(1007);
      target.logs({ code: 1007, detail: expect.any(String) });
    }));
});

describe('HTTP', () => {
  test.each([
    ['/connection/http_stream', hugeConnect],
    ['/connection/uni_http_stream', JSON.stringify({ token: tooLarge })],
    ['/connection/sse', hugeConnect],
    ['/connection/uni_sse', JSON.stringify({ token: tooLarge })],
    ['/connection/poll', JSON.stringify({ channels: [], token: tooLarge + tooLarge })],
    ['/emulation', JSON.stringify({ session: 's', node: 'n', data: tooLarge + tooLarge })],
  ])('POST %s answers 413', (path, body) =>
    attack({}, async (target) => {
      const response = await target.post(path, body);
      expect(response.status).toBe(413);
      expect(await response.json()).toEqual({ error: { message: expect.stringMatching(/larger than \d+ bytes/) } });
      target.logs({ level: 'info', status: 413, msg: expect.stringMatching(/larger than \d+ bytes/) });
    }),
  );

  test('emulation whose commands are too large only once they are unpacked', () =>
    attack({}, async (target) => {
      const response = await target.post('/emulation', JSON.stringify({ session: 's', node: 'n', data: tooLarge }));
      expect(response.status).toBe(413);
      target.logs({ status: 413, msg: `request refused: the commands are larger than ${limit} bytes` });
    }));

  test('a body without a length that does not end is cut at the limit', () =>
    attack({}, async (target) => {
      const wire = await target.wire();
      wire.write('POST /connection/http_stream HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
      const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
      for (let sent = 0; sent < 2 * limit; sent += 0x4000) wire.write(chunk);
      await wire.until(/^HTTP\/1\.1 413/, 'the answer');
      target.logs({ status: 413 });
    }));

  test('server API: a body above 8 MB is 413', () =>
    attack({}, async (target) => {
      const body = JSON.stringify({ channel: 'open:a', data: 'x'.repeat(9 * 1024 * 1024) });
      const response = await target.post('/api/publish', body, { 'x-api-key': secrets.apiKey });
      expect(response.status).toBe(413);
      target.logs({ status: 413 });
    }));

  test('headers above 16 KB are 431, with and without upgrade', () =>
    attack({}, async (target) => {
      const huge = `X-Huge: ${'x'.repeat(20_000)}`;
      for (const request of [
        `GET /health HTTP/1.1\r\nHost: x\r\n${huge}\r\n\r\n`,
        upgradeRequest('/connection/websocket', [huge]),
      ]) {
        const wire = await target.wire();
        wire.write(request);
        expect(await wire.end()).toMatch(/^HTTP\/1\.1 431 /);
        target.logs({ status: 431, msg: 'request refused: the headers are too large' });
      }
    }));
});

describe('slowness', () => {
  const hurried = { config: { timeouts: { handshake: '400ms' } } } as const;

  test.each([
    ['headers', 'GET /connection/websocket HTTP/1.1\r\nHost: x\r\nX-Drip: '],
    ['a body', 'POST /connection/http_stream HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n'],
    [
      'a body of the server API',
      `POST /api/publish HTTP/1.1\r\nHost: x\r\nX-API-Key: ${secrets.apiKey}\r\nContent-Length: 5000\r\n\r\n`,
    ],
  ])('%s that drip are cut off', (_, head) =>
    attack(hurried, async (target) => {
      const wire = await target.wire();
      wire.write(head);
      const drip = setInterval(() => wire.write('x'), 30);
      try {
        expect(await wire.end()).toMatch(/^(HTTP\/1\.1 408 |$)/);
      } finally {
        clearInterval(drip);
      }
      target.logs({ status: 408, msg: 'request refused: the request did not arrive in time' });
    }),
  );

  test('a connection on which nothing is said is closed, without a word in the log', () =>
    attack(hurried, async (target) => {
      const wire = await target.wire();
      await within(wire.closed, 'it is closed');
    }));

  test('hundreds that drip at once', () =>
    attack(hurried, async (target) => {
      const wires = await Promise.all(Array.from({ length: 200 }, () => target.wire()));
      for (const wire of wires) wire.write('GET / HTTP/1.1\r\nHost: x\r\nX-Drip: ');
      await Promise.all(wires.map((wire) => wire.end()));
      // A hundred lines, and the rest counted.
      for (let line = 0; line < 100; line++) target.logs({ status: 408 });
    }));
});
