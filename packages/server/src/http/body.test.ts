import { describe, expect, test } from 'vitest';
import { FakeClock } from '../lib/clock.ts';
import { readBody } from './body.ts';
import { rawRequest, rawSocket, readToEnd, startTestServer } from './http-test-server.ts';
import { sendJson } from './respond.ts';
import type { HttpRoute } from './route.ts';

const maxBytes = 100_000;

const length = (timeoutMs?: number, clock?: FakeClock): HttpRoute => ({
  method: 'POST',
  path: '/length',
  audience: 'server',
  handle: async ({ request, response }) => {
    const body = await readBody(request, maxBytes, timeoutMs, clock);
    sendJson(response, 200, { length: body.length, sum: body.reduce((sum, byte) => sum + byte, 0) });
  },
});

async function post(url: string, body: BodyInit): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${url}/length`, { method: 'POST', body, duplex: 'half' } as RequestInit);
  return { status: response.status, body: await response.json() };
}

describe('readBody', () => {
  test('reads bodies of any size up to the limit, declared or chunked', async () => {
    await using http = await startTestServer({ routes: [length()] });
    for (const size of [0, 1, 4095, 4096, 4097, 65_537, maxBytes]) {
      const bytes = new Uint8Array(size).fill(3);
      const expected = { status: 200, body: { length: size, sum: size * 3 } };
      expect(await post(http.url, bytes)).toEqual(expected);
      expect(await post(http.url, new Blob([bytes]).stream())).toEqual(expected);
    }
  });

  test('one byte in each chunk is fine', async () => {
    await using http = await startTestServer({ routes: [length()] });
    const answer = await rawRequest(
      http.port,
      `POST /length HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\na\r\n'.repeat(10_000)}0\r\n\r\n`,
    );
    expect(answer).toContain('"length":10000');
  });

  test('a larger body is 413, and the client that still sends gets the answer', async () => {
    await using http = await startTestServer({ routes: [length()] });
    const large = new Uint8Array(4 * 1024 * 1024);
    const expected = { status: 413, body: { error: { message: `the body is larger than ${maxBytes} bytes` } } };
    expect(await post(http.url, large)).toEqual(expected);
    expect(await post(http.url, new Blob([large]).stream())).toEqual(expected);
    expect(await post(http.url, new Uint8Array(maxBytes + 1))).toEqual(expected);
  });

  test('a body that stops is 408', async () => {
    const clock = new FakeClock();
    await using http = await startTestServer({ routes: [length(1_000, clock)] });
    const socket = await rawSocket(http.port);
    socket.write('POST /length HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 10\r\n\r\nabc');
    const answer = readToEnd(socket);
    const turning = setInterval(() => void clock.advance(1_000), 10);
    expect(await answer).toMatch(/^HTTP\/1.1 408/);
    clearInterval(turning);
  });

  test('a client that leaves ends the wait', async () => {
    let failure: unknown;
    const route: HttpRoute = {
      ...length(),
      handle: async ({ request }) => {
        failure = await readBody(request, maxBytes).catch((error: unknown) => error);
      },
    };
    await using http = await startTestServer({ routes: [route] });
    const socket = await rawSocket(http.port);
    socket.write('POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc', () => socket.destroy());
    await expect.poll(() => failure).toMatchObject({ name: 'HttpError', status: 400 });
  });
});
