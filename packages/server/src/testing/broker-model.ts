/** Conformance of brokers: random commands on several nodes against a model of a few lines. */
import fc from 'fast-check';
import { expect } from 'vitest';
import type { HistoryQuery, PublishOptions } from '../brokers/broker.ts';
import { bytes, newChannel, TestCluster, text, type BrokerFactory } from './broker-nodes.ts';
import { eventually, required, type SkippableTests } from './conformance.ts';

interface ModelChannel {
  readonly name: string;
  readonly options: PublishOptions;
  readonly subscribers: Set<number>;
  /** What each node must have received. */
  readonly received: string[][];
  readonly keys: Map<string, { readonly offset: number | undefined; readonly expiresAtMs: number }>;
  kept: { readonly offset: number; readonly text: string; readonly expiresAtMs: number }[];
  top: number;
  version: number;
  /** Undefined: not known, because nothing was asked since the stream began. */
  epoch: string | undefined;
  metaExpiresAtMs: number;
}

interface Model {
  nowMs: number;
  published: number;
  readonly channels: readonly ModelChannel[];
  /** No epoch may come back. */
  readonly pastEpochs: Set<string>;
}

type Command = fc.AsyncCommand<Model, TestCluster>;

const nodeCount = 3;
const keyTtlMs = 3_500;

/** Times are no multiples of a second while the clock moves by whole seconds: nothing expires at the very moment. */
const turned = { historyTtlMs: 5_500, historyMetaTtlMs: 20_500 };
/** In real time nothing expires during a run. */
const standing = { historyTtlMs: 600_000, historyMetaTtlMs: 3_600_000 };

export function declareModelTest(tests: SkippableTests, factory: BrokerFactory): void {
  const title = 'agrees with a model under random commands on three nodes';
  const body = async (): Promise<void> => {
    // One cluster tells whether time can be turned, which decides how many runs are reasonable.
    const turns = await (async () => {
      await using cluster = await TestCluster.start(factory, nodeCount);
      return cluster.clock !== undefined;
    })();
    await fc.assert(
      fc.asyncProperty(commands(turns), async (sequence) => {
        await using cluster = await TestCluster.start(factory, nodeCount);
        await fc.asyncModelRun(() => ({ model: newModel(turns), real: cluster }), sequence);
      }),
      { numRuns: turns ? 150 : 15, ...(turns ? {} : { interruptAfterTimeLimit: 30_000 }) },
    );
  };
  tests.test(title, body, 90_000);
}

function newModel(turns: boolean): Model {
  const times = turns ? turned : standing;
  const sizes = [0, 1, 4];
  const channels = sizes.map((historySize) => ({
    name: newChannel(`size${historySize}`),
    options: { historySize, ...times },
    subscribers: new Set<number>(),
    received: Array.from({ length: nodeCount }, () => []),
    keys: new Map(),
    kept: [],
    top: 0,
    version: 0,
    epoch: undefined,
    metaExpiresAtMs: Infinity,
  }));
  return { nowMs: 0, published: 0, channels, pastEpochs: new Set() };
}

function commands(turns: boolean): fc.Arbitrary<Iterable<Command>> {
  const node = fc.nat(nodeCount - 1);
  const channel = fc.nat(2);
  const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
  const all: fc.Arbitrary<Command>[] = [
    fc.tuple(node, channel).map(([n, c]) => subscribe(n, c)),
    fc.tuple(node, channel).map(([n, c]) => unsubscribe(n, c)),
    fc
      .tuple(node, channel, maybe(fc.constantFrom('k1', 'k2')), maybe(fc.integer({ min: 1, max: 5 })))
      .map(([n, c, key, version]) => publish(n, c, key, version)),
    fc.tuple(node, channel).map(([n, c]) => publish(n, c, undefined, undefined)),
    fc
      .tuple(node, channel, fc.integer({ min: -1, max: 5 }), fc.boolean(), maybe(fc.nat(12)))
      .map(([n, c, limit, reverse, since]) => read(n, c, limit, reverse, since)),
    fc.tuple(node, channel).map(([n, c]) => remove(n, c)),
  ];
  if (turns) all.push(fc.integer({ min: 1, max: 25 }).map((seconds) => advance(seconds * 1_000)));
  return fc.commands(all, { maxCommands: 60, size: 'max' }) as fc.Arbitrary<Iterable<Command>>;
}

function command(name: string, run: (model: Model, real: TestCluster) => Promise<void>): Command {
  return { check: () => true, run, toString: () => name };
}

function subscribe(node: number, index: number): Command {
  return command(`subscribe(${node}, ${index})`, async (model, real) => {
    const channel = required(model.channels[index]);
    await real.node(node).broker.subscribe(channel.name);
    channel.subscribers.add(node);
  });
}

