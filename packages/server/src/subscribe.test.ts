import { closeCodes, formats, type Push, type Reply } from '@tidings/protocol';
import { describe, expect, test } from 'vitest';
import type { ConfigInput } from './config/schema.ts';
import { FakeClock, settle } from './lib/clock.ts';
import { MemoryPresenceStore } from './presence/memory.ts';
import {
  closeCodeOf,
  codeOf,
  createWatchedEngine,
  json,
  jwt,
  open,
  publications,
  pushes,
  recoverable,
  startSeconds,
  subscribe,
  taken,
  token,
  values,
} from './testing/engine-fixture.ts';
import { createTestEngine } from './testing.ts';

const channels: NonNullable<ConfigInput['channels']> = {
  'open:{id}': open,
  'users:{id}': { allow: { subscribe: 'authenticated' } },
  'private:{id}': {},
  'stream:{id}': recoverable,
  'team#{users}': {},
};
const config = { mode: 'production', auth: { anonymous: true, jwt }, channels } satisfies ConfigInput;

describe('refusals', () => {
  test('a second subscription of a channel is 105, also beside one of the server', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect({ token: token({ sub: '42', channels: ['open:1'] }) });
    expect(await codeOf(client.request({ subscribe: { channel: 'open:1' } }))).toBe(105);
    await subscribe(client, 'open:2');
    expect(await codeOf(client.request({ subscribe: { channel: 'open:2' } }))).toBe(105);
  });

  test('two of one channel in one frame: the second is 105', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect();
    client.send([
      { id: 11, subscribe: { channel: 'stream:1' } },
      { id: 12, subscribe: { channel: 'stream:1' } },
    ]);
    expect((await client.next(({ id }) => id === 11)).subscribe).toBeDefined();
    expect((await client.next(({ id }) => id === 12)).error?.code).toBe(105);
  });

  test('a name that is too long is 107, one that is empty closes with 3501', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect();
    const longest = `open:${'x'.repeat(250)}`;
    expect(await codeOf(client.request({ subscribe: { channel: `${longest}x` } }))).toBe(107);
    await subscribe(client, longest);
    client.send({ id: 99, subscribe: { channel: '' } });
    expect(await closeCodeOf(client)).toBe(3501);
  });

  test('an unknown delta closes with 3501; another type is 108; an unknown filter or one not allowed 107', async () => {
    await using node = await createTestEngine({
      config: { ...config, channels: { ...channels, tagged: { ...open, tagsFilter: true } } },
    });
    const client = await node.connect();
    const filter = { key: 'a', cmp: 'eq', val: '1' };
    expect(await codeOf(client.request({ subscribe: { channel: 'open:1', type: 1 } }))).toBe(108);
    expect(await codeOf(client.request({ subscribe: { channel: 'open:1', tf: filter } }))).toBe(107);
    expect(await codeOf(client.request({ subscribe: { channel: 'tagged', tf: { ...filter, cmp: 'like' } } }))).toBe(
      107,
    );
    await subscribe(client, 'tagged', { tf: filter });
    client.send({ id: 99, subscribe: { channel: 'open:1', delta: 'vcdiff' } });
    expect(await closeCodeOf(client)).toBe(3501);
  });

  test('128 subscriptions by default, one more is 106', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect();
    const replies = await Promise.all(
      Array.from({ length: 129 }, (_, i) => codeOf(client.request({ subscribe: { channel: `stream:${i}` } }))),
    );
    expect(replies.filter((code) => code === undefined)).toHaveLength(128);
    expect(replies.at(-1)).toBe(106);
    await client.request({ unsubscribe: { channel: 'stream:0' } });
    await subscribe(client, 'stream:200');
  });

  test('subscriptions in the making count once towards the limit', async () => {
    await using node = await createWatchedEngine({ config: { ...config, limits: { subscriptionsPerConnection: 3 } } });
    const client = await node.connect();
    const gate = Promise.withResolvers<void>();
    node.broker.beforeRead = () => gate.promise;
    const first = [1, 2].map((i) =>
      codeOf(client.request({ subscribe: { channel: `stream:${i}`, recoverable: true } })),
    );
    await settle();
    await settle();
    // Both stand among the subscriptions already, while their history is read.
    const third = codeOf(client.request({ subscribe: { channel: 'stream:3', recoverable: true } }));
    const fourth = codeOf(client.request({ subscribe: { channel: 'stream:4', recoverable: true } }));
    expect(await fourth).toBe(106);
    gate.resolve();
    expect(await Promise.all([...first, third])).toEqual([undefined, undefined, undefined]);
  });

  test('more subscribers of a channel than it may have is 106, and the place becomes free', async () => {
    await using node = await createWatchedEngine({
      config: {
        ...config,
        channels: { small: { ...open, maxSubscribers: 1 }, closed: { ...open, maxSubscribers: 1 } },
      },
    });
    const [first, second] = [await node.connect(), await node.connect()];
    await subscribe(first, 'small');
    expect(await codeOf(second.request({ subscribe: { channel: 'small' } }))).toBe(106);
    expect(node.broker.wanted).toEqual(new Set(['small']));
    await first.request({ unsubscribe: { channel: 'small' } });
    await subscribe(second, 'small');
    expect((await node.engine.api.channels({})).channels).toEqual({ small: { clients: 1 } });
  });
});

