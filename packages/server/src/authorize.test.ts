import { errors, ProtocolError } from '@tidings/protocol';
import { describe, expect, test } from 'vitest';
import type { Authorizer } from './auth/authorizer.ts';
import { HookDisconnect, type Hooks, type SubscribeHookRequest } from './auth/hooks.ts';
import type { ConfigInput } from './config/schema.ts';
import {
  closeCodeOf,
  codeOf,
  json,
  jwt,
  open,
  publications,
  recoverable,
  startSeconds,
  subscribe,
  text,
  token,
  values,
} from './testing/engine-fixture.ts';
import { createTestEngine } from './testing.ts';

const channels: NonNullable<ConfigInput['channels']> = {
  'open:{id}': open,
  'users:{id}': { allow: { subscribe: 'authenticated' } },
  'private:{id}': {},
  'stream:{id}': recoverable,
  'team#{users}': {},
};
const config = { mode: 'production', auth: { anonymous: true, jwt }, channels } satisfies ConfigInput;
const soon = startSeconds + 60;

describe('permission', () => {
  test('by the options of the channel', async () => {
    await using node = await createTestEngine({ config });
    const anonymous = await node.connect();
    const named = await node.connect({ token: token({ sub: '42' }) });
    const asks = async (client: typeof named, channel: string) => codeOf(client.request({ subscribe: { channel } }));
    expect(await asks(anonymous, 'open:1')).toBeUndefined();
    expect(await asks(anonymous, 'users:1')).toBe(103);
    expect(await asks(named, 'users:1')).toBeUndefined();
    expect(await asks(named, 'private:1')).toBe(103);
    expect(await asks(named, 'nowhere')).toBe(102);
    expect(node.engine.metrics.denials.counts.get('subscribe')).toBe(2);
  });

  test('by a token for channel, user and client', async () => {
    await using node = await createTestEngine({ config });
    const client = node.dial();
    const { connect } = await client.request({ connect: { token: token({ sub: '42' }) } });
    const claims = { channel: 'private:1', sub: '42', client: connect?.client, info: { role: 'x' } };
    const result = await subscribe(client, 'private:1', { token: token(claims) });
    expect(result).toEqual({});
    const byClient = token({ channel: 'private:2', client: connect?.client });
    expect(await codeOf(client.request({ subscribe: { channel: 'private:2', token: byClient } }))).toBeUndefined();
  });

  test('a token that names nobody is for anonymous clients', async () => {
    await using node = await createTestEngine({ config });
    const subscribeTo = { channel: 'private:1', token: token({ channel: 'private:1' }) };
    const anonymous = await node.connect();
    expect(await codeOf(anonymous.request({ subscribe: subscribeTo }))).toBeUndefined();
    const named = await node.connect({ token: token({ sub: '42' }) });
    named.send({ id: 9, subscribe: subscribeTo });
    expect(await closeCodeOf(named)).toBe(3500);
  });

  test.each([
    ['another channel', { channel: 'private:2', sub: '42' }],
    ['another user', { channel: 'private:1', sub: '43' }],
    ['another client', { channel: 'private:1', sub: '42', client: 'c' }],
  ])('a token for %s closes with 3500', async (_what, claims) => {
    await using node = await createTestEngine({ config });
    const client = await node.connect({ token: token({ sub: '42' }) });
    client.send({ id: 9, subscribe: { channel: 'private:1', token: token(claims) } });
    expect(await closeCodeOf(client)).toBe(3500);
  });

  test('a token that expired is 109, an invalid one 103', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect();
    const channel = 'private:1';
    const expired = token({ channel, exp: startSeconds });
    expect(await codeOf(client.request({ subscribe: { channel, token: expired } }))).toBe(109);
    expect(await codeOf(client.request({ subscribe: { channel, token: `${expired}x` } }))).toBe(103);
    expect(await codeOf(client.request({ subscribe: { channel, token: token({ sub: '42' }) } }))).toBe(103);
    expect(client.closeReason).toBeUndefined();
  });

  test('a token where none is configured is 103', async () => {
    await using node = await createTestEngine({ config: { ...config, auth: { anonymous: true } } });
    const client = await node.connect();
    const request = { channel: 'private:1', token: token({ channel: 'private:1' }) };
    expect(await codeOf(client.request({ subscribe: request }))).toBe(103);
  });

  test('of those named behind #, without asking anybody', async () => {
    let asked = 0;
    const hooks: Hooks = { subscribe: async () => void asked++ };
    const named = { ...channels, 'hooked#{users}': { hooks: { subscribe: true } } };
    await using node = await createTestEngine({ config: { ...config, channels: named }, hooks });
    const ask = async (user: string | undefined, channel: string) => {
      const client = await node.connect(user ? { token: token({ sub: user }) } : {});
      return codeOf(client.request({ subscribe: { channel } }));
    };
    expect(await ask('42', 'team#41,42')).toBeUndefined();
    expect(await ask('4', 'team#41,42')).toBe(103);
    expect(await ask('43', 'team#41,42')).toBe(103);
    expect(await ask(undefined, 'team#41,42')).toBe(103);
    expect(await ask(undefined, 'team#,')).toBe(103);
    // A hook cannot let in others.
    expect(await ask('43', 'hooked#42')).toBe(103);
    expect(asked).toBe(0);
    expect(await ask('42', 'hooked#42')).toBeUndefined();
    expect(asked).toBe(1);
  });

  test('an authorizer that throws denies', async () => {
    const authorizer: Authorizer = {
      decide: (_who, _action, { channel }) => {
        if (channel === 'open:1') throw new Error('a rule is broken');
        return { allow: false, error: { code: 1000, message: 'not you', temporary: false }, because: 'of that' };
      },
    };
    await using node = await createTestEngine({ config, authorizer });
    const client = await node.connect();
    expect(await codeOf(client.request({ subscribe: { channel: 'open:1' } }))).toBe(103);
    expect((await client.request({ subscribe: { channel: 'open:2' } })).error).toEqual({
      code: 1000,
      message: 'not you',
    });
  });
});

