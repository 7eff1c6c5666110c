import { formats, ProtocolError } from '@tidings/protocol';
import { describe, expect, test } from 'vitest';
import { HookDisconnect, type Hooks, type PublishHookRequest } from './auth/hooks.ts';
import type { ConfigInput } from './config/schema.ts';
import {
  closeCodeOf,
  codeOf,
  json,
  jwt,
  open,
  publications,
  recoverable,
  subscribe,
  text,
  token,
  values,
} from './testing/engine-fixture.ts';
import { createTestEngine } from './testing.ts';

const channels: NonNullable<ConfigInput['channels']> = {
  'open:{id}': open,
  'members:{id}': { allow: { subscribe: 'anyone', publish: 'subscribers' } },
  'users:{id}': { allow: { publish: 'authenticated' } },
  'private:{id}': { allow: { subscribe: 'anyone' } },
  'stream:{id}': recoverable,
  'team#{users}': { allow: { publish: 'anyone' } },
};
const config = { mode: 'production', auth: { anonymous: true, jwt }, channels } satisfies ConfigInput;

describe('from a client', () => {
  test('reaches subscribers, the sender too, with who sent it', async () => {
    await using node = await createTestEngine({ config });
    const sender = node.dial();
    const { connect } = await sender.request({ connect: { token: token({ sub: '42', info: { name: 'Ann' } }) } });
    const receiver = await node.connect({ format: formats.websocketProtobuf });
    for (const client of [sender, receiver]) await subscribe(client, 'stream:1');
    expect((await sender.request({ publish: { channel: 'stream:1', data: json({ a: 1 }) } })).publish).toEqual({});
    const info = { user: '42', client: connect?.client, conn_info: json({ name: 'Ann' }) };
    for (const client of [sender, receiver]) {
      expect(await publications(client)).toEqual([{ data: json({ a: 1 }), offset: 1, info }]);
    }
    expect(node.engine.metrics.publications.counts.get('client')).toBe(1);
  });

  test('the info of the subscription goes along', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect();
    await subscribe(client, 'open:1', { token: token({ channel: 'open:1', info: { seat: 1 } }) });
    await client.request({ publish: { channel: 'open:1', data: json(1) } });
    const [publication] = await publications(client);
    expect(text(publication?.info?.chan_info)).toBe('{"seat":1}');
  });

  test('permission by the options of the channel', async () => {
    await using node = await createTestEngine({ config });
    const anonymous = await node.connect();
    const named = await node.connect({ token: token({ sub: '42' }) });
    const publish = (client: typeof named, channel: string) =>
      codeOf(client.request({ publish: { channel, data: json(1) } }));
    expect(await publish(anonymous, 'open:1')).toBeUndefined();
    expect(await publish(anonymous, 'users:1')).toBe(103);
    expect(await publish(named, 'users:1')).toBeUndefined();
    expect(await publish(anonymous, 'members:1')).toBe(103);
    await subscribe(anonymous, 'members:1');
    expect(await publish(anonymous, 'members:1')).toBeUndefined();
    expect(await publish(named, 'private:1')).toBe(103);
    expect(await publish(named, 'nowhere')).toBe(102);
    expect(await publish(named, `open:${'x'.repeat(251)}`)).toBe(107);
    expect(await publish(named, 'team#42')).toBeUndefined();
    expect(await publish(named, 'team#43')).toBe(103);
    named.send({ id: 99, publish: { channel: '', data: json(1) } });
    expect(await closeCodeOf(named)).toBe(3501);
  });

  test('no data, or a kind of publication there is not', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect();
    expect(await codeOf(client.request({ publish: { channel: 'open:1' } }))).toBe(107);
    expect(await codeOf(client.request({ publish: { channel: 'open:1', data: json(1), key: 'k' } }))).toBe(108);
    expect(await codeOf(client.request({ publish: { channel: 'open:1', data: json(1), type: 1 } }))).toBe(108);
  });

  test('bytes that are not JSON are refused where JSON is promised', async () => {
    await using node = await createTestEngine({
      config: { ...config, channels: { ...channels, bin: { ...open, payload: 'binary' } } },
    });
    const client = await node.connect({ format: formats.websocketProtobuf });
    const data = new TextEncoder().encode('{"a":1}\n{"push":{}}');
    const watcher = await node.connect();
    await subscribe(watcher, 'open:1');
    expect(await codeOf(client.request({ publish: { channel: 'open:1', data } }))).toBe(107);
    expect(await publications(watcher)).toEqual([]);
    expect(await codeOf(client.request({ publish: { channel: 'bin', data } }))).toBeUndefined();
  });

  test('line breaks in JSON do not break frames', async () => {
    await using node = await createTestEngine({ config });
    const watcher = await node.connect();
    await subscribe(watcher, 'open:1');
    const sender = await node.connect({ format: formats.websocketProtobuf });
    await sender.request({ publish: { channel: 'open:1', data: new TextEncoder().encode('{\n"a":\r\n1}') } });
    expect(values(await publications(watcher))).toEqual([{ a: 1 }]);
  });

  test('those of one channel keep their order', async () => {
    await using node = await createTestEngine({ config });
    const watcher = await node.connect();
    await subscribe(watcher, 'open:1');
    const sender = await node.connect();
    sender.send(Array.from({ length: 50 }, (_, i) => ({ id: i + 10, publish: { channel: 'open:1', data: json(i) } })));
    await sender.next(({ id }) => id === 59);
    expect(values(await publications(watcher))).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });
});

