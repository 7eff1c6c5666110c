/** A node that ends without a goodbye: the application learns nevertheless that its clients are gone. */
import { expect, test } from 'vitest';
import { Peer, until } from '../bad-input/peers.ts';
import { Application } from './application.ts';
import { Serve } from './serve.ts';

test('kill -9 and start again: disconnected for everybody who was connected, at least once, in order', async () => {
  await using application = await Application.start();
  const serve = await Serve.start({ events: { url: application.url } });
  const peers = await Promise.all(Array.from({ length: 20 }, () => Peer.dial(serve.websocketUrl)));
  const ids: string[] = [];
  for (const peer of peers) ids.push(((await peer.request({ connect: {} }))['connect'] as { client: string }).client);
  // One leaves by itself, before.
  peers[0]?.websocket.close();
  await until(() => application.ofType('disconnected').length === 1, 'the one that left is reported');
  await until(() => application.ofType('connected').length >= ids.length, 'all are reported as connected');

  serve.signal('SIGKILL');
  expect(await serve.ended()).toBe('SIGKILL');
  await serve.run();
  expect(await serve.line(({ closed }) => closed !== undefined, 'the crash')).toMatchObject({
    level: 'warn',
    closed: 19,
  });
  await until(
    () => new Set(application.ofType('disconnected').map(({ client }) => client)).size === ids.length,
    'all are reported as disconnected',
  );
  for (const id of ids) expect(application.storyOf(id)).toEqual(['connected', 'disconnected']);
  const codes = application.ofType('disconnected').map(({ code }) => code);
  expect(new Set(codes)).toEqual(new Set([3000]));

  // A clean end leaves nothing to report.
  serve.signal('SIGTERM');
  expect(await serve.ended()).toBe(0);
  const reported = application.events.length;
  await serve.run();
  const late = await Peer.dial(serve.websocketUrl);
  const { client } = (await late.request({ connect: {} }))['connect'] as { client: string };
  await until(() => application.events.some((event) => event.client === client), 'the next event');
  expect(application.events.slice(reported).map((event) => event.client)).toEqual([client]);
});
