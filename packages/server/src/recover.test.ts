import { formats, type SubscribeRequest } from '@tidings/protocol';
import { describe, expect, test } from 'vitest';
import type { ConfigInput } from './config/schema.ts';
import {
  closeCodeOf,
  createWatchedEngine,
  publications,
  pushes,
  recoverable,
  subscribe,
  taken,
  values,
  type TestNode,
} from './testing/engine-fixture.ts';

const stream = { ...recoverable, history: { size: 1_000, ttl: '1h', metaTtl: '2h' } } as const;
const channels: NonNullable<ConfigInput['channels']> = {
  stream,
  short: { ...stream, history: { size: 3, ttl: '10s', metaTtl: '1h' } },
  latest: { ...stream, recoveryMode: 'cache' },
  tagged: { ...stream, tagsFilter: true },
};
const start = () => createWatchedEngine({ config: { mode: 'production', auth: { anonymous: true }, channels } });

async function publish(node: TestNode, channel: string, count: number, from = 1): Promise<void> {
  for (let i = 0; i < count; i++) await node.engine.publish(channel, from + i);
}

const epochOf = async (node: TestNode, channel: string) => (await node.engine.api.history({ channel })).epoch;

describe('a fresh subscription', () => {
  test('gets the top of the stream, and what follows', async () => {
    await using node = await start();
    await publish(node, 'stream', 2);
    const client = await node.connect();
    expect(await subscribe(client, 'stream', { recoverable: true })).toEqual({
      epoch: await epochOf(node, 'stream'),
      offset: 2,
      positioned: true,
      recoverable: true,
    });
    await publish(node, 'stream', 1, 3);
    expect(await publications(client)).toMatchObject([{ offset: 3 }]);
  });
});

