/**
 * The first promise where a module owns the history and keeps only the latest state of each thing: whatever is lost,
 * late or doubled on the way, a client that applies publications by key ends with the state of the source, or was told to
 * read it anew.
 */
import { formats, type Publication, type Reply } from '@tidings/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryBroker, MemoryBus } from './brokers/memory.ts';
import { createEngine, type Engine } from './engine.ts';
import { FakeClock, settle } from './lib/clock.ts';
import { createLogger } from './lib/logger.ts';
import { SqliteStore } from './stores/sqlite.ts';
import { FaultyBroker, type Fault } from './testing/faulty-broker.ts';
import { MapModules, type Change } from './testing/map-module.ts';
import { MemoryTransport, type MemoryClient } from './transports/memory.ts';

const name = 'news';
const channel = `map:${name}`;
const keys = ['a', 'b', 'c', 'd', 'e', 'f'];
const clientCount = 3;
/** Fewer than keys, so that there can be too much. */
const recoveredPublications = 4;

type Step =
  | { readonly do: 'set'; readonly node: number; readonly keys: readonly string[] }
  | { readonly do: 'drop' | 'return' | 'hold' | 'release'; readonly who: number }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'forget'; readonly back: number }
  | { readonly do: 'restart' }
  | { readonly do: 'fault'; readonly node: number; readonly fault: Fault };

const who = fc.integer({ min: 0, max: clientCount - 1 });
const node = fc.integer({ min: 0, max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('set' as const),
      node,
      keys: fc.array(fc.constantFrom(...keys), { minLength: 1, maxLength: 6 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('drop' as const, 'return' as const), who }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('hold' as const, 'release' as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(10, 400, 1_500) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), back: fc.integer({ min: 0, max: 3 }) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('fault' as const),
      node,
      fault: fc.constantFrom<Fault>('none', 'late', 'twice', 'lost'),
    }),
  },
);

/** What happened over all runs: a property that only ever resets would hold too. */
const seen = { recovered: 0, holes: 0, resets: 0 };

/** Keeps its position and its state; reads the state anew only when it is told to. */
class MapClient {
  readonly #dial: () => MemoryClient;
  readonly #source: MapModules;
  client: MemoryClient | undefined;
  opening: Promise<void> | undefined;
  epoch = '';
  offset = 0;
  isKnown = false;
  state = new Map<string, unknown>();

  constructor(dial: () => MemoryClient, source: MapModules) {
    this.#dial = dial;
    this.#source = source;
  }

  start(): void {
    this.opening ??= this.#unlessCut(this.open()).finally(() => {
      this.opening = undefined;
    });
  }

  async open(): Promise<void> {
    if (this.client && !this.client.closeReason) return;
    this.client = this.#dial();
    expect((await this.client.request({ connect: {} })).error).toBeUndefined();
    await this.subscribe();
  }

  async subscribe(): Promise<void> {
    const from = this.isKnown ? { recover: true, epoch: this.epoch, offset: this.offset } : {};
    const reply = await (this.client as MemoryClient).request({ subscribe: { channel, ...from } });
    expect(reply.error).toBeUndefined();
    const result = reply.subscribe ?? {};
    this.epoch = result.epoch ?? '';
    if (this.isKnown && result.recovered) {
      seen.recovered++;
      const offsets = (result.publications ?? []).map(({ offset = 0 }) => offset);
      expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
      expect(offsets.length).toBeLessThanOrEqual(recoveredPublications + 20);
      if (offsets.some((offset, i) => i > 0 && offset !== (offsets[i - 1] as number) + 1)) seen.holes++;
    } else {
      if (this.isKnown) seen.resets++;
      expect(result.publications ?? []).toEqual([]);
      this.isKnown = true;
      this.offset = result.offset ?? 0;
      this.state = new Map([...this.#source.map(name).entries].map(([key, { value }]) => [key, value]));
    }
    for (const publication of result.publications ?? []) this.take(publication);
  }

  take(publication: Publication): void {
    expect(publication.offset).toBeGreaterThan(this.offset);
    this.offset = publication.offset as number;
    const { key, value } = JSON.parse(new TextDecoder().decode(publication.data)) as Change;
    this.state.set(key, value);
  }

  async drain(): Promise<void> {
    for (;;) {
      const { client } = this;
      if (!client || this.opening) return;
      const reply: Reply | undefined = client.inbox[0];
      if (!reply) return;
      await client.next();
      if (reply.push?.pub) this.take(reply.push.pub);
      if (reply.push?.unsubscribe) {
        expect(reply.push.unsubscribe.code).toBe(2500);
        await this.#unlessCut(this.subscribe());
      }
    }
  }

  async #unlessCut(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (!this.client?.closeReason) throw error;
    }
  }

  drop(): void {
    this.client?.close();
    this.client = undefined;
  }
}

