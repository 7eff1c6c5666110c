/** Conformance of brokers: what `publish` answers, and when it does nothing. */
import { expect } from 'vitest';
import { bytes, durable, ephemeral, newChannel, TestCluster, text, type BrokerFactory } from './broker-nodes.ts';
import { eventually, pass, quiet, type SkippableTests } from './conformance.ts';

export function declarePublishTests(tests: SkippableTests, factory: BrokerFactory): void {
  tests.test('with history offsets count from 1 and belong to one epoch', async () => {
    await using cluster = await TestCluster.start(factory, 2);
    const channel = newChannel();
    await cluster.node(1).broker.subscribe(channel);
    const epochs = new Set<string>();
    for (let i = 1; i <= 6; i++) {
      const { position, skipped } = await cluster.node(i % 2).broker.publish(channel, { data: bytes(`${i}`) }, durable);
      expect(position?.offset).toBe(i);
      expect(skipped).toBeUndefined();
      epochs.add(position?.epoch ?? '');
    }
    expect(epochs.size).toBe(1);
    expect(epochs.has('')).toBe(false);
    const { record } = cluster.node(1);
    await eventually(() => expect(record.texts(channel)).toEqual(['1', '2', '3', '4', '5', '6']));
    for (const { publication, position } of record.publications.get(channel) ?? []) {
      expect(publication.offset).toBe(Number(text(publication.data)));
      expect(position).toEqual({ offset: publication.offset, epoch: [...epochs][0] });
    }
  });

  tests.test('without history there is no position, and nothing is kept', async () => {
    await using cluster = await TestCluster.start(factory, 1);
    const channel = newChannel();
    const { broker, record } = cluster.node(0);
    await broker.subscribe(channel);
    expect(await broker.publish(channel, { data: bytes('x') }, ephemeral)).toEqual({ position: undefined });
    await eventually(() => expect(record.texts(channel)).toEqual(['x']));
    const received = record.publications.get(channel)?.[0];
    expect(received?.position).toBeUndefined();
    expect(received?.publication.offset).toBeUndefined();
    const page = await broker.history.read(channel, { limit: -1 }, 60_000);
    expect(page.publications).toEqual([]);
    expect(page.position.offset).toBe(0);
  });

  tests.test('a publication without history leaves the position of a channel alone', async () => {
    await using cluster = await TestCluster.start(factory, 1);
    const channel = newChannel();
    const { broker } = cluster.node(0);
    await broker.publish(channel, { data: bytes('kept') }, durable);
    await broker.publish(channel, { data: bytes('signal') }, ephemeral);
    const { position } = await broker.publish(channel, { data: bytes('kept too') }, durable);
    expect(position?.offset).toBe(2);
  });

  tests.test('a given position is carried as it is, holes and all, and nothing is kept', async () => {
    await using cluster = await TestCluster.start(factory, 2);
    const channel = newChannel();
    const { broker } = cluster.node(0);
    for (const { broker: other } of cluster.nodes) await other.subscribe(channel);
    for (const offset of [7, 8, 12]) {
      const position = { offset, epoch: 'elsewhere' };
      const result = await broker.publish(channel, { data: bytes(`${offset}`) }, { ...ephemeral, position });
      expect(result).toEqual({ position });
    }
    await broker.publish(channel, { data: bytes('signal') }, ephemeral);
    for (const { record } of cluster.nodes) {
      await eventually(() => expect(record.texts(channel)).toEqual(['7', '8', '12', 'signal']));
      for (const { publication, position } of record.publications.get(channel) ?? []) {
        const offset = Number(text(publication.data)) || undefined;
        expect(publication.offset).toBe(offset);
        expect(position).toEqual(offset && { offset, epoch: 'elsewhere' });
      }
    }
    const page = await cluster.node(1).broker.history.read(channel, { limit: -1 }, 60_000);
    expect(page.publications).toEqual([]);
    expect(page.position.offset).toBe(0);
    expect(page.position.epoch).not.toBe('elsewhere');
  });

  tests.test('a given position is carried though the options say that history is kept', async () => {
    await using cluster = await TestCluster.start(factory, 1);
    const channel = newChannel();
    const { broker } = cluster.node(0);
    const position = { offset: 41, epoch: 'elsewhere' };
    expect(await broker.publish(channel, { data: bytes('x') }, { ...durable, position })).toEqual({ position });
    const page = await broker.history.read(channel, { limit: -1 }, 60_000);
    expect(page.publications).toEqual([]);
    expect(page.position.offset).toBe(0);
  });

  tests.test('a second publication with the same key does nothing and returns the first result', async () => {
    await using cluster = await TestCluster.start(factory, 2);
    const channel = newChannel();
    const { broker, record } = cluster.node(0);
    await broker.subscribe(channel);
    const options = { ...durable, idempotencyKey: 'k', idempotencyTtlMs: 60_000 };
    const first = await broker.publish(channel, { data: bytes('first') }, options);
    await broker.publish(channel, { data: bytes('between') }, durable);
    const again = await broker.publish(channel, { data: bytes('again') }, options);
    const elsewhere = await cluster.node(1).broker.publish(channel, { data: bytes('elsewhere') }, options);
    expect(first.skipped).toBeUndefined();
    expect(again).toEqual({ position: first.position, skipped: 'idempotency' });
    expect(elsewhere).toEqual({ position: first.position, skipped: 'idempotency' });
    await quiet(cluster.clock);
    expect(record.texts(channel)).toEqual(['first', 'between']);
    const page = await broker.history.read(channel, { limit: -1 }, 60_000);
    expect(page.publications.map(({ data }) => text(data))).toEqual(['first', 'between']);
  });

  tests.test('a key holds for its channel only, and without history too', async () => {
    await using cluster = await TestCluster.start(factory, 2);
    const [channel, other] = [newChannel(), newChannel()];
    const { broker, record } = cluster.node(0);
    await broker.subscribe(channel);
    await broker.subscribe(other);
    const options = { ...ephemeral, idempotencyKey: 'k', idempotencyTtlMs: 60_000 };
    expect(await broker.publish(channel, { data: bytes('1') }, options)).toEqual({ position: undefined });
    expect(await broker.publish(other, { data: bytes('2') }, options)).toEqual({ position: undefined });
    const again = await cluster.node(1).broker.publish(channel, { data: bytes('3') }, options);
    expect(again).toEqual({ position: undefined, skipped: 'idempotency' });
    await quiet(cluster.clock);
    expect(record.texts(channel)).toEqual(['1']);
    expect(record.texts(other)).toEqual(['2']);
  });

  tests.test('of simultaneous publications with one key one is made', async () => {
    await using cluster = await TestCluster.start(factory, 3);
    const channel = newChannel();
    const { broker, record } = cluster.node(0);
    await broker.subscribe(channel);
    const options = { ...durable, idempotencyKey: 'k', idempotencyTtlMs: 60_000 };
    const results = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        cluster.node(i % 3).broker.publish(channel, { data: bytes(`${i}`) }, options),
      ),
    );
    expect(results.filter(({ skipped }) => skipped === undefined)).toHaveLength(1);
    for (const { position } of results) expect(position).toEqual(results[0]?.position);
    await quiet(cluster.clock);
    expect(record.texts(channel)).toHaveLength(1);
    expect((await broker.history.read(channel, { limit: 0 }, 60_000)).position.offset).toBe(1);
  });

  tests.test('a key is forgotten after its ttl', async () => {
    await using cluster = await TestCluster.start(factory, 1);
    const channel = newChannel();
    const { broker } = cluster.node(0);
    const options = { ...durable, idempotencyKey: 'k', idempotencyTtlMs: 1_000 };
    await broker.publish(channel, { data: bytes('1') }, options);
    await pass(cluster.clock, 1_500);
    const again = await broker.publish(channel, { data: bytes('2') }, options);
    expect(again.skipped).toBeUndefined();
    expect(again.position?.offset).toBe(2);
  });

  tests.test('a publication of no newer version does nothing', async () => {
    await using cluster = await TestCluster.start(factory, 2);
    const channel = newChannel();
    const { broker, record } = cluster.node(0);
    await broker.subscribe(channel);
    const versions = [5, 5, 4, 6, 1, 7];
    const results = [];
    for (const [i, version] of versions.entries()) {
      const options = { ...durable, version, versionEpoch: 'a' };
      results.push(await cluster.node(i % 2).broker.publish(channel, { data: bytes(`${i}: v${version}`) }, options));
    }
    expect(results.map(({ skipped }) => skipped)).toEqual([
      undefined,
      'version',
      'version',
      undefined,
      'version',
      undefined,
    ]);
    expect(results.map(({ position }) => position?.offset)).toEqual([1, 1, 1, 2, 2, 3]);
    await eventually(() => expect(record.texts(channel)).toEqual(['0: v5', '3: v6', '5: v7']));
    expect((await broker.history.read(channel, { limit: -1 }, 60_000)).publications).toHaveLength(3);
  });

  tests.test('versions are compared within one version epoch', async () => {
    await using cluster = await TestCluster.start(factory, 1);
    const channel = newChannel();
    const { broker } = cluster.node(0);
    const publish = async (version: number, versionEpoch: string) =>
      (await broker.publish(channel, { data: bytes('x') }, { ...durable, version, versionEpoch })).skipped;
    expect(await publish(9, 'a')).toBeUndefined();
    expect(await publish(1, 'b')).toBeUndefined();
    expect(await publish(1, 'b')).toBe('version');
    expect(await publish(2, 'b')).toBeUndefined();
  });

  tests.test('a version outlives the publication it came with', async () => {
    await using cluster = await TestCluster.start(factory, 1);
    const channel = newChannel();
    const { broker } = cluster.node(0);
    const options = { ...durable, historySize: 1, version: 3, versionEpoch: 'a' };
    await broker.publish(channel, { data: bytes('versioned') }, options);
    await broker.publish(channel, { data: bytes('unversioned') }, { ...durable, historySize: 1 });
    expect((await broker.publish(channel, { data: bytes('late') }, options)).skipped).toBe('version');
    await broker.history.remove(channel);
    expect((await broker.publish(channel, { data: bytes('late') }, options)).skipped).toBe('version');
  });
}
