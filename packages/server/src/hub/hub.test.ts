import { applyDelta, formats, type Format, type Payload, type Publication } from '@tidings/protocol';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { ConfigInput } from '../config/schema.ts';
import { settle } from '../lib/clock.ts';
import {
  closeCodeOf,
  createWatchedEngine,
  json,
  jwt,
  open,
  publications,
  pushes,
  recoverable,
  subscribe,
  text,
  token,
  values,
} from '../testing/engine-fixture.ts';
import { createTestEngine } from '../testing.ts';
import type { MemoryClient } from '../transports/memory.ts';

const both = [formats.websocketJson, formats.websocketProtobuf];
const channels: NonNullable<ConfigInput['channels']> = {
  plain: open,
  delta: { ...open, delta: true, tagsFilter: true },
  stream: { ...recoverable, delta: true },
  latest: { ...recoverable, delta: true, recoveryMode: 'cache' },
  tagged: { ...open, tagsFilter: true },
};
const config = { mode: 'production', auth: { anonymous: true, jwt }, channels } satisfies ConfigInput;

/** Shares a part with the two before it, at another place: a patch made against the wrong one gives something else. */
const document = (version: number) => ({
  version,
  parts: [version, version - 1, version - 2].map((n) => createHash('sha256').update(`${n}`).digest('hex')),
});

/** Undoes deltas as an SDK does. */
class Reader {
  readonly #json: boolean;
  #last: Payload | undefined;
  patches = 0;

  constructor(format: Format) {
    this.#json = format.codec === 'json';
  }