async function run(steps: readonly Step[], nodes: number, protobuf: boolean): Promise<void> {
  const clock = new FakeClock();
  const logger = createLogger('silent');
  const bus = new MemoryBus({ clock, logger });
  const source = new MapModules();
  // As long as a query takes, and a little differently each time.
  source.beforeRead = settle;
  source.afterRead = settle;
  const engines: Engine[] = [];
  const brokers: FaultyBroker[] = [];
  for (let i = 0; i < nodes; i++) {
    const broker = new FaultyBroker(new MemoryBroker({ clock, logger, bus }));
    brokers.push(broker);
    engines.push(
      createEngine({
        clock,
        logger,
        listen: false,
        broker,
        store: new SqliteStore({ file: ':memory:', synchronous: 'off', timeoutMs: 1_000, clock, logger }),
        modules: [source.factory],
        config: {
          mode: 'development',
          auth: { anonymous: true },
          timeouts: { positionCheck: 1_000 },
          limits: { bufferedBytesPerConnection: 400, commandsPerSecondPerConnection: 0, recoveredPublications },
        },
      }),
    );
  }
  for (const engine of engines) await engine.start();
  let dials = 0;
  const dial = (): MemoryClient => {
    const engine = engines[dials++ % engines.length] as Engine;
    const format = protobuf ? formats.websocketProtobuf : formats.websocketJson;
    return new MemoryTransport({ accept: engine.accept }).connect({ format });
  };
  const clients = Array.from({ length: clientCount }, () => new MapClient(dial, source));
  let written = 0;
  try {
    for (const client of clients) await client.open();
    for (const next of steps) {
      if (next.do === 'set') {
        for (const key of next.keys) await source.set(name, key, ++written, source.contexts[next.node % nodes]);
      } else if (next.do === 'drop') {
        if (!clients[next.who]?.opening) clients[next.who]?.drop();
      } else if (next.do === 'return') clients[next.who]?.start();
      else if (next.do === 'fault') {
        const broker = brokers[next.node % nodes] as FaultyBroker;
        broker.release();
        broker.fault = next.fault;
      } else if (next.do === 'hold') clients[next.who]?.client?.hold();
      else if (next.do === 'release') clients[next.who]?.client?.release();
      else if (next.do === 'advance') await clock.advance(next.ms);
      else if (next.do === 'restart') source.restart(name);
      else if (next.do === 'forget') source.map(name).minRev = Math.max(0, source.map(name).rev - next.back);
      await settle();
      for (const client of clients) await client.drain();
    }
    for (const broker of brokers) broker.release();
    for (const client of clients) client.client?.release();
    for (const client of clients) await client.opening;
    for (let i = 0; i < 4; i++) {
      await clock.advance(2_000);
      for (let turns = 0; turns < 5; turns++) await settle();
      for (const client of clients) await client.drain();
    }
    for (const client of clients) {
      client.client?.release();
      await settle();
      await client.drain();
      if (client.client?.closeReason) client.drop();
      await client.open();
      await settle();
      await client.drain();
    }
    const truth = new Map([...source.map(name).entries].map(([key, { value }]) => [key, value]));
    for (const client of clients) {
      expect(Object.fromEntries(client.state)).toEqual(Object.fromEntries(truth));
    }
  } finally {
    for (const engine of engines) await engine.stop();
  }
}

describe('recovery from a compacted history', () => {
  for (const nodes of [1, 3]) {
    for (const protobuf of [false, true]) {
      test(`the state of the source, or a reset: ${nodes} node(s), ${protobuf ? 'Protobuf' : 'JSON'}`, async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => run(steps, nodes, protobuf)),
          { numRuns: Number(process.env['TIDINGS_RECOVERY_RUNS'] ?? 50), timeout: 10_000 },
        );
      }, 120_000);
    }
  }

  test('the runs recovered across holes, and were reset', () => {
    expect(seen.recovered).toBeGreaterThan(20);
    expect(seen.holes).toBeGreaterThan(5);
    expect(seen.resets).toBeGreaterThan(5);
  });
});