describe('options on request', () => {
  test('position and recovery when asked for, always, or never', async () => {
    const history = { size: 10 };
    await using node = await createTestEngine({
      config: {
        ...config,
        channels: {
          off: { ...open, history },
          asked: { ...open, history, recovery: 'on-request', positioning: 'on-request' },
          always: { ...open, history, recovery: 'always' },
          positioned: { ...open, history, positioning: 'always' },
        },
      },
    });
    const client = await node.connect();
    const top = { epoch: expect.any(String) };
    const wants = { recoverable: true, positioned: true };
    expect(await subscribe(client, 'off', wants)).toEqual({});
    expect(await subscribe(client, 'asked')).toEqual({});
    await client.request({ unsubscribe: { channel: 'asked' } });
    expect(await subscribe(client, 'asked', { positioned: true })).toEqual({ ...top, positioned: true });
    await client.request({ unsubscribe: { channel: 'asked' } });
    expect(await subscribe(client, 'asked', wants)).toEqual({ ...top, positioned: true, recoverable: true });
    expect(await subscribe(client, 'always')).toEqual({ ...top, positioned: true, recoverable: true });
    expect(await subscribe(client, 'positioned')).toEqual({ ...top, positioned: true });
  });

  test('join and leave when asked for, always, or never', async () => {
    await using node = await createTestEngine({
      config: {
        ...config,
        channels: {
          off: open,
          asked: { ...open, joinLeave: 'on-request' },
          always: { ...open, joinLeave: 'always' },
        },
      },
    });
    const watcher = await node.connect();
    for (const channel of ['off', 'always']) await subscribe(watcher, channel);
    await subscribe(watcher, 'asked', { join_leave: true });
    await taken(watcher);
    const other = await node.connect({ token: token({ sub: '42' }) });
    for (const channel of ['off', 'asked', 'always'])
      await subscribe(other, channel, { join_leave: channel !== 'asked' });
    const joins = await pushes(watcher);
    expect(joins.map(({ channel, join }) => [channel, join?.info.user])).toEqual([
      ['asked', '42'],
      ['always', '42'],
    ]);
    // Who did not ask is not told, but others are told of them.
    expect((await pushes(other)).map(({ channel }) => channel)).toEqual(['always']);
    other.close();
    expect((await pushes(watcher)).map(({ channel, leave }) => [channel, leave?.info.user])).toEqual([
      ['asked', '42'],
      ['always', '42'],
    ]);
  });

  test('override: a subscription that others are not told of', async () => {
    await using node = await createTestEngine({
      config: { ...config, channels: { always: { ...open, joinLeave: 'always', presence: true } } },
    });
    const watcher = await node.connect();
    await subscribe(watcher, 'always');
    await taken(watcher);
    const hidden = await node.connect();
    const override = { join_leave: { value: false }, presence: { value: false } };
    await subscribe(hidden, 'always', { token: token({ channel: 'always', override }) });
    expect(await node.engine.api.presenceStats({ channel: 'always' })).toEqual({ clients: 1, users: 1 });
    hidden.close();
    expect(await pushes(watcher)).toEqual([]);
    expect(await pushes(hidden)).toEqual([]);
  });

  test('override: recovery where the channel has it off', async () => {
    await using node = await createTestEngine({
      config: { ...config, channels: { kept: { ...open, history: { size: 1 } }, none: open } },
    });
    const client = await node.connect();
    const override = { recovery: { value: true } };
    const granted = (channel: string) => subscribe(client, channel, { token: token({ channel, override }) });
    expect(await granted('kept')).toMatchObject({ recoverable: true, positioned: true });
    // Without history there is nothing to recover from, whatever a token says.
    expect(await granted('none')).toEqual({});
  });
});