describe('recovered, whole or not at all', () => {
  // Ten publications, of which `short` keeps three for ten seconds.
  const cases: [
    string,
    { channel?: string; after?: number; epoch?: string; offset?: number; expected: number[] | 'reset' },
  ][] = [
    ['nothing missed', { offset: 10, expected: [] }],
    ['one missed', { offset: 9, expected: [10] }],
    ['all missed', { offset: 0, expected: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] }],
    ['no epoch agrees with any', { offset: 8, epoch: '', expected: [9, 10] }],
    ['no epoch at the top', { offset: 10, epoch: '', expected: [] }],
    ['another epoch', { offset: 8, epoch: 'other', expected: 'reset' }],
    ['another epoch at the same offset', { offset: 10, epoch: 'other', expected: 'reset' }],
    ['an offset beyond the top', { offset: 11, expected: 'reset' }],
    ['an offset beyond the top without epoch', { offset: 11, epoch: '', expected: 'reset' }],
    ['just as far back as history goes', { channel: 'short', offset: 7, expected: [8, 9, 10] }],
    ['one further than history goes', { channel: 'short', offset: 6, expected: 'reset' }],
    ['history has expired', { channel: 'short', after: 11_000, offset: 9, expected: 'reset' }],
    ['history has expired, but nothing was missed', { channel: 'short', after: 11_000, offset: 10, expected: [] }],
  ];

  test.each(cases)('%s', async (_what, { channel = 'stream', after = 0, epoch, offset = 0, expected }) => {
    for (const format of [formats.websocketJson, formats.websocketProtobuf]) {
      await using node = await start();
      await publish(node, channel, 10);
      await node.clock.advance(after);
      const client = await node.connect({ format });
      const request: SubscribeRequest = {
        recoverable: true,
        recover: true,
        epoch: epoch ?? (await epochOf(node, channel)),
        offset,
      };
      const result = await subscribe(client, channel, request);
      const top = { epoch: await epochOf(node, channel), positioned: true, recoverable: true, was_recovering: true };
      if (expected === 'reset') {
        expect(result).toEqual({ ...top, offset: 10 });
      } else {
        expect(result).toMatchObject({ ...top, recovered: true });
        expect(result.offset ?? 0).toBe(offset);
        expect(values(result.publications)).toEqual(expected);
      }
      expect(node.engine.metrics.recoveries.counts.get(expected === 'reset' ? 'reset' : 'recovered')).toBe(1);
      await publish(node, channel, 1, 11);
      expect(await publications(client)).toMatchObject([{ offset: 11 }]);
    }
  });

  test('at most 300, by default: one more is a reset, never a part', async () => {
    await using node = await start();
    await publish(node, 'stream', 301);
    const epoch = await epochOf(node, 'stream');
    const recover = async (offset: number) =>
      subscribe(await node.connect(), 'stream', { recoverable: true, recover: true, epoch, offset });
    expect((await recover(1)).publications).toHaveLength(300);
    const reset = await recover(0);
    expect(reset).toMatchObject({ was_recovering: true, offset: 301 });
    expect(reset).not.toHaveProperty('recovered');
    expect(reset).not.toHaveProperty('publications');
  });

  test('a new stream under the same name is a reset', async () => {
    await using node = await start();
    await publish(node, 'short', 2);
    const epoch = await epochOf(node, 'short');
    await node.clock.advance(3_600_000 + 1_000);
    await publish(node, 'short', 2);
    const client = await node.connect();
    const result = await subscribe(client, 'short', { recoverable: true, recover: true, epoch, offset: 2 });
    expect(result).not.toHaveProperty('recovered');
    expect(result.epoch).not.toBe(epoch);
  });

  test('flag 2 answers 112 instead of a reset, and nothing stays', async () => {
    await using node = await start();
    await publish(node, 'stream', 2);
    const client = await node.connect();
    const request = { channel: 'stream', recoverable: true, recover: true, epoch: 'other', offset: 1, flag: 2 };
    expect((await client.request({ subscribe: request })).error).toEqual({
      code: 112,
      message: 'unrecoverable position',
    });
    expect(await node.engine.api.channels({})).toEqual({ channels: {} });
    // Where all is there the flag changes nothing.
    const good = await subscribe(client, 'stream', { ...request, epoch: await epochOf(node, 'stream') });
    expect(good.recovered).toBe(true);
    await client.request({ unsubscribe: { channel: 'stream' } });
    const other = { ...request, flag: 1 };
    expect(await subscribe(client, 'stream', other)).toMatchObject({ was_recovering: true });
  });

  test('is not attempted where recovery is off or was not asked for', async () => {
    await using node = await start();
    await publish(node, 'stream', 2);
    const client = await node.connect();
    const result = await subscribe(client, 'stream', { positioned: true, recover: true, epoch: '', offset: 0 });
    expect(result).toEqual({ epoch: expect.any(String), offset: 2, positioned: true });
  });
});

