/**
 * The first promise, as a property: whatever the order of publications, disconnects, expiry, removal of history, slow
 * reading and changes of node, a client sees every publication once and in order, or is told of one explicit reset.
 */
import { formats, type Publication, type Reply } from '@tidings/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryBroker, MemoryBus } from './brokers/memory.ts';
import { createEngine, type Engine } from './engine.ts';
import { FakeClock, settle } from './lib/clock.ts';
import { createLogger } from './lib/logger.ts';
import { FaultyBroker, type Fault } from './testing/faulty-broker.ts';
import { MemoryTransport, type MemoryClient } from './transports/memory.ts';

const channel = 'news';

type Step =
  | { readonly do: 'publish'; readonly count: number }
  | { readonly do: 'drop' | 'return' | 'hold' | 'release'; readonly who: number }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'remove' }
  | { readonly do: 'fault'; readonly node: number; readonly fault: Fault };

const clientCount = 3;
const who = fc.integer({ min: 0, max: clientCount - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('publish' as const), count: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('drop' as const, 'return' as const), who }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('hold' as const, 'release' as const), who }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(10, 400, 1_500, 30_000) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'remove' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('fault' as const),
      node: fc.integer({ min: 0, max: 2 }),
      fault: fc.constantFrom<Fault>('none', 'late', 'twice', 'lost'),
    }),
  },
);

/** What an SDK does: keeps its position, recovers from it, notes resets. */
class ModelClient {
  readonly #dial: () => MemoryClient;
  client: MemoryClient | undefined;
  epoch = '';
  offset = 0;
  subscribedOnce = false;
  /** Runs of numbers received without an explicit reset between them. */
  readonly runs: number[][] = [[]];

  constructor(dial: () => MemoryClient) {
    this.#dial = dial;
  }

  /** Opening goes on beside the steps that follow; publications arrive while it subscribes. */
  opening: Promise<void> | undefined;

  start(): void {
    this.opening ??= this.#unlessCut(this.open()).finally(() => {
      this.opening = undefined;
    });
  }

  async open(): Promise<void> {
    if (this.client && !this.client.closeReason) return;
    const client = this.#dial();
    this.client = client;
    const connected = await client.request({ connect: {} });
    expect(connected.error).toBeUndefined();
    await this.subscribe();
  }

  async subscribe(): Promise<void> {
    const recover = this.subscribedOnce ? { recover: true, epoch: this.epoch, offset: this.offset } : {};
    const reply = await (this.client as MemoryClient).request({
      subscribe: { channel, recoverable: true, ...recover },
    });
    expect(reply.error).toBeUndefined();
    const result = reply.subscribe ?? {};
    this.epoch = result.epoch ?? '';
    if (this.subscribedOnce) {
      expect(result.was_recovering).toBe(true);
      if (!result.recovered) {
        expect(result.publications ?? []).toEqual([]);
        this.runs.push([]);
        this.offset = result.offset ?? 0;
      }
    } else {
      this.subscribedOnce = true;
      this.offset = result.offset ?? 0;
    }
    for (const publication of result.publications ?? []) this.take(publication);
  }

  take(publication: Publication): void {
    expect(publication.offset).toBe(this.offset + 1);
    this.offset = publication.offset as number;
    this.runs.at(-1)?.push(JSON.parse(new TextDecoder().decode(publication.data)) as number);
  }

  /** Handles what arrived; recovers when the server says that its state is insufficient. */
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

  /** A connection may be closed while a reply is awaited; the client comes back later, from where it was. */
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
        config: {
          mode: 'development',
          auth: { anonymous: true },
          timeouts: { positionCheck: 1_000 },
          limits: { bufferedBytesPerConnection: 300, commandsPerSecondPerConnection: 0 },
          channels: {
            [channel]: {
              allow: { subscribe: 'anyone' },
              recovery: 'on-request',
              history: { size: 8, ttl: 20_000, metaTtl: 60_000 },
            },
          },
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
  const clients = Array.from({ length: clientCount }, () => new ModelClient(dial));
  try {
    for (const client of clients) await client.open();
    let published = 0;
    for (const next of steps) {
      if (next.do === 'publish') {
        for (let i = 0; i < next.count; i++) await (engines[published % nodes] as Engine).publish(channel, ++published);
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
      else await engines[0]?.api.historyRemove({ channel });
      await settle();
      for (const client of clients) await client.drain();
    }
    // At the end everybody is back and reading, brokers behave, and idle positions have been compared.
    for (const broker of brokers) broker.release();
    for (const client of clients) client.client?.release();
    for (const client of clients) await client.opening;
    for (let i = 0; i < 3; i++) {
      await clock.advance(2_000);
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
    for (const client of clients) {
      // Within a run nothing is missing and nothing twice; a run ends only where the server said so.
      for (const one of client.runs) expect(one).toEqual(one.map((_, i) => (one[0] as number) + i));
      const flat = client.runs.flat();
      expect(flat).toEqual([...new Set(flat)].toSorted((a, b) => a - b));
      // Nobody lags behind in silence.
      const last = client.runs.at(-1) as number[];
      if (last.length > 0) expect(last.at(-1)).toBe(published);
      if (client.runs.length === 1) expect(last).toEqual(Array.from({ length: published }, (_, i) => i + 1));
    }
  } finally {
    for (const engine of engines) await engine.stop();
  }
}

describe('recovery', () => {
  for (const nodes of [1, 3]) {
    for (const protobuf of [false, true]) {
      test(`no gap, no duplicate, order kept, or one reset: ${nodes} node(s), ${protobuf ? 'Protobuf' : 'JSON'}`, async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(step, { maxLength: 40 }), (steps) => run(steps, nodes, protobuf)),
          { numRuns: Number(process.env['TIDINGS_RECOVERY_RUNS'] ?? 60), timeout: 10_000 },
        );
      }, 120_000);
    }
  }
});