  read(publication: Publication): unknown {
    // On JSON every publication of such a subscription is a JSON string.
    const bytes = this.#json
      ? new TextEncoder().encode(JSON.parse(text(publication.data)) as string)
      : publication.data;
    if (publication.delta) this.patches++;
    this.#last = publication.delta ? applyDelta(this.#last ?? new Uint8Array(), bytes) : bytes;
    return JSON.parse(text(this.#last));
  }
}

describe('delivery', () => {
  test('to every subscriber of the channel, in every format, and to nobody else', async () => {
    await using node = await createTestEngine({ config });
    const clients: MemoryClient[] = [];
    for (const format of [
      formats.websocketJson,
      formats.websocketProtobuf,
      formats.httpStreamJson,
      formats.httpStreamProtobuf,
      formats.sse,
    ]) {
      const client = await node.connect({ format });
      await subscribe(client, 'plain');
      clients.push(client);
    }
    const other = await node.connect();
    await subscribe(other, 'tagged');
    for (let i = 0; i < 3; i++) await node.engine.publish('plain', { i });
    for (const client of clients) expect(values(await publications(client))).toEqual([{ i: 0 }, { i: 1 }, { i: 2 }]);
    expect(other.inbox).toEqual([]);
    expect(node.engine.metrics.deliveries).toBe(15);
  });

  test('goes on for the others when one leaves in the middle', async () => {
    await using node = await createTestEngine({ config });
    const clients = await Promise.all(Array.from({ length: 5 }, () => node.connect()));
    for (const client of clients) await subscribe(client, 'plain');
    await clients[1]?.request({ unsubscribe: { channel: 'plain' } });
    clients[3]?.close();
    await node.engine.publish('plain', 1);
    const got = await Promise.all(clients.map(async (client) => values(await publications(client))));
    expect(got).toEqual([[1], [], [1], [], [1]]);
  });
});

describe('tags filter', () => {
  test('passes what was asked for', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect();
    const everything = await node.connect();
    await subscribe(client, 'tagged', { tf: { op: 'not', nodes: [{ key: 'kind', cmp: 'in', vals: ['b', 'c'] }] } });
    await subscribe(everything, 'tagged');
    for (const kind of ['a', 'b', 'c', 'd']) await node.engine.publish('tagged', kind, { tags: { kind } });
    await node.engine.publish('tagged', 'none');
    expect(values(await publications(client))).toEqual(['a', 'd', 'none']);
    expect(values(await publications(everything))).toEqual(['a', 'b', 'c', 'd', 'none']);
  });
});

describe('delta', () => {
  test.each(both)('the first is full, then patches ($codec)', async (format) => {
    await using node = await createTestEngine({ config });
    const client = await node.connect({ format });
    expect(await subscribe(client, 'delta', { delta: 'fossil' })).toEqual({ delta: true });
    for (let i = 0; i < 3; i++) await node.engine.publish('delta', document(i));
    const got = await publications(client);
    expect(got.map(({ delta }) => delta ?? false)).toEqual([false, true, true]);
    expect(got[1]?.data.length ?? 0).toBeLessThan(got[0]?.data.length ?? 0);
    const reader = new Reader(format);
    expect(got.map((publication) => reader.read(publication))).toEqual([document(0), document(1), document(2)]);
  });

  test.each(both)('one who comes later gets a full one first ($codec)', async (format) => {
    await using node = await createTestEngine({ config });
    const first = await node.connect({ format });
    await subscribe(first, 'delta', { delta: 'fossil' });
    await node.engine.publish('delta', document(0));
    const second = await node.connect({ format });
    await subscribe(second, 'delta', { delta: 'fossil' });
    for (let i = 1; i < 3; i++) await node.engine.publish('delta', document(i));
    expect((await publications(first)).map(({ delta }) => delta ?? false)).toEqual([false, true, true]);
    expect((await publications(second)).map(({ delta }) => delta ?? false)).toEqual([false, true]);
  });

  test.each(both)('a patch that is no smaller goes out full ($codec)', async (format) => {
    await using node = await createTestEngine({ config });
    const client = await node.connect({ format });
    await subscribe(client, 'delta', { delta: 'fossil' });
    for (const value of ['abcdefgh', 12345, document(1), document(2)]) await node.engine.publish('delta', value);
    const got = await publications(client);
    expect(got.map(({ delta }) => delta ?? false)).toEqual([false, false, false, true]);
    const reader = new Reader(format);
    expect(got.map((publication) => reader.read(publication))).toEqual(['abcdefgh', 12345, document(1), document(2)]);
  });

  test('is not negotiated where it is not allowed, not asked for, or with a filter', async () => {
    await using node = await createTestEngine({ config });
    const [notAllowed, notAsked, filtered] = [await node.connect(), await node.connect(), await node.connect()];
    expect(await subscribe(notAllowed, 'plain', { delta: 'fossil' })).toEqual({});
    expect(await subscribe(notAsked, 'delta')).toEqual({});
    expect(await subscribe(filtered, 'delta', { delta: 'fossil', tf: { key: 'a', cmp: 'nex' } })).toEqual({});
    for (let i = 0; i < 2; i++) {
      await node.engine.publish('plain', document(i));
      await node.engine.publish('delta', document(i));
    }
    for (const client of [notAllowed, notAsked, filtered]) {
      const got = await publications(client);
      expect(got.map(({ data, delta }) => [JSON.parse(text(data)) as unknown, delta])).toEqual([
        [document(0), undefined],
        [document(1), undefined],
      ]);
    }
  });

  test.each(both)('recovered ones are full, and what follows fits ($codec)', async (format) => {
    await using node = await createTestEngine({ config });
    const watcher = await node.connect({ format });
    const { epoch = '' } = await subscribe(watcher, 'stream', { recoverable: true, delta: 'fossil' });
    for (let i = 1; i <= 3; i++) await node.engine.publish('stream', document(i));
    const client = await node.connect({ format });
    const request = { recoverable: true, recover: true, epoch, offset: 1, delta: 'fossil' };
    const result = await subscribe(client, 'stream', request);
    const reader = new Reader(format);
    expect(result.publications?.map((publication) => publication.delta)).toEqual([undefined, undefined]);
    expect(result.publications?.map((publication) => reader.read(publication))).toEqual([document(2), document(3)]);
    await node.engine.publish('stream', document(4));
    const [live] = await publications(client);
    expect(reader.read(live as Publication)).toEqual(document(4));
    // It holds what the patch is made against, as everybody else does.
    expect(live?.delta).toBe(true);
  });

  test.each(both)('after a reload that ends deltas everything is full ($codec)', async (format) => {
    await using node = await createTestEngine({ config });
    const client = await node.connect({ format });
    await subscribe(client, 'delta', { delta: 'fossil' });
    const reader = new Reader(format);
    const seen: unknown[] = [];
    const patched: boolean[] = [];
    const publish = async (version: number): Promise<void> => {
      await node.engine.publish('delta', document(version));
      for (const publication of await publications(client)) {
        seen.push(reader.read(publication));
        patched.push(publication.delta ?? false);
      }
    };
    const log = { level: 'silent' } as const;
    for (let i = 0; i < 2; i++) await publish(i);
    await node.engine.reload({ ...config, log, channels: { ...channels, delta: open } });
    for (let i = 2; i < 4; i++) await publish(i);
    await node.engine.reload({ ...config, log });
    for (let i = 4; i < 6; i++) await publish(i);
    expect(seen).toEqual([0, 1, 2, 3, 4, 5].map(document));
    expect(patched).toEqual([false, true, false, false, false, true]);
  });

  type Step = 'publish' | 'signal' | 'other' | 'subscribe' | 'recover' | 'lost' | 'during';
  const step = fc.constantFrom<Step>('publish', 'signal', 'other', 'subscribe', 'recover', 'lost', 'during');
  for (const format of both) {
    for (const channel of ['stream', 'latest']) {
      test(`whatever happens, a client can undo every patch: ${channel}, ${format.codec}`, async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
            await using node = await createWatchedEngine({ config });
            let version = 0;
            const publish = (options = {}) => node.engine.publish(channel, document(++version), options);
            const client = await node.connect({ format });
            const others: MemoryClient[] = [];
            let reader = new Reader(format);
            let [epoch, offset] = ['', 0];
            let subscribed = false;
            const take = (publication: Publication): void => {
              const value = reader.read(publication) as { version: number };
              expect(value).toEqual(document(value.version));
              offset = publication.offset ?? offset;
            };
            const drain = async (): Promise<void> => {
              for (const push of await pushes(client)) {
                if (push.pub) take(push.pub);
                if (push.unsubscribe) subscribed = false;
              }
            };
            const start = async (recover: boolean): Promise<void> => {
              if (subscribed) await client.request({ unsubscribe: { channel } });
              await drain();
              reader = new Reader(format);
              const request = { recoverable: true, delta: 'fossil', ...(recover && { recover, epoch, offset }) };
              const reply = await client.request({ subscribe: { ...request, channel } });
              if (!reply.subscribe) throw new Error('refused');
              subscribed = true;
              ({ epoch = '' } = reply.subscribe);
              offset = reply.subscribe.offset ?? 0;
              for (const publication of reply.subscribe.publications ?? []) take(publication);
            };
            for (const next of steps) {
              if (next === 'publish') await publish();
              if (next === 'signal') await publish({ skipHistory: true });
              if (next === 'other') {
                const other = await node.connect({ format });
                await subscribe(other, channel, { recoverable: true, delta: 'fossil' });
                others.push(other);
              }
              if (next === 'subscribe') await start(false);
              if (next === 'recover') await start(true);
              if (next === 'lost') {
                node.broker.fault = 'lost';
                await publish();
                node.broker.fault = 'none';
              }
              if (next === 'during') {
                const happening = async (): Promise<void> => {
                  node.broker.beforeRead = node.broker.afterRead = undefined;
                  await publish({ skipHistory: true });
                  await publish();
                };
                node.broker.beforeRead = happening;
                node.broker.afterRead = happening;
              }
              await settle();
              await drain();
            }
          }),
          { numRuns: 40 },
        );
      });
    }
  }
});

