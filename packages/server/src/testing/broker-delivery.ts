/** Conformance of brokers: who receives what, in which order. */
import { expect } from 'vitest';
import {
  BrokerRecord,
  bytes,
  durable,
  ephemeral,
  newChannel,
  TestCluster,
  text,
  type BrokerFactory,
} from './broker-nodes.ts';
import { eventually, quiet, required, type SkippableTests } from './conformance.ts';

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

export function declareDeliveryTests(tests: SkippableTests, factory: BrokerFactory): void {
  tests.test('a publication arrives whole', async () => {
    await using cluster = await TestCluster.start(factory, 2);
    const channel = newChannel();
    const allBytes = Uint8Array.from(range(256));
    const info = { user: 'ann', client: 'c1', conn_info: bytes('{"a":1}'), chan_info: bytes('{"b":"ü"}') };
    await cluster.node(1).broker.subscribe(channel);
    const draft = { data: allBytes, info, tags: { kind: 'x', ключ: '' }, time: 1_700_000_000_123 };
    await cluster.node(0).broker.publish(channel, draft, durable);
    await cluster.node(0).broker.publish(channel, { data: new Uint8Array() }, ephemeral);
    const { record } = cluster.node(1);
    await eventually(() => expect(record.publications.get(channel)?.length).toBeGreaterThanOrEqual(2));
    const received = record.publications.get(channel) ?? [];
    const { data, ...rest } = required(received[0]).publication;
    expect([...data]).toEqual([...allBytes]);
    expect({ ...rest, info: plain(rest.info) }).toEqual({
      offset: 1,
      info: plain(info),
      tags: draft.tags,
      time: draft.time,
    });
    const last = required(received.at(-1)).publication;
    expect([...last.data]).toEqual([]);
    expect(last.info).toBeUndefined();
    expect(last.tags).toBeUndefined();
  });

  tests.test('only subscribed nodes receive, the publishing one too only then', async () => {
    await using cluster = await TestCluster.start(factory, 3);
    const [wanted, other] = [newChannel(), newChannel()];
    await cluster.node(0).broker.subscribe(other);
    await cluster.node(1).broker.subscribe(wanted);
    await cluster.node(2).broker.subscribe(wanted);
    await cluster.node(2).broker.subscribe(other);
    await cluster.node(0).broker.publish(wanted, { data: bytes('w') }, ephemeral);
    await cluster.node(1).broker.publish(other, { data: bytes('o') }, durable);
    await eventually(() => {
      expect(cluster.node(0).record.texts(other)).toEqual(['o']);
      expect(cluster.node(1).record.texts(wanted)).toEqual(['w']);
      expect(cluster.node(2).record.texts(wanted)).toEqual(['w']);
      expect(cluster.node(2).record.texts(other)).toEqual(['o']);
    });
    await quiet(cluster.clock);
    expect(cluster.node(0).record.publications.has(wanted)).toBe(false);
    expect(cluster.node(1).record.publications.has(other)).toBe(false);
  });

  tests.test('that nobody is subscribed is said only while no node is, by those that can say it', async () => {
    await using cluster = await TestCluster.start(factory, 3);
    const channel = newChannel();
    const [first, second] = [cluster.node(1).broker, cluster.node(2).broker];
    const said = (): (boolean | undefined)[] =>
      [0, 1, 2].map((node) => cluster.node(node).broker.isSubscribed?.(channel));
    const whatIs = (isSubscribed: boolean): void => {
      for (const answer of said()) expect([isSubscribed, undefined]).toContain(answer);
    };
    await eventually(() => whatIs(false));
    await first.subscribe(channel);
    whatIs(true);
    await second.subscribe(channel);
    await first.unsubscribe(channel);
    await quiet(cluster.clock);
    whatIs(true);
    await second.unsubscribe(channel);
    await eventually(() => whatIs(false));
  });

  tests.test('after subscribe every later publication arrives', async () => {
    await using cluster = await TestCluster.start(factory, 2);
    const channels = range(100).map(() => newChannel());
    await Promise.all(
      channels.map(async (channel) => {
        await cluster.node(1).broker.subscribe(channel);
        await cluster.node(0).broker.publish(channel, { data: bytes('later') }, ephemeral);
      }),
    );
    await eventually(() => {
      for (const channel of channels) expect(cluster.node(1).record.texts(channel)).toEqual(['later']);
    });
  });

  tests.test('after unsubscribe nothing arrives, after subscribing again it does', async () => {
    await using cluster = await TestCluster.start(factory, 2);
    const channel = newChannel();
    const { broker, record } = cluster.node(1);
    await broker.subscribe(channel);
    await cluster.node(0).broker.publish(channel, { data: bytes('1') }, ephemeral);
    await eventually(() => expect(record.texts(channel)).toEqual(['1']));
    await broker.unsubscribe(channel);
    await cluster.node(0).broker.publish(channel, { data: bytes('2') }, ephemeral);
    await quiet(cluster.clock);
    await broker.subscribe(channel);
    await cluster.node(0).broker.publish(channel, { data: bytes('3') }, ephemeral);
    await eventually(() => expect(record.texts(channel)).toEqual(['1', '3']));
  });

  tests.test('subscribe and unsubscribe are idempotent', async () => {
    await using cluster = await TestCluster.start(factory, 2);
    const channel = newChannel();
    const { broker, record } = cluster.node(1);
    await broker.unsubscribe(channel);
    await broker.subscribe(channel);
    await broker.subscribe(channel);
    await cluster.node(0).broker.publish(channel, { data: bytes('1') }, ephemeral);
    await eventually(() => expect(record.texts(channel)).toEqual(['1']));
    await broker.unsubscribe(channel);
    await cluster.node(0).broker.publish(channel, { data: bytes('2') }, ephemeral);
    await broker.unsubscribe(channel);
    await quiet(cluster.clock);
    expect(record.texts(channel)).toEqual(['1']);
  });

  tests.test('the last of subscribe and unsubscribe holds, however fast they follow', async () => {
    await using cluster = await TestCluster.start(factory, 2);
    const { broker, record } = cluster.node(1);
    const [on, off] = [newChannel(), newChannel()];
    const calls: Promise<void>[] = [];
    for (let i = 0; i < 10; i++) {
      calls.push(broker.subscribe(off), broker.unsubscribe(off), broker.unsubscribe(on), broker.subscribe(on));
    }
    await Promise.all(calls);
    await cluster.node(0).broker.publish(off, { data: bytes('off') }, ephemeral);
    await cluster.node(0).broker.publish(on, { data: bytes('on') }, ephemeral);
    await eventually(() => expect(record.texts(on)).toEqual(['on']));
    await quiet(cluster.clock);
    expect(record.texts(off)).toEqual([]);
  });

  tests.test('every node sees one order, with history in offset order', async () => {
    await using cluster = await TestCluster.start(factory, 3);
    const [plainChannel, historyChannel] = [newChannel('plain'), newChannel('history')];
    for (const { broker } of cluster.nodes) {
      await broker.subscribe(plainChannel);
      await broker.subscribe(historyChannel);
    }
    await Promise.all(
      range(150).map(async (i) => {
        const { broker } = cluster.node(i % 3);
        await Promise.all([
          broker.publish(plainChannel, { data: bytes(`p${i}`) }, ephemeral),
          broker.publish(historyChannel, { data: bytes(`h${i}`) }, durable),
        ]);
      }),
    );
    await eventually(() => {
      for (const { record } of cluster.nodes) {
        expect(record.texts(plainChannel)).toHaveLength(150);
        expect(record.texts(historyChannel)).toHaveLength(150);
      }
    });
    const first = cluster.node(0).record;
    for (const { record } of cluster.nodes) {
      expect(record.texts(plainChannel)).toEqual(first.texts(plainChannel));
      expect(record.texts(historyChannel)).toEqual(first.texts(historyChannel));
      const offsets = (record.publications.get(historyChannel) ?? []).map((received) => received.publication.offset);
      expect([...new Set(offsets)]).toEqual(range(150).map((i) => i + 1));
    }
  });

  tests.test('what one node publishes without waiting arrives in that order', async () => {
    await using cluster = await TestCluster.start(factory, 2);
    const channel = newChannel();
    await cluster.node(1).broker.subscribe(channel);
    const sent = range(200).map(String);
    await Promise.all(sent.map((each) => cluster.node(0).broker.publish(channel, { data: bytes(each) }, durable)));
    await eventually(() => expect(cluster.node(1).record.texts(channel)).toEqual(sent));
  });

  tests.test('what a sink publishes in turn comes after, on every node', async () => {
    await using cluster = await TestCluster.start(factory, 3);
    const channel = newChannel();
    for (const { broker } of cluster.nodes) await broker.subscribe(channel);
    const answers: Promise<unknown>[] = [];
    const { broker, record } = cluster.node(0);
    record.onPublication = (_, publication) => {
      if (text(publication.data) !== 'question' || answers.length > 0) return;
      answers.push(broker.publish(channel, { data: bytes('answer') }, durable));
    };
    await cluster.node(1).broker.publish(channel, { data: bytes('question') }, durable);
    await eventually(() => {
      for (const node of cluster.nodes) expect(node.record.texts(channel)).toEqual(['question', 'answer']);
    });
    await Promise.all(answers);
  });

  tests.test('joins and leaves reach the subscribed nodes, in order', async () => {
    await using cluster = await TestCluster.start(factory, 3);
    const channel = newChannel();
    const info = { user: 'ann', client: 'c1', conn_info: bytes('{}') };
    await cluster.node(0).broker.subscribe(channel);
    await cluster.node(1).broker.subscribe(channel);
    await cluster.node(0).broker.publishJoin(channel, info);
    await cluster.node(2).broker.publishLeave(channel, info);
    await eventually(() => {
      for (const { record } of [cluster.node(0), cluster.node(1)]) {
        expect(record.joins[0]).toMatchObject({ channel, info: { user: 'ann', client: 'c1' } });
        expect(record.leaves[0]).toMatchObject({ channel, info: { user: 'ann', client: 'c1' } });
        expect(plain(record.joins[0]?.info)).toEqual(plain(info));
      }
    });
    await quiet(cluster.clock);
    expect(cluster.node(2).record.joins).toEqual([]);
    expect(cluster.node(2).record.leaves).toEqual([]);
    expect(cluster.node(0).record.publications.size).toBe(0);
  });

  tests.test('a control message reaches one node, or all', async () => {
    await using cluster = await TestCluster.start(factory, 3);
    const [first, second, third] = [cluster.node(0), cluster.node(1), cluster.node(2)];
    expect(new Set(cluster.nodes.map(({ broker }) => broker.nodeId)).size).toBe(3);
    expect(await first.broker.sendControl(second.broker.nodeId, bytes('to second'))).toBe(true);
    expect(await first.broker.sendControl(first.broker.nodeId, bytes('to myself'))).toBe(true);
    await first.broker.sendControl('no such node', bytes('to nobody'));
    await eventually(() => {
      expect(first.record.controls).toEqual(['to myself']);
      expect(second.record.controls).toEqual(['to second']);
    });
    expect(await third.broker.sendControl(undefined, bytes('to all'))).toBe(true);
    await eventually(() => {
      expect(first.record.controls).toEqual(['to myself', 'to all']);
      expect(second.record.controls).toEqual(['to second', 'to all']);
      expect(third.record.controls).toEqual(['to all']);
    });
  });

  tests.test('a stopped broker reports nothing more, and the others go on', async () => {
    await using cluster = await TestCluster.start(factory, 2);
    const channel = newChannel();
    for (const { broker } of cluster.nodes) await broker.subscribe(channel);
    const stopped = cluster.node(1);
    await stopped.broker.stop();
    await stopped.broker.stop();
    await cluster.node(0).broker.publish(channel, { data: bytes('on') }, durable);
    await cluster.node(0).broker.sendControl(undefined, bytes('on'));
    await eventually(() => expect(cluster.node(0).record.texts(channel)).toEqual(['on']));
    await quiet(cluster.clock);
    expect(stopped.record.publications.size).toBe(0);
    expect(stopped.record.controls).toEqual([]);
    await expect(stopped.broker.publish(channel, { data: bytes('off') }, durable)).rejects.toThrow();
  });

  tests.test('stop without start does nothing', async () => {
    const nodes = await factory(1);
    for (const broker of nodes.brokers) {
      broker.onEvent(new BrokerRecord());
      await broker.stop();
    }
    await nodes.stop();
  });
}

/** Payloads as text, so that kinds of byte array do not matter. */
function plain(info: object | undefined): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(info ?? {}).map(([name, value]) => [name, value instanceof Uint8Array ? text(value) : value]),
  );
}