describe('while publications arrive', () => {
  const modes: [string, SubscribeRequest][] = [
    ['fresh', { recoverable: true }],
    ['without position', {}],
    ['recovering', { recoverable: true, recover: true, epoch: '', offset: 0 }],
    ['recovering in vain', { recoverable: true, recover: true, epoch: 'other', offset: 0 }],
  ];
  for (const channel of ['stream', 'latest']) {
    test.each(modes)(`${channel}, %s: everything once and in order, signals too`, async (_what, request) => {
      await using node = await start();
      await publish(node, channel, 1);
      let n = 1;
      const happening = async (): Promise<void> => {
        await node.engine.publish(channel, `signal ${n}`, { skipHistory: true });
        await node.engine.publish(channel, ++n);
        await node.engine.publish(channel, `signal ${n}`, { skipHistory: true });
      };
      node.broker.beforeRead = happening;
      node.broker.afterRead = happening;
      const client = await node.connect();
      const result = await subscribe(client, channel, request);
      node.broker.beforeRead = node.broker.afterRead = undefined;
      await publish(node, channel, 1, ++n);
      const live = await publications(client);
      const all = [...values(result.publications), ...values(live)];
      const numbers = all.filter((value) => typeof value === 'number');
      const signals = all.filter((value) => typeof value === 'string');
      // Whatever the way: up to where the result says, then every one to the last.
      const positioned = request.recoverable === true;
      const first =
        result.publications?.[0]?.offset ?? (result.recovered || !positioned ? 2 : (result.offset ?? 0) + 1);
      const from = numbers[0] as number;
      if (positioned) expect(from).toBe(first);
      expect(numbers).toEqual(Array.from({ length: n - from + 1 }, (_, i) => from + i));
      if (positioned) {
        const reads = (n - 2) / 2;
        expect(signals).toEqual(
          Array.from({ length: reads * 2 }, (_, i) => [`signal ${i + 1}`, `signal ${i + 2}`]).flat(),
        );
      }
    });
  }

  test('those that come late or twice are there once', async () => {
    await using node = await start();
    const watcher = await node.connect();
    await subscribe(watcher, 'stream', { recoverable: true });
    const client = await node.connect();
    node.broker.fault = 'late';
    await publish(node, 'stream', 3);
    node.broker.afterRead = () => {
      node.broker.afterRead = undefined;
      node.broker.release();
    };
    const result = await subscribe(client, 'stream', {
      recoverable: true,
      recover: true,
      epoch: await epochOf(node, 'stream'),
    });
    expect(values(result.publications)).toEqual([1, 2, 3]);
    node.broker.fault = 'twice';
    await publish(node, 'stream', 2, 4);
    expect(values(await publications(client))).toEqual([4, 5]);
    expect(values(await publications(watcher))).toEqual([1, 2, 3, 4, 5]);
  });

  test('late ones after the result are not given to who has them, but to the others', async () => {
    await using node = await start();
    const watcher = await node.connect();
    await subscribe(watcher, 'stream', { recoverable: true });
    node.broker.fault = 'late';
    await publish(node, 'stream', 3);
    const client = await node.connect();
    expect((await subscribe(client, 'stream', { recoverable: true })).offset).toBe(3);
    node.broker.release();
    await publish(node, 'stream', 1, 4);
    expect(values(await publications(client))).toEqual([4]);
    expect(values(await publications(watcher))).toEqual([1, 2, 3, 4]);
  });

  test('a hole behind the recovered ones closes with 3010: the client comes back and asks again', async () => {
    await using node = await start();
    await publish(node, 'stream', 1);
    const client = await node.connect();
    const epoch = await epochOf(node, 'stream');
    node.broker.afterRead = async () => {
      node.broker.fault = 'lost';
      await publish(node, 'stream', 1, 2);
      node.broker.fault = 'none';
      await publish(node, 'stream', 1, 3);
    };
    client.send({ id: 9, subscribe: { channel: 'stream', recoverable: true, recover: true, epoch, offset: 0 } });
    expect(await closeCodeOf(client)).toBe(3010);
    expect(await taken(client)).toEqual([]);
  });
});

describe('cache mode', () => {
  test('a fresh subscription gets the latest publication', async () => {
    await using node = await start();
    expect(await subscribe(await node.connect(), 'latest', { recoverable: true })).not.toHaveProperty('publications');
    await publish(node, 'latest', 3);
    const result = await subscribe(await node.connect(), 'latest', { recoverable: true });
    expect(values(result.publications)).toEqual([3]);
    expect(result.offset).toBe(3);
  });

  test('who comes back gets it unless they have it', async () => {
    await using node = await start();
    await publish(node, 'latest', 3);
    const epoch = await epochOf(node, 'latest');
    const recover = async (position: SubscribeRequest) =>
      subscribe(await node.connect(), 'latest', { recoverable: true, recover: true, ...position });
    const behind = await recover({ epoch, offset: 1 });
    expect(behind).toMatchObject({ recovered: true, was_recovering: true, offset: 3 });
    expect(values(behind.publications)).toEqual([3]);
    const current = await recover({ epoch, offset: 3 });
    expect(current).toMatchObject({ recovered: true, offset: 3 });
    expect(current).not.toHaveProperty('publications');
    const elsewhere = await recover({ epoch: 'other', offset: 3 });
    expect(values(elsewhere.publications)).toEqual([3]);
  });

  test('where it is gone, nothing is recovered', async () => {
    await using node = await start();
    await publish(node, 'latest', 3);
    await node.engine.api.historyRemove({ channel: 'latest' });
    const request = { recoverable: true, recover: true, epoch: await epochOf(node, 'latest'), offset: 1 };
    const result = await subscribe(await node.connect(), 'latest', request);
    expect(result).toMatchObject({ was_recovering: true, offset: 3 });
    expect(result).not.toHaveProperty('recovered');
    expect(result).not.toHaveProperty('publications');
  });
});