describe('order', () => {
  /** The kinds of messages in the order in which they came: `result`, then what was pushed. */
  const kinds = (replies: readonly Reply[]) =>
    replies.map(({ push, subscribe: result, error }) => (result ? 'result' : error ? 'error' : kindOf(push)));
  const kindOf = (push: Push | undefined) => Object.keys(push ?? {}).find((key) => key !== 'channel');

  test('the reply comes before any push of the channel, whatever arrives while subscribing', async () => {
    await using node = await createWatchedEngine({
      config: { ...config, channels: { busy: { ...recoverable, joinLeave: 'always' } } },
    });
    await node.engine.publish('busy', 0);
    const other = await node.connect();
    let n = 0;
    node.broker.beforeRead = async () => {
      await node.engine.publish('busy', ++n);
      await subscribe(other, 'busy');
    };
    node.broker.afterRead = async () => {
      await node.engine.publish('busy', ++n);
      await node.engine.publish('busy', 'signal', { skipHistory: true });
    };
    const client = await node.connect();
    client.send({ id: 9, subscribe: { channel: 'busy', recoverable: true } });
    const reply = await client.next();
    expect(reply).toMatchObject({ id: 9, subscribe: { offset: 2 } });
    const rest = await taken(client);
    expect(values(rest.flatMap(({ push }) => (push?.pub ? [push.pub] : [])))).toEqual([2, 'signal']);
    expect(kinds([reply, ...rest])).toEqual(['result', 'pub', 'pub', 'join']);
  });

  test('an unsubscribe by the server waits for a subscribe under way', async () => {
    await using node = await createWatchedEngine({ config });
    const client = await node.connect({ token: token({ sub: '42' }) });
    let unsubscribing: Promise<void> | undefined;
    node.broker.beforeRead = () => {
      unsubscribing = node.engine.api.unsubscribe({ user: '42', channel: 'stream:1' });
    };
    client.send({ id: 9, subscribe: { channel: 'stream:1', recoverable: true } });
    expect(await client.next()).toMatchObject({ id: 9, subscribe: { recoverable: true } });
    await unsubscribing;
    expect(await pushes(client)).toEqual([
      { channel: 'stream:1', unsubscribe: { code: 2000, reason: 'server unsubscribe' } },
    ]);
    expect(await node.engine.api.channels({})).toEqual({ channels: {} });
  });

  test('a subscription that expires while it is made ends behind its reply', async () => {
    await using node = await createWatchedEngine({
      config: { ...config, channels: { 'ask:{id}': { ...recoverable, hooks: { subscribe: true } } } },
      hooks: { subscribe: async () => ({ expireAt: startSeconds + 1 }) },
    });
    const client = await node.connect();
    let passed = false;
    node.broker.beforeRead = async () => {
      // So long that the connection is pinged, and looks at what is due.
      if (!passed) await node.clock.advance(30_000);
      passed = true;
    };
    client.send({ id: 9, subscribe: { channel: 'ask:1', recoverable: true } });
    expect(await client.next()).toMatchObject({ id: 9, subscribe: {} });
    await node.clock.advance(1_000);
    expect(await pushes(client)).toEqual([{ channel: 'ask:1', unsubscribe: { code: 2501, reason: 'expired' } }]);
  });

  test('connect and subscribes in one frame are answered in order', async () => {
    await using node = await createTestEngine({ config });
    const client = node.dial();
    client.send([
      { id: 1, connect: { token: token({ sub: '42' }) } },
      { id: 2, subscribe: { channel: 'users:1' } },
      { id: 3, subscribe: { channel: 'stream:1' } },
    ]);
    expect([(await client.next()).id, (await client.next()).id, (await client.next()).id]).toEqual([1, 2, 3]);
  });
});

