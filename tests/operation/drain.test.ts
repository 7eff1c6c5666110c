/** SIGTERM: clients are sent elsewhere a few at a time, nothing is lost on the way, and the process ends in time. */
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { Peer, until, within } from '../bad-input/peers.ts';
import { Application } from './application.ts';
import { Serve } from './serve.ts';

const spreadMs = 1_500;

describe('SIGTERM', () => {
  test('200 clients are told 3001 over the spread; newcomers are refused; events are flushed; exit code 0', async () => {
    await using application = await Application.start();
    const serve = await Serve.start({
      internal: { port: 0 },
      shutdown: { spread: `${spreadMs}ms`, timeout: '8s' },
      events: { url: application.url },
    });
    const peers = await Promise.all(Array.from({ length: 200 }, () => Peer.dial(serve.websocketUrl)));
    const replies = await Promise.all(peers.map((peer) => peer.request({ connect: {} })));
    const ids = replies.map((reply) => (reply['connect'] as { client: string }).client);
    // A connection that said nothing yet must not keep the process.
    await Peer.dial(serve.websocketUrl);
    expect((await serve.get('/ready', serve.internalPort)).status).toBe(200);

    const closedMs: number[] = [];
    const closes = peers.map(async (peer) => {
      const { code, reason } = await peer.end();
      closedMs.push(performance.now());
      expect({ code, reason }).toEqual({ code: 3001, reason: 'shutdown' });
    });
    serve.signal('SIGTERM');

    await within(Promise.race(closes), 'the first is told');
    const ready = await serve.get('/ready', serve.internalPort);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toEqual({ reasons: ['the node is draining'] });
    expect((await serve.get('/health', serve.internalPort)).status).toBe(200);
    // Whoever is still there is served until it is their turn, and what the application publishes arrives.
    expect((await serve.api('publish', { channel: 'open:a', data: 1 }, { port: serve.internalPort })).status).toBe(200);
    expect(await refusal(serve.port)).toBe('ECONNREFUSED');

    await Promise.all(closes);
    expect(await serve.ended()).toBe(0);
    expect((closedMs.at(-1) as number) - (closedMs[0] as number)).toBeGreaterThan(spreadMs / 2);
    // Not in one go: no fifth of the time sees most of them.
    for (const begin of closedMs) {
      const near = closedMs.filter((at) => at >= begin && at < begin + spreadMs / 5);
      expect(near.length).toBeLessThan(peers.length * 0.75);
    }
    await until(() => application.ofType('disconnected').length >= ids.length, 'all disconnected events');
    expect(new Set(application.ofType('disconnected').map(({ client }) => client))).toEqual(new Set(ids));
    expect(new Set(application.ofType('disconnected').map(({ code }) => code))).toEqual(new Set([3001]));
    expect(serve.lines.map(({ msg }) => msg)).toEqual(expect.arrayContaining(['draining', 'drained']));
    expect(serve.stderr).toBe('');
  });

  test('a client that does not read its goodbye and an application that hangs do not hold it up', async () => {
    await using application = await Application.start({ hangs: true });
    const serve = await Serve.start({
      shutdown: { spread: '100ms', timeout: '1s' },
      events: { url: application.url, timeout: '30s' },
    });
    const peer = await Peer.dial(serve.websocketUrl);
    await peer.request({ connect: {} });
    peer.websocket.pause();
    await until(() => application.asked > 0, 'the application was told of the client');
    serve.signal('SIGTERM');
    expect(await serve.ended(6_000)).toBe(0);
    peer.websocket.terminate();
  });

  test('a second signal ends it at once', async () => {
    await using application = await Application.start({ hangs: true });
    const serve = await Serve.start({
      shutdown: { timeout: '60s' },
      events: { url: application.url, timeout: '60s' },
    });
    const peer = await Peer.dial(serve.websocketUrl);
    await peer.request({ connect: {} });
    serve.signal('SIGTERM');
    await serve.line(({ msg }) => msg === 'draining', 'draining');
    // Two signals within a moment are one: npm and the terminal both pass Ctrl-C on.
    const again = setInterval(() => serve.signal('SIGTERM'), 400);
    try {
      expect(await serve.ended()).toBe(1);
    } finally {
      clearInterval(again);
    }
  });
});

/** Code of the error of a TCP connection; empty if it is accepted. */
function refusal(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve('');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}