describe('the publish hook', () => {
  const hooked = {
    'ask:{id}': { ...recoverable, hooks: { publish: true } },
    'ask#{users}': { hooks: { publish: true } },
    plain: open,
  };
  const withHook = (publish: NonNullable<Hooks['publish']>) =>
    createTestEngine({ config: { ...config, channels: hooked }, hooks: { publish } });

  test('is told who asks, and may replace data, add tags and skip history', async () => {
    let asked: PublishHookRequest | undefined;
    await using node = await withHook(async (request) => {
      asked = request;
      return { data: json('replaced'), tags: { a: '1' }, skipHistory: true };
    });
    const client = await node.connect({ token: token({ sub: '42' }) });
    await subscribe(client, 'ask:1');
    await client.request({ publish: { channel: 'ask:1', data: json('sent') } });
    expect(asked).toMatchObject({ user: '42', channel: 'ask:1', data: json('sent') });
    const [publication] = await publications(client);
    expect(publication).toMatchObject({ data: json('replaced'), tags: { a: '1' }, info: { user: '42' } });
    expect(publication).not.toHaveProperty('offset');
    expect((await node.engine.api.history({ channel: 'ask:1', limit: -1 })).publications).toEqual([]);
  });

  test('an empty answer lets it pass as it is', async () => {
    await using node = await withHook(async () => undefined);
    const client = await node.connect();
    await subscribe(client, 'ask:1');
    await client.request({ publish: { channel: 'ask:1', data: json('sent') } });
    expect(await publications(client)).toMatchObject([{ data: json('sent'), offset: 1 }]);
  });

  test('refuses, closes, or gives what is not JSON', async () => {
    let answer: () => Promise<{ data: Uint8Array }> = () => {
      throw new ProtocolError({ code: 1001, message: 'no', temporary: false });
    };
    await using node = await withHook(async () => answer());
    const client = await node.connect();
    await subscribe(client, 'ask:1');
    const publish = () => codeOf(client.request({ publish: { channel: 'ask:1', data: json(1) } }));
    expect(await publish()).toBe(1001);
    answer = async () => ({ data: new Uint8Array([0xff]) });
    expect(await publish()).toBe(107);
    expect(await publications(client)).toEqual([]);
    answer = () => {
      throw new HookDisconnect(4000, 'later');
    };
    client.send({ id: 99, publish: { channel: 'ask:1', data: json(1) } });
    expect(await closeCodeOf(client)).toBe(4000);
  });

  test('is not asked about channels without it, nor for those whom the channel does not name', async () => {
    let asked = 0;
    await using node = await withHook(async () => void asked++);
    const client = await node.connect({ token: token({ sub: '42' }) });
    expect(await codeOf(client.request({ publish: { channel: 'plain', data: json(1) } }))).toBeUndefined();
    expect(await codeOf(client.request({ publish: { channel: 'ask#43', data: json(1) } }))).toBe(103);
    expect(asked).toBe(0);
    expect(await codeOf(client.request({ publish: { channel: 'ask#42', data: json(1) } }))).toBeUndefined();
    expect(asked).toBe(1);
  });
});

describe('from the application', () => {
  test('asks nobody, and tells the position', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect();
    await subscribe(client, 'private:1');
    expect(await node.engine.publish('private:1', { a: 1 }, { tags: { t: '1' } })).toEqual({});
    expect(await publications(client)).toEqual([{ data: json({ a: 1 }), tags: { t: '1' } }]);
    expect(await node.engine.publish('stream:1', 1)).toEqual({ offset: 1, epoch: expect.any(String) });
    expect(node.engine.metrics.publications.counts.get('server')).toBe(2);
  });

  test.each([
    ['an unknown channel', 'nowhere', json(1), 102],
    ['no channel', '', json(1), 107],
    ['no data', 'open:1', new Uint8Array(), 107],
    ['data that is not JSON', 'open:1', new Uint8Array([0x7b]), 107],
  ])('%s is refused', async (_what, channel, data, code) => {
    await using node = await createTestEngine({ config });
    await expect(node.engine.api.publish({ channel, data })).rejects.toMatchObject({ code });
  });

  test('an idempotency key publishes once within five minutes', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect();
    await subscribe(client, 'stream:1');
    const first = await node.engine.publish('stream:1', 1, { idempotencyKey: 'k' });
    expect(await node.engine.publish('stream:1', 2, { idempotencyKey: 'k' })).toEqual(first);
    await node.clock.advance(299_000);
    expect(await node.engine.publish('stream:1', 3, { idempotencyKey: 'k' })).toEqual(first);
    await node.engine.publish('stream:2', 4, { idempotencyKey: 'k' });
    await node.clock.advance(2_000);
    await node.engine.publish('stream:1', 5, { idempotencyKey: 'k' });
    expect(values(await publications(client))).toEqual([1, 5]);
  });

  test('a version publishes only what is newer, within its epoch', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect();
    await subscribe(client, 'stream:1');
    for (const [value, version, versionEpoch] of [
      [1, 5, 'a'],
      [2, 5, 'a'],
      [3, 4, 'a'],
      [4, 6, 'a'],
      [5, 1, 'b'],
      [6, undefined, undefined],
    ] as const) {
      await node.engine.publish('stream:1', value, { version, versionEpoch });
    }
    expect(values(await publications(client))).toEqual([1, 4, 5, 6]);
  });

  test('what skips history has no place in the stream', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect();
    await subscribe(client, 'stream:1', { recoverable: true });
    expect(await node.engine.publish('stream:1', 'signal', { skipHistory: true })).toEqual({});
    await node.engine.publish('stream:1', 'kept');
    const got = await publications(client);
    expect(got.map(({ offset }) => offset)).toEqual([undefined, 1]);
    expect(values((await node.engine.api.history({ channel: 'stream:1', limit: -1 })).publications)).toEqual(['kept']);
  });
});