function unsubscribe(node: number, index: number): Command {
  return command(`unsubscribe(${node}, ${index})`, async (model, real) => {
    const channel = required(model.channels[index]);
    await real.node(node).broker.unsubscribe(channel.name);
    channel.subscribers.delete(node);
  });
}

function publish(node: number, index: number, key: string | undefined, version: number | undefined): Command {
  return command(`publish(${node}, ${index}, ${key}, ${version})`, async (model, real) => {
    const channel = required(model.channels[index]);
    const hasHistory = channel.options.historySize > 0;
    const content = `${++model.published}`;
    const result = await real.node(node).broker.publish(
      channel.name,
      { data: bytes(content) },
      {
        ...channel.options,
        ...(key ? { idempotencyKey: key, idempotencyTtlMs: keyTtlMs } : {}),
        ...(version ? { version, versionEpoch: 'v' } : {}),
      },
    );
    const known = key ? channel.keys.get(key) : undefined;
    if (known && known.expiresAtMs > model.nowMs) {
      expect(result.skipped).toBe('idempotency');
      expect(result.position?.offset).toBe(known.offset);
    } else {
      if (hasHistory) touch(model, channel, result.position?.epoch);
      if (hasHistory && version && version <= channel.version) {
        expect(result.skipped).toBe('version');
        expect(result.position?.offset).toBe(channel.top);
      } else {
        expect(result.skipped).toBeUndefined();
        if (hasHistory) {
          channel.top++;
          channel.version = version ?? channel.version;
          const expiresAtMs = model.nowMs + channel.options.historyTtlMs;
          channel.kept.push({ offset: channel.top, text: content, expiresAtMs });
          channel.kept = channel.kept.slice(-channel.options.historySize);
        }
        expect(result.position?.offset).toBe(hasHistory ? channel.top : undefined);
        if (key) channel.keys.set(key, { offset: result.position?.offset, expiresAtMs: model.nowMs + keyTtlMs });
        for (const subscriber of channel.subscribers) required(channel.received[subscriber]).push(content);
      }
    }
    await eventually(() => {
      for (const each of model.channels) {
        for (let n = 0; n < nodeCount; n++) expect(real.node(n).record.texts(each.name)).toEqual(each.received[n]);
      }
    });
  });
}

function read(node: number, index: number, limit: number, reverse: boolean, since: number | undefined): Command {
  return command(`read(${node}, ${index}, ${limit}, ${reverse}, ${since})`, async (model, real) => {
    const channel = required(model.channels[index]);
    const { history } = real.node(node).broker;
    const { position: top } = await history.read(channel.name, { limit: 0 }, channel.options.historyMetaTtlMs);
    touch(model, channel, top.epoch);
    const query: HistoryQuery =
      since === undefined ? { limit, reverse } : { limit, reverse, since: { offset: since, epoch: top.epoch } };
    const page = await history.read(channel.name, query, channel.options.historyMetaTtlMs);
    expect(page.position).toEqual({ offset: channel.top, epoch: channel.epoch });
    const asked = channel.kept.filter(
      ({ offset }) => since === undefined || (reverse ? offset < since : offset > since),
    );
    const ordered = reverse ? asked.toReversed() : asked;
    const expected = limit < 0 ? ordered : ordered.slice(0, limit);
    expect(page.publications.map(({ offset, data }) => [offset, text(data)])).toEqual(
      expected.map((each) => [each.offset, each.text]),
    );
  });
}

function remove(node: number, index: number): Command {
  return command(`remove(${node}, ${index})`, async (model, real) => {
    const channel = required(model.channels[index]);
    await real.node(node).broker.history.remove(channel.name);
    channel.kept = [];
  });
}

function advance(ms: number): Command {
  return command(`advance(${ms})`, async (model, real) => {
    await real.clock?.advance(ms);
    model.nowMs += ms;
  });
}

/** Brings a channel's stream to the present, and checks that its epoch changes exactly when it was forgotten. */
function touch(model: Model, channel: ModelChannel, epoch: string | undefined): void {
  if (channel.metaExpiresAtMs <= model.nowMs) {
    if (channel.epoch !== undefined) model.pastEpochs.add(channel.epoch);
    channel.epoch = undefined;
    channel.kept = [];
    channel.top = 0;
    channel.version = 0;
  }
  channel.kept = channel.kept.filter(({ expiresAtMs }) => expiresAtMs > model.nowMs);
  channel.metaExpiresAtMs = model.nowMs + channel.options.historyMetaTtlMs;
  expect(typeof epoch).toBe('string');
  if (channel.epoch === undefined) expect(model.pastEpochs.has(epoch as string)).toBe(false);
  else expect(epoch).toBe(channel.epoch);
  channel.epoch = epoch;
}
