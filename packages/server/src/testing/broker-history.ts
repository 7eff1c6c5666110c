/** Conformance of brokers: reading the log. */
import { expect } from 'vitest';
import type { HistoryPage, HistoryQuery } from '../brokers/broker.ts';
import { bytes, durable, newChannel, TestCluster, text, type BrokerFactory, type TestNode } from './broker-nodes.ts';
import { eventually, pass, required, type SkippableTests } from './conformance.ts';

const metaTtlMs = durable.historyMetaTtlMs;
const offsets = (page: HistoryPage): (number | undefined)[] => page.publications.map(({ offset }) => offset);

async function publishMany({ broker }: TestNode, channel: string, count: number, options = durable): Promise<void> {
  for (let i = 1; i <= count; i++) await broker.publish(channel, { data: bytes(`${i}`) }, options);
}

export function declareHistoryTests(tests: SkippableTests, factory: BrokerFactory): void {
  tests.test('a channel never published to has offset 0, and its first publication the epoch read before', async () => {
    await using cluster = await TestCluster.start(factory, 2);
    const channel = newChannel();
    const { broker } = cluster.node(0);
    const empty = await broker.history.read(channel, { limit: -1 }, metaTtlMs);
    expect(empty.publications).toEqual([]);
    expect(empty.position.offset).toBe(0);
    expect(empty.position.epoch).not.toBe('');
    expect((await cluster.node(1).broker.history.read(channel, { limit: 0 }, metaTtlMs)).position).toEqual(
      empty.position,
    );
    const { position } = await cluster.node(1).broker.publish(channel, { data: bytes('1') }, durable);
    expect(position).toEqual({ offset: 1, epoch: empty.position.epoch });
  });

  tests.test('history shows on every node what publish resolved', async () => {
    await using cluster = await TestCluster.start(factory, 3);
    const channel = newChannel();
    const info = { user: 'ann', client: 'c1', conn_info: bytes('{}') };
    const draft = { data: bytes('{"a":"ü"}'), info, tags: { t: 'v' }, time: 1_700_000_000_123 };
    const { position } = await cluster.node(0).broker.publish(channel, draft, durable);
    for (const { broker } of cluster.nodes) {
      const page = await broker.history.read(channel, { limit: -1 }, metaTtlMs);
      expect(page.position).toEqual(position);
      expect(page.publications).toHaveLength(1);
      const publication = required(page.publications[0]);
      expect(text(publication.data)).toBe('{"a":"ü"}');
      expect(publication).toMatchObject({
        offset: 1,
        tags: { t: 'v' },
        time: draft.time,
        info: { user: 'ann', client: 'c1' },
      });
      expect(text(publication.info?.conn_info ?? bytes('none'))).toBe('{}');
    }
  });

  tests.test('what is seen live is in history with all before it', async () => {
    await using cluster = await TestCluster.start(factory, 2);
    const channel = newChannel();
    const { broker, record } = cluster.node(1);
    const reads: Promise<void>[] = [];
    record.onPublication = (_, { offset = 0 }) => {
      const read = async (): Promise<void> => {
        const page = await broker.history.read(channel, { limit: -1 }, metaTtlMs);
        expect(offsets(page).slice(0, offset)).toEqual(Array.from({ length: offset }, (__, i) => i + 1));
      };
      reads.push(read());
    };
    await broker.subscribe(channel);
    await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        cluster.node(i % 2).broker.publish(channel, { data: bytes(`${i}`) }, durable),
      ),
    );
    await eventually(() => expect(reads.length).toBeGreaterThanOrEqual(50));
    await Promise.all(reads);
  });

  tests.test('simultaneous publications leave no hole', async () => {
    await using cluster = await TestCluster.start(factory, 3);
    const channel = newChannel();
    const results = await Promise.all(
      Array.from({ length: 120 }, (_, i) =>
        cluster.node(i % 3).broker.publish(channel, { data: bytes(`${i}`) }, durable),
      ),
    );
    const page = await cluster.node(0).broker.history.read(channel, { limit: -1 }, metaTtlMs);
    expect(offsets(page)).toEqual(Array.from({ length: 120 }, (_, i) => i + 1));
    for (const [i, { position }] of results.entries()) {
      expect(text(required(page.publications[(position?.offset ?? 0) - 1]).data)).toBe(`${i}`);
    }
  });

  tests.test('pages forward and in reverse, from any position and of any size', async () => {
    await using cluster = await TestCluster.start(factory, 1);
    const node = cluster.node(0);
    const channel = newChannel();
    // 12 published, 8 kept: 5 to 12.
    await publishMany(node, channel, 12, { ...durable, historySize: 8 });
    const kept = [5, 6, 7, 8, 9, 10, 11, 12];
    const { position } = await node.broker.history.read(channel, { limit: 0 }, metaTtlMs);
    expect(position.offset).toBe(12);
    for (const limit of [-1, 0, 1, 3, 8, 20]) {
      for (const reverse of [false, true]) {
        for (const since of [undefined, 0, 1, 4, 5, 8, 11, 12, 13, 1_000]) {
          const query: HistoryQuery =
            since === undefined
              ? { limit, reverse }
              : { limit, reverse, since: { offset: since, epoch: position.epoch } };
          const page = await node.broker.history.read(channel, query, metaTtlMs);
          const asked = kept.filter((offset) => since === undefined || (reverse ? offset < since : offset > since));
          const ordered = reverse ? asked.toReversed() : asked;
          expect(offsets(page), JSON.stringify(query)).toEqual(limit < 0 ? ordered : ordered.slice(0, limit));
          expect(page.publications.map(({ data }) => text(data))).toEqual(offsets(page).map(String));
          expect(page.position).toEqual(position);
        }
      }
    }
  });

  tests.test('a position of another epoch shows nothing but the top', async () => {
    await using cluster = await TestCluster.start(factory, 1);
    const node = cluster.node(0);
    const channel = newChannel();
    await publishMany(node, channel, 3);
    const { position } = await node.broker.history.read(channel, { limit: 0 }, metaTtlMs);
    for (const reverse of [false, true]) {
      for (const offset of [0, 2, 9]) {
        const query = { limit: -1, reverse, since: { offset, epoch: `${position.epoch}x` } };
        expect(await node.broker.history.read(channel, query, metaTtlMs)).toEqual({ publications: [], position });
      }
    }
  });

  tests.test('history keeps no more than its size, also when that shrinks and grows', async () => {
    await using cluster = await TestCluster.start(factory, 1);
    const node = cluster.node(0);
    const channel = newChannel();
    const all = async (): Promise<unknown[]> =>
      offsets(await node.broker.history.read(channel, { limit: -1 }, metaTtlMs));
    await publishMany(node, channel, 7, { ...durable, historySize: 5 });
    expect(await all()).toEqual([3, 4, 5, 6, 7]);
    await publishMany(node, channel, 1, { ...durable, historySize: 2 });
    expect(await all()).toEqual([7, 8]);
    await publishMany(node, channel, 2, { ...durable, historySize: 3 });
    expect(await all()).toEqual([8, 9, 10]);
  });

  tests.test('a page does not change when more is published', async () => {
    await using cluster = await TestCluster.start(factory, 1);
    const node = cluster.node(0);
    const channel = newChannel();
    await publishMany(node, channel, 3, { ...durable, historySize: 3 });
    const page = await node.broker.history.read(channel, { limit: -1 }, metaTtlMs);
    await publishMany(node, channel, 5, { ...durable, historySize: 3 });
    expect(offsets(page)).toEqual([1, 2, 3]);
    expect(page.position.offset).toBe(3);
  });

  tests.test('remove forgets the publications; position and epoch stay', async () => {
    await using cluster = await TestCluster.start(factory, 2);
    const node = cluster.node(0);
    const [channel, other] = [newChannel(), newChannel()];
    await node.broker.history.remove(channel);
    await publishMany(node, channel, 3);
    await publishMany(node, other, 2);
    const before = await node.broker.history.read(channel, { limit: 0 }, metaTtlMs);
    await cluster.node(1).broker.history.remove(channel);
    const after = await node.broker.history.read(channel, { limit: -1 }, metaTtlMs);
    expect(after).toEqual({ publications: [], position: before.position });
    await publishMany(node, channel, 1);
    expect(offsets(await node.broker.history.read(channel, { limit: -1 }, metaTtlMs))).toEqual([4]);
    expect(offsets(await node.broker.history.read(other, { limit: -1 }, metaTtlMs))).toEqual([1, 2]);
  });

  tests.test('publications go after their ttl; the position stays', async () => {
    await using cluster = await TestCluster.start(factory, 1);
    const node = cluster.node(0);
    const channel = newChannel();
    await publishMany(node, channel, 2, { ...durable, historyTtlMs: 1_000 });
    const before = await node.broker.history.read(channel, { limit: -1 }, metaTtlMs);
    expect(before.publications).toHaveLength(2);
    await pass(cluster.clock, 1_500);
    const after = await node.broker.history.read(channel, { limit: -1 }, metaTtlMs);
    expect(after).toEqual({ publications: [], position: before.position });
    const { position } = await node.broker.publish(channel, { data: bytes('3') }, durable);
    expect(position).toEqual({ offset: 3, epoch: before.position.epoch });
  });

  tests.test('newer publications do not keep an older one beyond its ttl', async () => {
    await using cluster = await TestCluster.start(factory, 1);
    const node = cluster.node(0);
    const channel = newChannel();
    const options = { ...durable, historyTtlMs: 2_000 };
    await publishMany(node, channel, 1, options);
    await pass(cluster.clock, 1_200);
    await publishMany(node, channel, 1, options);
    await pass(cluster.clock, 1_200);
    expect(offsets(await node.broker.history.read(channel, { limit: -1 }, metaTtlMs))).toEqual([2]);
  });

  tests.test('a position is forgotten after its meta ttl, and comes back under another epoch', async () => {
    await using cluster = await TestCluster.start(factory, 1);
    const { broker } = cluster.node(0);
    const channel = newChannel();
    const options = { ...durable, historyTtlMs: 500, historyMetaTtlMs: 1_000 };
    const first = await broker.publish(channel, { data: bytes('1') }, options);
    await pass(cluster.clock, 1_500);
    const second = await broker.publish(channel, { data: bytes('2') }, options);
    expect(second.position?.offset).toBe(1);
    expect(second.position?.epoch).not.toBe(first.position?.epoch);
    const since = first.position as { offset: number; epoch: string };
    const page = await broker.history.read(channel, { limit: -1, since }, 1_000);
    expect(page.publications).toEqual([]);
  });

  tests.test('a position that is asked for is not forgotten', async () => {
    await using cluster = await TestCluster.start(factory, 1);
    const { broker } = cluster.node(0);
    const channel = newChannel();
    const options = { ...durable, historyTtlMs: 500, historyMetaTtlMs: 2_000 };
    const { position } = await broker.publish(channel, { data: bytes('1') }, options);
    for (let i = 0; i < 3; i++) {
      await pass(cluster.clock, 1_200);
      expect((await broker.history.read(channel, { limit: 0 }, 2_000)).position).toEqual(position);
    }
  });
}