describe('the subscribe hook', () => {
  const hooked = { 'ask:{id}': { ...recoverable, presence: true, hooks: { subscribe: true } }, plain: open };
  const withHook = (hook: NonNullable<Hooks['subscribe']>) =>
    createTestEngine({ config: { ...config, channels: hooked }, hooks: { subscribe: hook } });

  test('is told who asks, and grants with details', async () => {
    let asked: SubscribeHookRequest | undefined;
    await using node = await withHook(async (request) => {
      asked = request;
      return { data: json('hello'), info: json({ seat: 1 }), override: { recovery: false, positioning: false } };
    });
    const client = await node.connect({ token: token({ sub: '42', meta: { m: 1 } }) });
    const result = await subscribe(client, 'ask:1', { data: json(5), token: 'T', recoverable: true });
    expect(result).toEqual({ data: json('hello') });
    expect(asked).toMatchObject({
      user: '42',
      channel: 'ask:1',
      token: 'T',
      data: json(5),
      meta: { m: 1 },
      transport: 'memory',
    });
    const [info] = Object.values((await node.engine.api.presence({ channel: 'ask:1' })).presence);
    expect(text(info?.chan_info)).toBe('{"seat":1}');
  });

  test('is not asked about channels without it', async () => {
    await using node = await withHook(async () => {
      throw new ProtocolError(errors.permissionDenied);
    });
    const client = await node.connect();
    await subscribe(client, 'plain');
    expect(await codeOf(client.request({ subscribe: { channel: 'ask:1' } }))).toBe(103);
  });

  test('refuses, closes, or fails', async () => {
    let thrown: Error = new ProtocolError({ code: 1234, message: 'no', temporary: false });
    await using node = await withHook(async () => {
      throw thrown;
    });
    const client = await node.connect();
    const ask = () => client.request({ subscribe: { channel: 'ask:1' } });
    expect(await codeOf(ask())).toBe(1234);
    thrown = new Error('broken');
    expect((await ask()).error).toEqual({ code: 100, message: 'internal server error', temporary: true });
    thrown = new HookDisconnect(4999, 'bye');
    client.send({ id: 99, subscribe: { channel: 'ask:1' } });
    expect(await client.closed).toEqual({ code: 4999, reason: 'bye' });
  });

  test('a slow one holds up no other channel', async () => {
    const gate = Promise.withResolvers<undefined>();
    await using node = await withHook(() => gate.promise);
    const client = await node.connect();
    const slow = client.request({ subscribe: { channel: 'ask:1' } });
    await subscribe(client, 'plain');
    await node.engine.publish('plain', 1);
    expect(values(await publications(client))).toEqual([1]);
    gate.resolve(undefined);
    expect(await codeOf(slow)).toBeUndefined();
  });

  test('a grant that is over already is 110; info that is not JSON 107', async () => {
    let grant: Awaited<ReturnType<NonNullable<Hooks['subscribe']>>> = { expireAt: startSeconds };
    await using node = await withHook(async () => grant);
    const client = await node.connect();
    expect(await codeOf(client.request({ subscribe: { channel: 'ask:1' } }))).toBe(110);
    grant = { info: new Uint8Array([1]) };
    expect(await codeOf(client.request({ subscribe: { channel: 'ask:1' } }))).toBe(107);
    expect((await node.engine.api.info()).nodes[0]?.subscriptions).toBe(0);
    grant = { expireAt: soon };
    // The server refreshes: the client is told nothing of it.
    expect(await subscribe(client, 'ask:1')).not.toHaveProperty('expires');
  });
});