describe('what is not whole', () => {
  test('more than can be held while subscribing, and no history to recover it from: one reset', async () => {
    await using node = await createWatchedEngine({ config });
    let done = false;
    node.broker.afterRead = async () => {
      if (done) return;
      done = true;
      for (let i = 0; i < 10_001; i++) await node.engine.publish('stream:1', i);
    };
    const client = await node.connect();
    const result = await subscribe(client, 'stream:1', { recoverable: true });
    expect(result.offset ?? 0).toBe(0);
    expect(await pushes(client)).toEqual([
      { channel: 'stream:1', unsubscribe: { code: 2500, reason: 'insufficient state' } },
    ]);
  });

  test('a hole between the position and what came while subscribing is one reset', async () => {
    await using node = await createWatchedEngine({ config });
    const client = await node.connect();
    node.broker.afterRead = async () => {
      node.broker.afterRead = undefined;
      node.broker.fault = 'lost';
      await node.engine.publish('stream:1', 'lost');
      node.broker.fault = 'none';
      await node.engine.publish('stream:1', 'seen');
    };
    await subscribe(client, 'stream:1', { recoverable: true });
    expect(await pushes(client)).toMatchObject([{ unsubscribe: { code: 2500 } }]);
    const again = await subscribe(client, 'stream:1', { recoverable: true, recover: true, offset: 0 });
    expect(values(again.publications)).toEqual(['lost', 'seen']);
  });

  test('a server-side subscription with such a hole closes with 3010', async () => {
    await using node = await createWatchedEngine({ config });
    node.broker.afterRead = async () => {
      node.broker.fault = 'lost';
      await node.engine.publish('stream:1', 'lost');
      node.broker.fault = 'none';
      await node.engine.publish('stream:1', 'seen');
    };
    const client = node.dial();
    client.send({ id: 1, connect: { token: token({ sub: '42', channels: ['stream:1'] }) } });
    expect(await closeCodeOf(client)).toBe(closeCodes.insufficientState.code);
  });

  test('a stream that begins anew while subscribing is one reset', async () => {
    await using node = await createWatchedEngine({
      config: { ...config, channels: { brief: { ...recoverable, history: { size: 10, ttl: '1s', metaTtl: '2s' } } } },
    });
    for (let i = 0; i < 5; i++) await node.engine.publish('brief', i);
    const client = await node.connect();
    node.broker.afterRead = async () => {
      node.broker.afterRead = undefined;
      await node.clock.advance(3_000);
      await node.engine.publish('brief', 'of another stream');
    };
    const result = await subscribe(client, 'brief', { recoverable: true });
    expect(result.offset).toBe(5);
    expect(await pushes(client)).toMatchObject([{ unsubscribe: { code: 2500 } }]);
    const again = await subscribe(client, 'brief', { recoverable: true });
    expect(again.offset).toBe(1);
    expect(again.epoch).not.toBe(result.epoch);
    await node.engine.publish('brief', 'next');
    expect(values(await publications(client))).toEqual(['next']);
  });

  test('a stream that began anew unseen: those who stand on the old one start over, the new subscriber does not', async () => {
    await using node = await createWatchedEngine({
      config: {
        ...config,
        timeouts: { positionCheck: '1h' },
        channels: { brief: { ...recoverable, history: { size: 10, ttl: '1s', metaTtl: '2s' } } },
      },
    });
    await node.engine.publish('brief', 1);
    const old = await node.connect();
    await subscribe(old, 'brief', { recoverable: true });
    await node.clock.advance(3_000);
    const fresh = await node.connect();
    await subscribe(fresh, 'brief', { recoverable: true });
    expect(await pushes(old)).toMatchObject([{ unsubscribe: { code: 2500 } }]);
    await node.engine.publish('brief', 'live');
    expect(values(await publications(fresh))).toEqual(['live']);
  });
});

