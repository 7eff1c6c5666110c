/**
 * The law of `PresenceStore` as tests. Whoever writes a store runs them against it:
 *
 * ```ts
 * testPresenceStore('my store', async (nodes) => ({ stores: …, clock: undefined, stop: async () => … }));
 * ```
 */
import type { ClientInfo } from '@tidings/protocol';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { startAll } from '../component.ts';
import type { FakeClock } from '../lib/clock.ts';
import type { PresenceStore } from '../presence/presence-store.ts';
import { bytes, newChannel, text } from './broker-nodes.ts';
import { pass, required, type SuiteOptions, SkippableTests } from './conformance.ts';

export interface PresenceNodes {
  /** Not started; all of one cluster. */
  readonly stores: readonly PresenceStore[];
  /** The clock the stores ask; undefined: they live in real time. */
  readonly clock: FakeClock | undefined;
  /** Stops the stores and whatever else was started for them. */
  stop(): Promise<void>;
}

/** Makes a cluster of so many nodes. Clusters made one after the other may share a server. */
export type PresenceFactory = (nodes: number) => Promise<PresenceNodes>;

class PresenceCluster {
  readonly clock: FakeClock | undefined;
  readonly #nodes: PresenceNodes;

  private constructor(nodes: PresenceNodes) {
    this.#nodes = nodes;
    this.clock = nodes.clock;
  }

  static async start(factory: PresenceFactory, size: number): Promise<PresenceCluster> {
    const nodes = await factory(size);
    await startAll(nodes.stores);
    return new PresenceCluster(nodes);
  }

  store(index: number): PresenceStore {
    const store = this.#nodes.stores[index];
    if (!store) throw new Error(`the factory made no store ${index}`);
    return store;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#nodes.stop();
  }
}

const person = (user: string, client: string): ClientInfo => ({ user, client });

/**
 * Declares the suite.
 * @param factory called once a test; asked for one to three nodes.
 */
export function testPresenceStore(name: string, factory: PresenceFactory, options: SuiteOptions = {}): void {
  describe(`${name}: the law of PresenceStore`, () => {
    const tests = new SkippableTests(options);

    tests.test('an empty channel has nobody', async () => {
      await using cluster = await PresenceCluster.start(factory, 1);
      const channel = newChannel();
      expect(await cluster.store(0).list(channel)).toEqual(new Map());
      expect(await cluster.store(0).stats(channel)).toEqual({ clients: 0, users: 0 });
    });

    tests.test('touch adds, on every node, with everything known of the client', async () => {
      await using cluster = await PresenceCluster.start(factory, 3);
      const [channel, other] = [newChannel(), newChannel()];
      const info = { user: 'ann', client: 'c1', conn_info: bytes('{"a":"ü"}'), chan_info: bytes('1') };
      await cluster.store(0).touch(channel, info, 60_000);
      for (const store of [cluster.store(0), cluster.store(1), cluster.store(2)]) {
        const infos = await store.list(channel);
        expect([...infos.keys()]).toEqual(['c1']);
        const { user, client, conn_info, chan_info } = required(infos.get('c1'));
        expect([user, client, text(required(conn_info)), text(required(chan_info))]).toEqual([
          'ann',
          'c1',
          '{"a":"ü"}',
          '1',
        ]);
        expect(await store.stats(channel)).toEqual({ clients: 1, users: 1 });
        expect(await store.stats(other)).toEqual({ clients: 0, users: 0 });
      }
    });

    tests.test('touch again renews and replaces', async () => {
      await using cluster = await PresenceCluster.start(factory, 2);
      const channel = newChannel();
      await cluster.store(0).touch(channel, person('ann', 'c1'), 60_000);
      await cluster.store(1).touch(channel, { ...person('ann', 'c1'), conn_info: bytes('2') }, 60_000);
      const infos = await cluster.store(0).list(channel);
      expect(infos.size).toBe(1);
      expect(text(required(infos.get('c1')?.conn_info))).toBe('2');
      expect(await cluster.store(0).stats(channel)).toEqual({ clients: 1, users: 1 });
    });

    tests.test('a user counts once however many clients', async () => {
      await using cluster = await PresenceCluster.start(factory, 2);
      const channel = newChannel();
      await cluster.store(0).touch(channel, person('ann', 'c1'), 60_000);
      await cluster.store(1).touch(channel, person('ann', 'c2'), 60_000);
      await cluster.store(1).touch(channel, person('bob', 'c3'), 60_000);
      expect(await cluster.store(0).stats(channel)).toEqual({ clients: 3, users: 2 });
      await cluster.store(0).remove(channel, 'c2');
      expect(await cluster.store(1).stats(channel)).toEqual({ clients: 2, users: 2 });
      await cluster.store(1).remove(channel, 'c1');
      expect(await cluster.store(1).stats(channel)).toEqual({ clients: 1, users: 1 });
    });

    tests.test('remove of what is not there does nothing', async () => {
      await using cluster = await PresenceCluster.start(factory, 1);
      const [channel, empty] = [newChannel(), newChannel()];
      await cluster.store(0).touch(channel, person('ann', 'c1'), 60_000);
      await cluster.store(0).remove(channel, 'c2');
      await cluster.store(0).remove(empty, 'c1');
      expect(await cluster.store(0).stats(channel)).toEqual({ clients: 1, users: 1 });
      await cluster.store(0).remove(channel, 'c1');
      await cluster.store(0).remove(channel, 'c1');
      expect(await cluster.store(0).stats(channel)).toEqual({ clients: 0, users: 0 });
      expect(await cluster.store(0).list(channel)).toEqual(new Map());
    });

    tests.test('who is not renewed is gone after the ttl, and who is stays', async () => {
      await using cluster = await PresenceCluster.start(factory, 2);
      const channel = newChannel();
      await cluster.store(0).touch(channel, person('ann', 'c1'), 2_000);
      await cluster.store(1).touch(channel, person('ann', 'c2'), 2_000);
      await cluster.store(1).touch(channel, person('bob', 'c3'), 2_000);
      await pass(cluster.clock, 1_200);
      await cluster.store(1).touch(channel, person('ann', 'c1'), 2_000);
      await pass(cluster.clock, 1_200);
      expect([...(await cluster.store(0).list(channel)).keys()]).toEqual(['c1']);
      expect(await cluster.store(0).stats(channel)).toEqual({ clients: 1, users: 1 });
      await pass(cluster.clock, 1_200);
      expect(await cluster.store(0).stats(channel)).toEqual({ clients: 0, users: 0 });
      expect(await cluster.store(0).list(channel)).toEqual(new Map());
    });

    tests.test('who was gone may come back', async () => {
      await using cluster = await PresenceCluster.start(factory, 1);
      const channel = newChannel();
      await cluster.store(0).touch(channel, person('ann', 'c1'), 1_000);
      await pass(cluster.clock, 1_500);
      await cluster.store(0).touch(channel, person('ann', 'c1'), 60_000);
      expect(await cluster.store(0).stats(channel)).toEqual({ clients: 1, users: 1 });
      await cluster.store(0).remove(channel, 'c1');
      await cluster.store(0).touch(channel, person('bob', 'c1'), 60_000);
      expect((await cluster.store(0).list(channel)).get('c1')?.user).toBe('bob');
      expect(await cluster.store(0).stats(channel)).toEqual({ clients: 1, users: 1 });
    });

    tests.test('a listing does not change afterwards', async () => {
      await using cluster = await PresenceCluster.start(factory, 1);
      const channel = newChannel();
      await cluster.store(0).touch(channel, person('ann', 'c1'), 60_000);
      const infos = await cluster.store(0).list(channel);
      await cluster.store(0).remove(channel, 'c1');
      expect([...infos.keys()]).toEqual(['c1']);
    });

    tests.test('stop without start, and twice, does nothing', async () => {
      const nodes = await factory(1);
      for (const store of nodes.stores) await store.stop();
      await nodes.stop();
    });

    tests.test('agrees with a model under random commands on two nodes', () => testModel(factory), 90_000);

    tests.check();
  });
}