describe('a gap that the broker reports', () => {
  test('resets those who rely on a position: 2500 to client-side, 3010 to server-side subscriptions', async () => {
    await using node = await createWatchedEngine({ config });
    const positioned = await node.connect();
    const plain = await node.connect();
    const served = await node.connect({ token: token({ sub: '42', channels: ['stream'] }) });
    await subscribe(positioned, 'stream', { positioned: true });
    await subscribe(plain, 'stream');
    node.broker.reportGap('stream');
    expect(await closeCodeOf(served)).toBe(3010);
    expect(await pushes(positioned)).toEqual([
      { channel: 'stream', unsubscribe: { code: 2500, reason: 'insufficient state' } },
    ]);
    await node.engine.publish('stream', 1);
    expect(values(await publications(plain))).toEqual([1]);
    await subscribe(positioned, 'stream', { positioned: true });
    await node.engine.publish('stream', 2);
    expect(await publications(positioned)).toEqual([{ data: json(2), offset: 2 }]);
  });

  test('one of a channel that nobody here has, or that nobody relies on, does nothing', async () => {
    await using node = await createWatchedEngine({ config });
    const client = await node.connect();
    await subscribe(client, 'plain');
    node.broker.reportGap('plain');
    node.broker.reportGap('stream');
    await node.engine.publish('plain', 1);
    expect(values(await publications(client))).toEqual([1]);
  });
});