describe('half-way', () => {
  class SlowPresence extends MemoryPresenceStore {
    gate: Promise<void> | undefined;
    override async touch(...args: Parameters<MemoryPresenceStore['touch']>): Promise<void> {
      await this.gate;
      await super.touch(...args);
    }
  }
  const config2 = { ...config, channels: { room: { ...recoverable, presence: true, joinLeave: 'always' } } } as const;

  test('a subscribe that fails leaves no presence, no leave and no interest', async () => {
    await using node = await createWatchedEngine({ config: config2 });
    const watcher = await node.connect();
    await subscribe(watcher, 'room');
    await taken(watcher);
    const client = await node.connect();
    node.broker.beforeRead = () => {
      throw new Error('history is gone');
    };
    expect(await codeOf(client.request({ subscribe: { channel: 'room', recoverable: true } }))).toBe(100);
    node.broker.beforeRead = undefined;
    expect(await node.engine.api.presenceStats({ channel: 'room' })).toEqual({ clients: 1, users: 1 });
    expect(await pushes(watcher)).toEqual([]);
    expect((await node.engine.api.channels({})).channels).toEqual({ room: { clients: 1 } });
    watcher.close();
    await settle();
    expect(node.broker.wanted.size).toBe(0);
  });

  test('a client that goes while its presence entry is on the way is not present afterwards', async () => {
    const presence = new SlowPresence({ clock: new FakeClock() });
    await using node = await createWatchedEngine({ config: config2, presence });
    const client = await node.connect();
    const gate = Promise.withResolvers<void>();
    presence.gate = gate.promise;
    const reply = client.request({ subscribe: { channel: 'room' } });
    reply.catch(() => {});
    await settle();
    client.close();
    gate.resolve();
    await settle();
    expect(await node.engine.api.presenceStats({ channel: 'room' })).toEqual({ clients: 0, users: 0 });
  });

  test.each(['beforeRead', 'afterRead'] as const)('a client that goes %s leaves nothing behind', async (when) => {
    await using node = await createWatchedEngine({ config: config2 });
    const watcher = await node.connect();
    await subscribe(watcher, 'room');
    await taken(watcher);
    const client = await node.connect();
    node.broker[when] = () => client.close();
    client.send({ id: 9, subscribe: { channel: 'room', recoverable: true } });
    await client.closed;
    for (let i = 0; i < 5; i++) await settle();
    expect(await node.engine.api.presenceStats({ channel: 'room' })).toEqual({ clients: 1, users: 1 });
    expect(await pushes(watcher)).toEqual([]);
    expect((await node.engine.api.channels({})).channels).toEqual({ room: { clients: 1 } });
  });

  test('a broker that cannot subscribe is error 100, and nothing stays', async () => {
    await using node = await createWatchedEngine({ config: config2 });
    const client = await node.connect();
    const { subscribe: works } = node.broker;
    node.broker.subscribe = () => Promise.reject(new Error('no broker'));
    expect(await codeOf(client.request({ subscribe: { channel: 'room' } }))).toBe(100);
    expect(await node.engine.api.presenceStats({ channel: 'room' })).toEqual({ clients: 0, users: 0 });
    expect((await node.engine.api.info()).nodes[0]).toMatchObject({ subscriptions: 0, channels: 0 });
    node.broker.subscribe = works;
    await subscribe(client, 'room');
    await node.engine.publish('room', 1);
    expect(values(await publications(client))).toEqual([1]);
  });
});

describe('payloads that are not JSON', () => {
  const binary = { ...recoverable, payload: 'binary' } as const;

  test.each([formats.websocketJson, formats.websocketProtobuf])(
    'live, recovered and as history: $codec',
    async (format) => {
      await using node = await createTestEngine({ config: { ...config, channels: { bin: binary } } });
      const bytes = new Uint8Array([0, 10, 255, 34]);
      const seen = format.codec === 'json' ? json('AAr/Ig==') : bytes;
      const client = await node.connect({ format });
      const { epoch = '' } = await subscribe(client, 'bin', { recoverable: true });
      await node.engine.api.publish({ channel: 'bin', data: bytes });
      expect(await publications(client)).toEqual([{ data: seen, offset: 1 }]);
      const { history } = await client.request({ history: { channel: 'bin', limit: 1 } });
      expect(history?.publications).toEqual([{ data: seen, offset: 1 }]);
      await client.request({ unsubscribe: { channel: 'bin' } });
      const again = await subscribe(client, 'bin', {
        recoverable: true,
        recover: true,
        epoch,
        offset: 0,
        delta: 'fossil',
      });
      expect(again.publications).toEqual([{ data: seen, offset: 1 }]);
      expect(again).not.toHaveProperty('delta');
    },
  );
});
