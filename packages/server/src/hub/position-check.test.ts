import { describe, expect, test } from 'vitest';
import type { ConfigInput } from '../config/schema.ts';
import { settle } from '../lib/clock.ts';
import { createWatchedEngine, pushes, recoverable, subscribe, taken, values } from '../testing/engine-fixture.ts';

const config = {
  mode: 'production',
  auth: { anonymous: true },
  channels: { stream: recoverable, other: recoverable },
} satisfies ConfigInput;

const lost = { unsubscribe: { code: 2500 } };

describe('the idle position check', () => {
  test('finds a lost publication within a minute, even if nothing follows', async () => {
    await using node = await createWatchedEngine({ config });
    const client = await node.connect();
    const plain = await node.connect();
    const { epoch = '' } = await subscribe(client, 'stream', { recoverable: true });
    await subscribe(plain, 'stream');
    node.broker.fault = 'lost';
    await node.engine.publish('stream', 1);
    await node.clock.advance(38_000);
    expect(await pushes(client)).toEqual([]);
    await node.clock.advance(8_000);
    expect(await pushes(client)).toMatchObject([lost]);
    expect(await pushes(plain)).toEqual([]);
    const again = await subscribe(client, 'stream', { recoverable: true, recover: true, epoch, offset: 0 });
    expect(values(again.publications)).toEqual([1]);
  });

  test('finds a stream that began anew', async () => {
    await using node = await createWatchedEngine({
      config: {
        ...config,
        timeouts: { positionCheck: '20s' },
        channels: { stream: { ...recoverable, history: { size: 10, ttl: '1s', metaTtl: '5s' } } },
      },
    });
    const client = await node.connect();
    await subscribe(client, 'stream', { recoverable: true });
    await node.clock.advance(30_000);
    expect(await pushes(client)).toMatchObject([lost]);
  });

  test('leaves everybody in peace while nothing is missing, and asks once per channel', async () => {
    await using node = await createWatchedEngine({ config });
    const clients = await Promise.all(Array.from({ length: 5 }, () => node.connect()));
    for (const client of clients) await subscribe(client, 'stream', { recoverable: true });
    let reads = 0;
    node.broker.beforeRead = () => void reads++;
    for (let i = 0; i < 4; i++) {
      await node.clock.advance(30_000);
      await node.engine.publish('stream', i);
    }
    expect(reads).toBeGreaterThan(0);
    expect(reads).toBeLessThanOrEqual(3);
    for (const client of clients) expect(values((await pushes(client)).map(({ pub }) => pub))).toEqual([0, 1, 2, 3]);
  });

  test('a publication that is merely late is not missing', async () => {
    await using node = await createWatchedEngine({ config });
    const client = await node.connect();
    await subscribe(client, 'stream', { recoverable: true });
    await node.clock.advance(39_500);
    node.broker.fault = 'late';
    await node.engine.publish('stream', 1);
    // Within this time it is found missing once.
    await node.clock.advance(2_000);
    node.broker.release();
    await node.clock.advance(60_000);
    expect(await pushes(client)).toMatchObject([{ pub: { offset: 1 } }]);
  });

  test('a broker that fails resets nobody, and is asked again', async () => {
    await using node = await createWatchedEngine({ config });
    const client = await node.connect();
    await subscribe(client, 'stream', { recoverable: true });
    node.broker.fault = 'lost';
    await node.engine.publish('stream', 1);
    node.broker.beforeRead = () => {
      throw new Error('no broker');
    };
    await node.clock.advance(60_000);
    expect(await pushes(client)).toEqual([]);
    node.broker.beforeRead = undefined;
    await node.clock.advance(60_000);
    expect(await pushes(client)).toMatchObject([lost]);
  });

  test('asks about nothing that nobody relies on any more', async () => {
    await using node = await createWatchedEngine({ config });
    const client = await node.connect();
    await subscribe(client, 'stream', { recoverable: true });
    await subscribe(client, 'other');
    await taken(client);
    client.close();
    await settle();
    let reads = 0;
    node.broker.beforeRead = () => void reads++;
    await node.clock.advance(200_000);
    expect(reads).toBe(0);
  });
});