/** A client belongs to one user all its life. */
const userOf = (client: number): string => ['ann', 'bob', ''][client % 3] as string;

async function testModel(factory: PresenceFactory): Promise<void> {
  const command = fc.record({
    kind: fc.constantFrom('touch', 'touch', 'touch', 'remove', 'advance', 'check'),
    node: fc.nat(1),
    channel: fc.nat(1),
    client: fc.nat(5),
    seconds: fc.integer({ min: 1, max: 8 }),
  });
  await using first = await PresenceCluster.start(factory, 2);
  const turns = first.clock !== undefined;
  const property = fc.asyncProperty(fc.array(command, { maxLength: 60, size: 'max' }), async (commands) => {
    await using cluster = await PresenceCluster.start(factory, 2);
    const channels = [newChannel(), newChannel()].map((name) => ({ name, expiresAtMs: new Map<number, number>() }));
    let nowMs = 0;
    for (const { kind, node, channel: index, client, seconds } of commands) {
      const store = cluster.store(node);
      const channel = required(channels[index]);
      if (kind === 'touch') {
        // Half a second aside: nothing expires at the very moment.
        const ttlMs = turns ? seconds * 1_000 + 500 : 600_000;
        await store.touch(channel.name, person(userOf(client), `c${client}`), ttlMs);
        channel.expiresAtMs.set(client, nowMs + ttlMs);
      } else if (kind === 'remove') {
        await store.remove(channel.name, `c${client}`);
        channel.expiresAtMs.delete(client);
      } else if (kind === 'advance' && cluster.clock) {
        await cluster.clock.advance(seconds * 1_000);
        nowMs += seconds * 1_000;
      } else {
        const present = [...channel.expiresAtMs].filter(([, atMs]) => atMs > nowMs).map(([each]) => each);
        const users = new Set(present.map(userOf)).size;
        expect(await store.stats(channel.name)).toEqual({ clients: present.length, users });
        const infos = await store.list(channel.name);
        expect([...infos.keys()].toSorted()).toEqual(present.map((each) => `c${each}`).toSorted());
        for (const each of present) expect(infos.get(`c${each}`)?.user).toBe(userOf(each));
      }
    }
  });
  await fc.assert(property, { numRuns: turns ? 200 : 15, ...(turns ? {} : { interruptAfterTimeLimit: 30_000 }) });
}
