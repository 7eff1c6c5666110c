/** What an operator sees: two listeners, metrics that follow what happens, and a log that names who and which request. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Peer, until, type Json } from '../bad-input/peers.ts';
import { secrets, Serve } from './serve.ts';

let serve: Serve;
beforeAll(async () => {
  serve = await Serve.start({ internal: { port: 0 } });
});
afterAll(() => serve.remove());

/** Value of a sample, 0 if it is not there. */
async function metric(sample: string): Promise<number> {
  const text = await (await serve.get('/metrics', serve.internalPort)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${sample} `));
  return Number(line?.slice(sample.length + 1) ?? 0);
}

describe('the internal listener', () => {
  test('has API, metrics and readiness; the public one has none of them but says that it lives', async () => {
    const body = { channel: 'open:a', data: 1 };
    const statuses = async (port: number) => ({
      api: (await serve.api('publish', body, { port })).status,
      metrics: (await serve.get('/metrics', port)).status,
      ready: (await serve.get('/ready', port)).status,
      health: (await serve.get('/health', port)).status,
      poll: (await serve.get('/connection/poll?channels=open:a&timeout=1', port)).status,
    });
    expect(await statuses(serve.internalPort)).toEqual({ api: 200, metrics: 200, ready: 200, health: 200, poll: 404 });
    expect(await statuses(serve.port)).toEqual({ api: 404, metrics: 404, ready: 200, health: 200, poll: 200 });
    await expect(Peer.dial(`ws://127.0.0.1:${serve.internalPort}/connection/websocket`)).rejects.toThrow();
  });
});

describe('metrics', () => {
  test('follow connections, messages and errors', async () => {
    const before = {
      deliveries: await metric('tidings_deliveries_total'),
      published: await metric('tidings_publications_total{origin="server"}'),
      errors: await metric('tidings_errors_total{code="102"}'),
      closed: await metric('tidings_connections_closed_total{code="3501"}'),
      calls: await metric('tidings_api_calls_total{method="publish"}'),
    };
    expect(await metric('tidings_connections{transport="websocket"}')).toBe(0);
    const peers = await Promise.all([1, 2, 3].map(() => Peer.dial(serve.websocketUrl)));
    for (const peer of peers) {
      await peer.request({ connect: {} });
      await peer.request({ subscribe: { channel: 'open:m' } });
    }
    expect(await metric('tidings_connections{transport="websocket"}')).toBe(3);
    expect(await metric('tidings_subscriptions')).toBe(3);
    expect(await metric('tidings_channels')).toBe(1);

    await serve.api('publish', { channel: 'open:m', data: 1 }, { port: serve.internalPort });
    for (const peer of peers) await peer.next((message) => 'push' in message, 'the publication');
    expect(await metric('tidings_deliveries_total')).toBe(before.deliveries + 3);
    expect(await metric('tidings_publications_total{origin="server"}')).toBe(before.published + 1);
    expect(await metric('tidings_api_calls_total{method="publish"}')).toBe(before.calls + 1);

    expect(await peers[0]?.request({ subscribe: { channel: 'none:m' } })).toHaveProperty('error.code', 102);
    expect(await metric('tidings_errors_total{code="102"}')).toBe(before.errors + 1);
    peers[0]?.send('garbage');
    await peers[0]?.end();
    expect(await metric('tidings_connections_closed_total{code="3501"}')).toBe(before.closed + 1);
    expect(await metric('tidings_connections{transport="websocket"}')).toBe(2);

    for (const peer of peers) peer.websocket.close();
    await expect.poll(() => metric('tidings_connections{transport="websocket"}')).toBe(0);
    expect(await metric('tidings_channels')).toBe(0);
  });

  test('have no labels that clients choose', async () => {
    for (const code of [4001, 4002, 4999]) {
      const peer = await Peer.dial(serve.websocketUrl);
      await peer.request({ connect: {} });
      peer.websocket.close(code, 'my own');
      await peer.end();
    }
    await serve.api('made-up-method', {}, { port: serve.internalPort });
    await expect.poll(() => metric('tidings_connections{transport="websocket"}')).toBe(0);
    const text = await (await serve.get('/metrics', serve.internalPort)).text();
    expect(text).not.toMatch(/"(4001|4002|4999|made-up-method)"/);
  });
});

describe('the log', () => {
  test('is JSON, a line each, with client ids and request ids, and without secrets', async () => {
    const peer = await Peer.dial(serve.websocketUrl);
    const { client } = (await peer.request({ connect: {} }))['connect'] as { client: string };
    await peer.request({ subscribe: { channel: 'none:b' } });
    peer.send('garbage');
    await peer.end();
    const answer = await serve.api('publish', { channel: 5, data: 1 }, { port: serve.internalPort });
    const requestId = answer.headers.get('x-request-id') as string;
    expect(requestId).not.toBe('');

    await until(() => serve.lines.filter((line) => line['client'] === client).length >= 2, 'lines of the client');
    const ofClient = serve.lines.filter((line) => line['client'] === client);
    expect(ofClient).toEqual([
      expect.objectContaining({ level: 'info', code: 102, method: 'subscribe' }),
      expect.objectContaining({ level: 'info', code: 3501, detail: 'not JSON', address: '127.0.0.1' }),
    ]);
    const ofRequest = await serve.line((line) => line['requestId'] === requestId, 'the request');
    expect(ofRequest).toMatchObject({
      level: 'info',
      code: 107,
      method: 'publish',
      detail: expect.stringMatching(/channel: expected string/),
    });
    for (const line of serve.lines as Json[]) {
      expect(line).toEqual(
        expect.objectContaining({ level: expect.any(String), msg: expect.any(String), time: expect.any(String) }),
      );
    }
    for (const secret of Object.values(secrets)) expect(serve.stdout + serve.stderr).not.toContain(secret);
  });
});
