import { describe, expect, test } from 'vitest';
import { FakeClock } from '../lib/clock.ts';
import { BrokerRecord, bytes, durable, ephemeral, text } from '../testing/broker-nodes.ts';
import { testBroker } from '../testing/broker-suite.ts';
import { MemoryBroker, MemoryBus, type MemoryBrokerOptions } from './memory.ts';
import { createLogger } from '../lib/logger.ts';

testBroker('memory broker', async (nodes) => {
  const clock = new FakeClock();
  const bus = nodes === 1 ? undefined : new MemoryBus({ clock });
  const brokers = Array.from({ length: nodes }, () => new MemoryBroker(bus ? { clock, bus } : { clock }));
  const stop = async (): Promise<void> => {
    for (const broker of brokers) await broker.stop();
  };
  return { brokers, clock, stop };
});

async function start(options: Partial<MemoryBrokerOptions> = {}) {
  const clock = new FakeClock();
  const broker = new MemoryBroker({ clock, ...options });
  const record = new BrokerRecord();
  broker.onEvent(record);
  await broker.start();
  return { broker, clock, record };
}

const oneKilobyte = { data: new Uint8Array(1_024) };

describe('MemoryBroker', () => {
  test('calls the sink before publish returns', async () => {
    const { broker, record } = await start();
    await broker.subscribe('a');
    const published = broker.publish('a', { data: bytes('x') }, ephemeral);
    expect(record.texts('a')).toEqual(['x']);
    await published;
  });

  test('keeps payloads by reference', async () => {
    const { broker, record } = await start();
    await broker.subscribe('a');
    const data = bytes('x');
    await broker.publish('a', { data }, durable);
    expect(record.publications.get('a')?.[0]?.publication.data).toBe(data);
  });

  test('knows that a node does not exist', async () => {
    const { broker } = await start();
    expect(await broker.sendControl('nobody', bytes('x'))).toBe(false);
  });

  test('two nodes of one id do not start on one bus', async () => {
    const clock = new FakeClock();
    const bus = new MemoryBus({ clock });
    const first = new MemoryBroker({ clock, bus, nodeId: 'n' });
    const second = new MemoryBroker({ clock, bus, nodeId: 'n' });
    await first.start();
    await expect(second.start()).rejects.toThrow('an id of its own');
    // The failed one leaves nothing behind and takes nobody along.
    await second.stop();
    expect(await first.sendControl('n', bytes('x'))).toBe(true);
  });

  test('the log outlives a restart on the same bus, subscriptions do not', async () => {
    const { broker, record } = await start();
    await broker.subscribe('a');
    await broker.publish('a', { data: bytes('1') }, durable);
    await broker.stop();
    await expect(broker.history.read('a', { limit: -1 }, 1_000)).rejects.toThrow('not running');
    await broker.start();
    await broker.publish('a', { data: bytes('2') }, durable);
    expect(record.texts('a')).toEqual(['1']);
    expect((await broker.history.read('a', { limit: -1 }, 1_000)).publications).toHaveLength(2);
  });

  test('a sink that throws keeps no other node from receiving', async () => {
    const clock = new FakeClock();
    const bus = new MemoryBus({ clock });
    const [broken, sound] = [new BrokerRecord(), new BrokerRecord()];
    for (const record of [broken, sound]) {
      const broker = new MemoryBroker({ clock, bus });
      broker.onEvent(record);
      await broker.start();
      await broker.subscribe('a');
    }
    broken.onPublication = () => {
      throw new Error('broken sink');
    };
    const publisher = new MemoryBroker({ clock, bus });
    await publisher.start();
    await publisher.publish('a', { data: bytes('1') }, durable);
    await publisher.publish('a', { data: bytes('2') }, durable);
    expect(sound.texts('a')).toEqual(['1', '2']);
  });

  test('a shorter ttl holds for what is there already', async () => {
    const { broker, clock } = await start();
    await broker.publish('a', { data: bytes('1') }, durable);
    await broker.publish('a', { data: bytes('2') }, { ...durable, historyTtlMs: 1_000 });
    await broker.publish('a', { data: bytes('3') }, durable);
    await clock.advance(1_500);
    const page = await broker.history.read('a', { limit: -1 }, 60_000);
    expect(page.publications.map(({ offset }) => offset)).toEqual([3]);
  });

  test('a position outlives its publications whatever its meta ttl', async () => {
    const { broker, clock } = await start();
    const options = { ...durable, historyTtlMs: 10_000, historyMetaTtlMs: 1_000 };
    await broker.publish('a', { data: bytes('1') }, options);
    await clock.advance(1_000);
    await broker.publish('a', { data: bytes('2') }, options);
    await clock.advance(9_500);
    const page = await broker.history.read('a', { limit: -1 }, 1);
    expect(page.publications.map(({ data }) => text(data))).toEqual(['2']);
  });

  test('beyond maxBytes the least recently used channels lose their publications, not their position', async () => {
    const { broker } = await start({ maxBytes: 20_000 });
    const positions = [];
    for (const channel of ['a', 'b', 'c']) {
      for (let i = 0; i < 4; i++) positions.push((await broker.publish(channel, oneKilobyte, durable)).position);
    }
    const length = async (channel: string) =>
      (await broker.history.read(channel, { limit: -1 }, 60_000)).publications.length;
    expect(await length('a')).toBe(4);
    for (let i = 0; i < 4; i++) await broker.publish('d', oneKilobyte, durable);
    expect([await length('a'), await length('b'), await length('c'), await length('d')]).toEqual([4, 0, 4, 4]);
    expect((await broker.history.read('b', { limit: -1 }, 60_000)).position).toEqual(positions[7]);
    expect(broker.usage.droppedPublications).toBe(4);
    expect(broker.usage.bytes).toBeLessThanOrEqual(20_000);
  });

  test('a channel alone beyond maxBytes loses its oldest', async () => {
    const { broker } = await start({ maxBytes: 10_000 });
    for (let i = 0; i < 100; i++) await broker.publish('a', oneKilobyte, durable);
    const page = await broker.history.read('a', { limit: -1 }, 60_000);
    expect(page.publications.length).toBeGreaterThan(3);
    expect(page.publications.at(-1)?.offset).toBe(100);
    expect(page.publications[0]?.offset).toBe(101 - page.publications.length);
    // One that fits nowhere is delivered and not kept.
    const { position } = await broker.publish('a', { data: new Uint8Array(20_000) }, durable);
    expect(position?.offset).toBe(101);
    expect(await broker.history.read('a', { limit: -1 }, 60_000)).toEqual({ publications: [], position });
    expect(broker.usage.bytes).toBe(0);
  });

  test('beyond maxChannels the least recently used position is forgotten', async () => {
    const { broker } = await start({ maxChannels: 3 });
    const kept = await broker.publish('kept', { data: bytes('1') }, durable);
    const first = await broker.history.read('first', { limit: 0 }, 60_000);
    for (const channel of ['second', 'third', 'fourth']) await broker.history.read(channel, { limit: 0 }, 60_000);
    expect(broker.usage).toMatchObject({ channels: 3, droppedPositions: 2, droppedPublications: 0 });
    expect((await broker.history.read('kept', { limit: -1 }, 60_000)).position).toEqual(kept.position);
    expect((await broker.history.read('first', { limit: 0 }, 60_000)).position.epoch).not.toBe(first.position.epoch);
  });

  test('idempotency keys are bounded: those that would expire first go', async () => {
    const { broker } = await start({ maxBytes: 20_000 });
    const publish = (key: string) =>
      broker.publish('a', { data: bytes('x') }, { ...ephemeral, idempotencyKey: key, idempotencyTtlMs: 60_000 });
    for (let i = 0; i < 1_000; i++) await publish(`key ${i}`);
    expect(broker.usage.bytes).toBeLessThanOrEqual(10_000);
    expect(broker.usage.droppedKeys).toBeGreaterThan(900);
    expect((await publish('key 999')).skipped).toBe('idempotency');
    expect((await publish('key 0')).skipped).toBeUndefined();
  });

  test('what a bound costs is logged once a minute', async () => {
    const lines: string[] = [];
    const logger = createLogger('info', { write: (line: string) => void lines.push(line) });
    const { broker, clock } = await start({ maxBytes: 2_000, logger });
    for (let i = 0; i < 50; i++) await broker.publish('a', oneKilobyte, durable);
    expect(lines).toHaveLength(1);
    await clock.advance(60_000);
    for (let i = 0; i < 50; i++) await broker.publish('a', oneKilobyte, durable);
    expect(lines).toHaveLength(2);
    expect(JSON.parse(lines[1] ?? '')).toMatchObject({
      level: 'warn',
      droppedPublications: broker.usage.droppedPublications - 49,
    });
  });

  test('what has expired is gone at once, before any sweep', async () => {
    const { broker, clock } = await start();
    const options = {
      historySize: 9,
      historyTtlMs: 100,
      historyMetaTtlMs: 200,
      idempotencyKey: 'k',
      idempotencyTtlMs: 50,
    };
    const first = await broker.publish('a', { data: bytes('1') }, options);
    await clock.advance(49);
    expect((await broker.publish('a', { data: bytes('x') }, options)).skipped).toBe('idempotency');
    await clock.advance(1);
    expect((await broker.publish('a', { data: bytes('2') }, options)).skipped).toBeUndefined();
    await clock.advance(50);
    const page = await broker.history.read('a', { limit: -1 }, 200);
    expect(page.publications.map(({ offset }) => offset)).toEqual([2]);
    await clock.advance(199);
    const last = await broker.history.read('a', { limit: -1 }, 200);
    expect(last).toEqual({ publications: [], position: { offset: 2, epoch: first.position?.epoch } });
    await clock.advance(200);
    const forgotten = await broker.history.read('a', { limit: -1 }, 200);
    expect(forgotten.position.offset).toBe(0);
    expect(forgotten.position.epoch).not.toBe(first.position?.epoch);
  });

  test('a key used again after its ttl is remembered for its whole new ttl', async () => {
    const { broker, clock } = await start();
    const publish = (idempotencyTtlMs: number) =>
      broker.publish('a', { data: bytes('x') }, { ...ephemeral, idempotencyKey: 'k', idempotencyTtlMs });
    await publish(100);
    await clock.advance(150);
    expect((await publish(60_000)).skipped).toBeUndefined();
    await clock.advance(30_000);
    expect((await publish(60_000)).skipped).toBe('idempotency');
    await clock.advance(40_000);
    expect(broker.usage.bytes).toBe(0);
  });

  test('publications do not wait in memory for the expiry of a position known before them', async () => {
    const { broker, clock } = await start();
    await broker.history.read('a', { limit: 0 }, durable.historyMetaTtlMs);
    await broker.publish('a', oneKilobyte, { ...durable, historyTtlMs: 5_000 });
    expect(broker.usage.bytes).toBeGreaterThan(1_024);
    await clock.advance(6_000);
    expect(broker.usage).toMatchObject({ channels: 1, bytes: 0 });
  });

  test('a node stopped while a message is handed round does not receive it', async () => {
    const clock = new FakeClock();
    const bus = new MemoryBus({ clock });
    const [first, second] = [new MemoryBroker({ clock, bus }), new MemoryBroker({ clock, bus })];
    const [stopping, stopped] = [new BrokerRecord(), new BrokerRecord()];
    stopping.control = () => void second.stop();
    first.onEvent(stopping);
    second.onEvent(stopped);
    await first.start();
    await second.start();
    await first.sendControl(undefined, bytes('x'));
    expect(stopped.controls).toEqual([]);
  });

  test('lets go of everything in time, and of its timer', async () => {
    const { broker, clock } = await start();
    const options = { ...durable, historyTtlMs: 5_000, historyMetaTtlMs: 10_000 };
    for (let i = 0; i < 200; i++) {
      await broker.publish(`channel ${i}`, oneKilobyte, { ...options, idempotencyKey: 'k', idempotencyTtlMs: 7_000 });
    }
    expect(broker.usage.channels).toBe(200);
    await clock.advance(7_000);
    expect(broker.usage).toMatchObject({ channels: 200, bytes: 0 });
    await clock.advance(5_000);
    expect(broker.usage).toMatchObject({
      channels: 0,
      bytes: 0,
      droppedPublications: 0,
      droppedPositions: 0,
      droppedKeys: 0,
    });
  });
});