describe('filters', () => {
  test('what a filter leaves out is not recovered, and does not count as missing', async () => {
    await using node = await start();
    const tf = { key: 'kind', cmp: 'eq', val: 'a' };
    const client = await node.connect();
    const { epoch = '' } = await subscribe(client, 'tagged', { recoverable: true, tf });
    for (let i = 1; i <= 6; i++) {
      await node.engine.publish('tagged', i, { tags: { kind: i % 3 === 0 ? 'a' : 'b' } });
    }
    expect(await publications(client)).toMatchObject([{ offset: 3 }, { offset: 6 }]);
    expect(client.closeReason).toBeUndefined();
    const again = await subscribe(await node.connect(), 'tagged', {
      recoverable: true,
      recover: true,
      epoch,
      offset: 3,
      tf,
    });
    expect(again).toMatchObject({ recovered: true });
    expect(values(again.publications)).toEqual([6]);
    const nothing = await subscribe(await node.connect(), 'tagged', {
      recoverable: true,
      recover: true,
      epoch,
      offset: 3,
      tf: { ...tf, val: 'c' },
    });
    expect(nothing).toMatchObject({ recovered: true, offset: 3 });
    expect(nothing.publications ?? []).toEqual([]);
  });
});

describe('a gap', () => {
  test('live: the subscription starts over with 2500, and nothing is missing then', async () => {
    await using node = await start();
    const client = await node.connect();
    const plain = await node.connect();
    const { epoch = '' } = await subscribe(client, 'stream', { recoverable: true });
    await subscribe(plain, 'stream');
    await publish(node, 'stream', 1);
    node.broker.fault = 'lost';
    await publish(node, 'stream', 1, 2);
    node.broker.fault = 'none';
    await publish(node, 'stream', 1, 3);
    expect(await pushes(client)).toMatchObject([
      { pub: { offset: 1 } },
      { channel: 'stream', unsubscribe: { code: 2500 } },
    ]);
    // Who did not ask for a position goes on.
    expect(values(await publications(plain))).toEqual([1, 3]);
    const again = await subscribe(client, 'stream', { recoverable: true, recover: true, epoch, offset: 1 });
    expect(values(again.publications)).toEqual([2, 3]);
    expect(node.engine.metrics.unsubscribes.counts.get('2500')).toBe(1);
  });

  test('a lower offset is skipped; a signal without offset passes and counts for nothing', async () => {
    await using node = await start();
    const client = await node.connect();
    await subscribe(client, 'stream', { recoverable: true });
    node.broker.fault = 'twice';
    await publish(node, 'stream', 1);
    node.broker.fault = 'none';
    await node.engine.publish('stream', 'typing', { skipHistory: true });
    await publish(node, 'stream', 1, 2);
    expect(values(await publications(client))).toEqual([1, 'typing', 2]);
  });

  test('a change of epoch is a gap', async () => {
    await using node = await start();
    const client = await node.connect();
    await subscribe(client, 'short', { recoverable: true });
    await publish(node, 'short', 1);
    await taken(client);
    // Nobody reads the position meanwhile, so that it is forgotten.
    node.broker.beforeRead = () => {
      throw new Error('no history');
    };
    await node.clock.advance(3_600_000 + 2_000);
    await publish(node, 'short', 1);
    expect(await pushes(client)).toMatchObject([{ unsubscribe: { code: 2500 } }]);
  });
});
