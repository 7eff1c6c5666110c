/** Frames that break WebSocket itself (RFC 6455), and requests that break or misuse HTTP. */
import { describe, expect, test } from 'vitest';
import { frame, until, upgradeRequest } from './peers.ts';
import { attack } from './target.ts';

describe('WebSocket frames', () => {
  test.each<[what: string, frames: Buffer, code: number]>([
    ['not masked', frame(1, '{}', { masked: false }), 1002],
    ['an unknown opcode', frame(3, 'x'), 1002],
    ['a reserved bit without compression', frame(1, 'x', { rsv1: true }), 1002],
    ['a continuation of nothing', frame(0, 'x'), 1002],
    ['a new message within another', Buffer.concat([frame(1, 'x', { fin: false }), frame(1, 'x')]), 1002],
    ['a fragmented ping', frame(9, 'x', { fin: false }), 1002],
    ['a ping above 125 bytes', frame(9, 'x'.repeat(200)), 1002],
    ['a close frame of one byte', frame(8, 'x'), 1002],
    ['a close code nobody may send', frame(8, Uint8Array.of(3, 0xed)), 1002],
    ['a close reason that is not UTF-8', frame(8, Uint8Array.of(0x03, 0xe8, 0xff)), 1007],
    ['text that is not UTF-8', frame(1, Uint8Array.of(0x7b, 0xff, 0x7d)), 1007],
    [
      'a message in 20,000 fragments',
      Buffer.concat([frame(1, ' ', { fin: false }), ...Array<Buffer>(20_000).fill(frame(0, ' ', { fin: false }))]),
      1008,
    ],
  ])('%s', (_, bytes, code) =>
    attack({}, async (target) => {
      const wire = await target.rawWebsocket();
      wire.write(bytes);
      expect(await wire.closeCode()).toBe(code);
      target.logs({ level: 'info', code, detail: expect.any(String), transport: 'websocket' });
    }),
  );

  test('fragments of a good message, with a ping between them, are one message', () =>
    attack({}, async (target) => {
      const wire = await target.rawWebsocket();
      wire.write(
        Buffer.concat([
          frame(1, '{"id":1,', { fin: false }),
          frame(9, 'hi'),
          frame(0, '', { fin: false }),
          frame(0, '"connect":{}}'),
        ]),
      );
      await wire.until(/"connect":\{/, 'connect reply');
      // The pong came first.
      expect([...wire.bytes.subarray(0, 4)]).toEqual([0x8a, 2, 0x68, 0x69]);
    }));

  test.each([
    ['ping', 9],
    ['pong', 10],
  ])('a flood of %s frames is closed with 3013', (_, opcode) =>
    attack({}, async (target) => {
      const wire = await target.rawWebsocket();
      wire.write(Buffer.concat(Array<Buffer>(10_000).fill(frame(opcode, 'x'.repeat(125)))));
      expect(await wire.closeCode()).toBe(3013);
      target.logs({ level: 'info', code: 3013, detail: 'more than 100 ping and pong frames a second' });
    }),
  );

  test.each([
    ['no key', ['Sec-WebSocket-Version: 13'], 400],
    ['a key that is none', ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: x'], 400],
    ['another version', ['Sec-WebSocket-Version: 7', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='], 400],
  ])('a handshake with %s', (_, headers, status) =>
    attack({}, async (target) => {
      const wire = await target.wire();
      wire.write(
        `GET /connection/websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${headers.join('\r\n')}\r\n\r\n`,
      );
      expect(await wire.end()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      target.logs({ status, msg: expect.stringMatching(/WebSocket/) });
    }),
  );
});

describe('HTTP', () => {
  test.each([
    ['no HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['a space in a header name', 'GET / HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n'],
    ['two lengths', 'POST /emulation HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx'],
    [
      'length and chunks',
      'POST /emulation HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a chunk that has no size', 'POST /emulation HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
    ['a negative length', 'POST /emulation HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n'],
    ['a version nobody knows', 'GET / HTTP/9.9\r\nHost: x\r\n\r\n'],
  ])('%s: 400, and the connection ends', (_, text) =>
    attack({}, async (target) => {
      const wire = await target.wire();
      wire.write(Buffer.from(text, 'latin1'));
      expect(await wire.end()).toMatch(/^HTTP\/1\.1 400 /);
      target.logs({ level: 'info', status: 400, address: '127.0.0.1' });
    }),
  );

  test('garbage behind a good request', () =>
    attack({}, async (target) => {
      const wire = await target.wire();
      wire.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n');
      expect(await wire.end()).toMatch(/^HTTP\/1\.1 200 [^]*HTTP\/1\.1 400 /);
      target.logs({ status: 400 });
    }));

  test('requests in a pipeline are answered in order', () =>
    attack({}, async (target) => {
      const wire = await target.wire();
      const hosts = 'HTTP/1.1\r\nHost: x\r\n';
      wire.write(
        `GET /health ${hosts}\r\nGET /none ${hosts}\r\nDELETE /health ${hosts}\r\nGET /health ${hosts}Connection: close\r\n\r\n`,
      );
      const statuses = [...(await wire.end()).matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
      expect(statuses).toEqual([200, 404, 405, 200]);
      target.logs({ level: 'debug', status: 404 });
      target.logs({ level: 'info', status: 405 });
    }));

  test('a stream that never ends in front of a pipeline: the rest waits, and nothing breaks', () =>
    attack({}, async (target) => {
      const wire = await target.wire();
      const body = '{"id":1,"connect":{}}';
      const post = `POST /connection/http_stream HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      wire.write(post.repeat(50));
      await wire.until(/"connect":\{/, 'the first connect reply');
      wire.socket.destroy();
      const gone = () => target.engine.metrics.connectionsClosed.counts.get('3000') ?? 0;
      const come = () => target.engine.metrics.connectionsAccepted.counts.get('http_stream') ?? 0;
      await until(() => come() > 0 && gone() === come(), 'all connections end with their socket');
    }));

  test.each([
    ['GET', '/emulation', 'POST, OPTIONS'],
    ['PUT', '/connection/http_stream', 'POST, OPTIONS'],
    ['DELETE', '/api/publish', 'POST'],
    ['POST', '/health', 'GET, HEAD'],
  ])('%s %s: 405 that says what is taken', (method, path, allow) =>
    attack({}, async (target) => {
      const response = await fetch(`${target.url}${path}`, { method });
      expect(response.status).toBe(405);
      expect(response.headers.get('allow')).toBe(allow);
      target.logs({ level: 'info', status: 405, method });
    }),
  );

  test.each([
    ['CONNECT', 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n'],
    ['TRACE', 'TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
    [
      'an upgrade to something else',
      'GET /none HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n',
    ],
  ])('%s harms nobody', (_, text) =>
    attack({}, async (target) => {
      target.ignoresLines((line) => line['status'] === 404);
      const wire = await target.wire();
      wire.write(text);
      await wire.end();
    }),
  );

  test('an upgrade where there is no WebSocket', () =>
    attack({}, async (target) => {
      const wire = await target.wire();
      wire.write(upgradeRequest('/api/publish'));
      expect(await wire.end()).toMatch(/^HTTP\/1\.1 404 /);
      target.logs({ level: 'debug', status: 404 });
    }));

  test('a client that leaves in the middle of its body', () =>
    attack({}, async (target) => {
      const wire = await target.wire();
      wire.write('POST /connection/http_stream HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{"id":1');
      wire.socket.destroy();
      await wire.closed;
    }));
});

describe('emulation', () => {
  test.each([
    ['an unknown session', (node: string) => ({ session: 'x'.repeat(32), node, data: '{"id":2,"ping":{}}' }), 404],
    ['an unknown node', () => ({ session: 'x'.repeat(32), node: 'nobody', data: '{"id":2,"ping":{}}' }), 404],
    [
      '__proto__ as session and node',
      () => ({ session: '__proto__', node: '__proto__', data: '{"id":2,"ping":{}}' }),
      404,
    ],
    ['no session', (node: string) => ({ node, data: '{}' }), 400],
    ['no commands', (node: string) => ({ session: 'x', node }), 400],
    ['a session that is a number', (node: string) => ({ session: 5, node, data: '{}' }), 400],
  ])('%s', (_, body, status) =>
    attack({}, async (target) => {
      const response = await target.post('/emulation', JSON.stringify(body(target.engine.nodeId)));
      expect(response.status).toBe(status);
      target.logs({ level: status === 404 ? 'debug' : 'info', status });
    }),
  );

  test.each(['', '{', '[]', 'null', '\u0000'])('a body %j is 400', (body) =>
    attack({}, async (target) => {
      expect((await target.post('/emulation', body)).status).toBe(400);
      target.logs({ level: 'info', status: 400 });
    }),
  );

  test('garbage for a session that exists ends that session alone', () =>
    attack({}, async (target) => {
      const stream = await target.post('/connection/http_stream', '{"id":1,"connect":{}}');
      const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
      const { value } = await reader.read();
      const { session, node } = (JSON.parse(value as string) as { connect: { session: string; node: string } }).connect;
      target.secret(session);
      expect((await target.post('/emulation', JSON.stringify({ session, node, data: 'garbage' }))).status).toBe(204);
      expect((await reader.read()).value).toContain('"disconnect":{"code":3501');
      expect((await reader.read()).done).toBe(true);
      target.logs({ level: 'info', code: 3501, detail: 'not JSON', transport: 'http_stream' });
    }));
});

describe('origins', () => {
  const listed = { config: { origins: ['https://app.example.com', 'https://*.apps.example.com'] } };
  const message = 'origin refused: add it to `origins` in the configuration if it is yours';

  test.each([
    'https://evil.example.com',
    'http://app.example.com',
    'https://app.example.com.evil.com',
    'https://evilapps.example.com',
    'https://app.example.com:8443',
    'null',
  ])('%s is refused an upgrade', (origin) =>
    attack(listed, async (target) => {
      const wire = await target.wire();
      wire.write(upgradeRequest('/connection/websocket', [`Origin: ${origin}`]));
      expect(await wire.end()).toMatch(/^HTTP\/1\.1 403 /);
      target.logs({ level: 'warn', origin, msg: message });
    }),
  );

  test.each(['/connection/http_stream', '/connection/sse', '/connection/uni_sse', '/connection/poll', '/emulation'])(
    '%s refuses, and says nothing a browser would share',
    (path) =>
      attack(listed, async (target) => {
        const response = await target.post(path, '{"id":1,"connect":{}}', { origin: 'https://evil.example.com' });
        expect(response.status).toBe(403);
        expect(response.headers.get('access-control-allow-origin')).toBeNull();
        target.logs({ level: 'warn', origin: 'https://evil.example.com', path, msg: message });
      }),
  );

  test('preflight of another origin is refused too', () =>
    attack(listed, async (target) => {
      const headers = { origin: 'https://evil.example.com', 'access-control-request-method': 'POST' };
      const response = await fetch(`${target.url}/connection/http_stream`, { method: 'OPTIONS', headers });
      expect(response.status).toBe(403);
      target.logs({ level: 'warn', origin: 'https://evil.example.com' });
    }));

  test('an origin as long as the headers may be is cut in the log, and a hundred of them are one line', () =>
    attack(listed, async (target) => {
      const origin = `https://${'x'.repeat(10_000)}`;
      for (let i = 0; i < 100; i++) {
        const response = await target.post('/emulation', '{}', { origin });
        expect(response.status).toBe(403);
        await response.body?.cancel();
      }
      target.logs({ level: 'warn', origin: origin.slice(0, 256) });
    }));
});
