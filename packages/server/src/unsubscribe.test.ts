import { describe, expect, test } from 'vitest';
import {
  closeCodeOf,
  codeOf,
  createWatchedEngine,
  jwt,
  open,
  publications,
  pushes,
  recoverable,
  subscribe,
  token,
} from './testing/engine-fixture.ts';

const channels = { room: { ...open, presence: true }, stream: recoverable } as const;
const config = { mode: 'production', auth: { anonymous: true, jwt }, channels } as const;

describe('a client unsubscribes', () => {
  test('nothing arrives any more, and the node wants the channel no longer', async () => {
    await using node = await createWatchedEngine({ config });
    const client = await node.connect();
    await subscribe(client, 'room');
    expect(node.broker.wanted).toEqual(new Set(['room']));
    expect((await client.request({ unsubscribe: { channel: 'room' } })).unsubscribe).toEqual({});
    await node.engine.publish('room', 1);
    expect(await publications(client)).toEqual([]);
    expect(await node.engine.api.presenceStats({ channel: 'room' })).toEqual({ clients: 0, users: 0 });
    expect(node.broker.wanted.size).toBe(0);
    expect((await node.engine.api.info()).nodes[0]).toMatchObject({ subscriptions: 0, channels: 0 });
  });

  test('what it is not subscribed to is no error, what there is not is 102, no name closes', async () => {
    await using node = await createWatchedEngine({ config });
    const client = await node.connect();
    expect(await codeOf(client.request({ unsubscribe: { channel: 'room' } }))).toBeUndefined();
    expect(await codeOf(client.request({ unsubscribe: { channel: 'nowhere' } }))).toBe(102);
    client.send({ id: 99, unsubscribe: {} });
    expect(await closeCodeOf(client)).toBe(3501);
  });

  test('from a channel that a new configuration no longer has', async () => {
    await using node = await createWatchedEngine({ config });
    const client = await node.connect();
    await subscribe(client, 'room');
    await node.engine.reload({ ...config, channels: {}, log: { level: 'silent' } });
    expect(await codeOf(client.request({ unsubscribe: { channel: 'room' } }))).toBeUndefined();
    expect(node.broker.wanted.size).toBe(0);
  });

  test('and subscribes again at once, in one frame', async () => {
    await using node = await createWatchedEngine({ config });
    const client = await node.connect();
    await subscribe(client, 'stream', { recoverable: true });
    client.send([
      { id: 11, unsubscribe: { channel: 'stream' } },
      { id: 12, subscribe: { channel: 'stream', recoverable: true } },
      { id: 13, unsubscribe: { channel: 'stream' } },
      { id: 14, subscribe: { channel: 'stream', recoverable: true } },
    ]);
    for (const id of [11, 12, 13, 14]) expect((await client.next()).id).toBe(id);
    await node.engine.publish('stream', 1);
    expect(await publications(client)).toMatchObject([{ offset: 1 }]);
  });
});

describe('the server unsubscribes', () => {
  test('with a push, from client-side and server-side subscriptions', async () => {
    await using node = await createWatchedEngine({ config });
    const client = await node.connect({ token: token({ sub: '42', channels: ['room'] }) });
    await subscribe(client, 'stream');
    await node.engine.api.unsubscribe({ user: '42', channel: 'room' });
    await node.engine.api.unsubscribe({ user: '42', channel: 'stream' });
    await node.engine.api.unsubscribe({ user: '42', channel: 'stream' });
    const unsubscribe = { code: 2000, reason: 'server unsubscribe' };
    expect(await pushes(client)).toEqual([
      { channel: 'room', unsubscribe },
      { channel: 'stream', unsubscribe },
    ]);
    expect(client.closeReason).toBeUndefined();
    expect(node.broker.wanted.size).toBe(0);
  });
});
