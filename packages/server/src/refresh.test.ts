import { ProtocolError } from '@tidings/protocol';
import { describe, expect, test } from 'vitest';
import { HookDisconnect, type Hooks, type RefreshHookResult } from './auth/hooks.ts';
import type { ConfigInput } from './config/schema.ts';
import { settle } from './lib/clock.ts';
import {
  closeCodeOf,
  codeOf,
  json,
  jwt,
  open,
  pushes,
  startSeconds,
  subscribe,
  text,
  token,
} from './testing/engine-fixture.ts';
import { createTestEngine, type TestEngine } from './testing.ts';

const channels: NonNullable<ConfigInput['channels']> = {
  room: { ...open, presence: true },
  private: { presence: true },
};
const config = { mode: 'production', auth: { anonymous: true, jwt }, channels } satisfies ConfigInput;
const in60s = startSeconds + 60;
const infoOf = async (node: TestEngine, channel: string) =>
  Object.values((await node.engine.api.presence({ channel })).presence)[0];

describe('a connection with a token that expires', () => {
  test('is told, gets 25 seconds of grace, then is closed with 3005', async () => {
    await using node = await createTestEngine({ config });
    const client = node.dial();
    const { connect } = await client.request({ connect: { token: token({ sub: '42', exp: in60s }) } });
    expect(connect).toMatchObject({ expires: true, ttl: 60 });
    await node.clock.advance(84_900);
    expect(client.closeReason).toBeUndefined();
    await node.clock.advance(500);
    expect(client.closeReason?.code).toBe(3005);
  });

  test('stays with a fresh token, and takes over its info', async () => {
    await using node = await createTestEngine({ config });
    const client = node.dial();
    await client.request({ connect: { token: token({ sub: '42', exp: in60s, info: { v: 1 } }) } });
    await subscribe(client, 'room');
    await node.clock.advance(70_000);
    const fresh = token({ sub: '42', exp: startSeconds + 200, info: { v: 2 } });
    expect((await client.request({ refresh: { token: fresh } })).refresh).toEqual({
      client: expect.any(String),
      version: expect.stringMatching(/^Tidings /),
      expires: true,
      ttl: 130,
    });
    await node.clock.advance(100_000);
    expect(client.closeReason).toBeUndefined();
    expect(text((await infoOf(node, 'room'))?.conn_info)).toBe('{"v":2}');
    await node.clock.advance(60_000);
    expect(client.closeReason?.code).toBe(3005);
  });

  test('a fresh token without expiry ends the matter', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect({ token: token({ sub: '42', exp: in60s }) });
    const { refresh } = await client.request({ refresh: { token: token({ sub: '42' }) } });
    expect(refresh).not.toHaveProperty('expires');
    await node.clock.advance(600_000);
    expect(client.closeReason).toBeUndefined();
  });

  test('expire_at counts instead of exp; 0 is never', async () => {
    await using node = await createTestEngine({ config });
    const connect = (claims: object) => node.dial().request({ connect: { token: token({ sub: '42', ...claims }) } });
    expect((await connect({ exp: in60s, expire_at: startSeconds + 600 })).connect).toMatchObject({ ttl: 600 });
    expect((await connect({ exp: in60s, expire_at: 0 })).connect).not.toHaveProperty('expires');
    expect((await connect({ expire_at: in60s })).connect).toMatchObject({ expires: true, ttl: 60 });
  });

  test('refused: no token 107, expired 109, another user or invalid 3500; a refusal changes nothing', async () => {
    await using node = await createTestEngine({ config });
    const connect = () => node.connect({ token: token({ sub: '42', exp: in60s }) });
    const client = await connect();
    expect(await codeOf(client.request({ refresh: {} }))).toBe(107);
    expect(await codeOf(client.request({ refresh: { token: token({ sub: '42', exp: startSeconds }) } }))).toBe(109);
    const past = token({ sub: '42', exp: in60s, expire_at: startSeconds - 100 });
    expect(await codeOf(client.request({ refresh: { token: past } }))).toBe(109);
    await node.clock.advance(50_000);
    expect(client.closeReason).toBeUndefined();
    for (const bad of [token({ sub: '43' }), 'garbage', token({})]) {
      const other = await node.connect({ token: token({ sub: '42' }) });
      other.send({ id: 99, refresh: { token: bad } });
      expect(await closeCodeOf(other)).toBe(3500);
    }
  });

  test('where no tokens are configured refresh is 108', async () => {
    await using node = await createTestEngine();
    const client = await node.connect();
    expect(await codeOf(client.request({ refresh: { token: 'T' } }))).toBe(108);
  });
});

describe('a connection that a hook let in', () => {
  const start = async (refresh?: Hooks['refresh']) =>
    createTestEngine({
      config: { mode: 'production', channels },
      hooks: { connect: async () => ({ user: '42', expireAt: in60s }), ...(refresh && { refresh }) },
    });

  test('is asked about when it expires, without the client', async () => {
    let asked = 0;
    await using node = await start(async (request) => {
      asked++;
      expect(request.user).toBe('42');
      return { expireAt: startSeconds + 60 * (asked + 1), info: json({ asked }) };
    });
    const client = await node.connect();
    await subscribe(client, 'room');
    await node.clock.advance(59_000);
    expect(asked).toBe(0);
    await node.clock.advance(2_000);
    expect(asked).toBe(1);
    await node.clock.advance(119_000);
    expect(asked).toBe(3);
    expect(client.closeReason).toBeUndefined();
    expect(client.inbox).toEqual([]);
    // Presence takes it over when it is renewed.
    await node.clock.advance(25_000);
    expect(text((await infoOf(node, 'room'))?.conn_info)).toBe('{"asked":3}');
  });

  test('an answer without expiry ends the matter', async () => {
    let asked = 0;
    await using node = await start(async () => void asked++);
    const client = await node.connect();
    await node.clock.advance(600_000);
    expect(asked).toBe(1);
    expect(client.closeReason).toBeUndefined();
  });

  const endings: [string, Hooks['refresh'], number][] = [
    ['without a refresh hook', undefined, 3005],
    ['when it says so', async () => ({ expired: true }), 3005],
    ['when its answer is over already', async () => ({ expireAt: in60s }), 3005],
    ['when it fails', () => Promise.reject(new Error('broken')), 3005],
    ['when it refuses', () => Promise.reject(new ProtocolError({ code: 103, message: 'no', temporary: false })), 3005],
    ['with the code of a disconnect', () => Promise.reject(new HookDisconnect(4500, 'banned')), 4500],
  ];
  test.each(endings)('is closed %s, at once', async (_what, refresh, code) => {
    await using node = await start(refresh);
    const client = await node.connect();
    await node.clock.advance(59_500);
    expect(client.closeReason).toBeUndefined();
    await node.clock.advance(1_000);
    expect(client.closeReason?.code).toBe(code);
  });

  test('a slow answer is asked for once, and does not matter once the client is gone', async () => {
    const gate = Promise.withResolvers<RefreshHookResult>();
    let asked = 0;
    await using node = await start(() => {
      asked++;
      return gate.promise;
    });
    const client = await node.connect();
    await node.clock.advance(120_000);
    expect(asked).toBe(1);
    expect(client.closeReason).toBeUndefined();
    client.close();
    gate.resolve({ expireAt: startSeconds + 600 });
    await settle();
    await node.clock.advance(600_000);
    expect(asked).toBe(1);
    expect((await node.engine.api.info()).nodes[0]?.clients).toBe(0);
  });
});

describe('a subscription with a token that expires', () => {
  const channel = 'private';
  const claims = (exp: number, more: object = {}) => token({ channel, exp, ...more });

  test('is told, gets 25 seconds of grace, then ends with 2501; the connection stays', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect();
    expect(await subscribe(client, channel, { token: claims(in60s) })).toEqual({ expires: true, ttl: 60 });
    await node.clock.advance(84_900);
    expect(await pushes(client)).toEqual([]);
    await node.clock.advance(500);
    expect(await pushes(client)).toEqual([{ channel, unsubscribe: { code: 2501, reason: 'expired' } }]);
    expect(client.closeReason).toBeUndefined();
    expect(await node.engine.api.presenceStats({ channel })).toEqual({ clients: 0, users: 0 });
  });

  test('stays with a fresh token, and takes over its info', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect();
    await subscribe(client, channel, { token: claims(in60s, { info: { v: 1 } }) });
    await node.clock.advance(70_000);
    const fresh = claims(startSeconds + 200, { info: { v: 2 } });
    expect((await client.request({ sub_refresh: { channel, token: fresh } })).sub_refresh).toEqual({
      expires: true,
      ttl: 130,
    });
    await node.clock.advance(100_000);
    expect(await pushes(client)).toEqual([]);
    expect(text((await infoOf(node, channel))?.chan_info)).toBe('{"v":2}');
    await node.clock.advance(60_000);
    expect(await pushes(client)).toMatchObject([{ unsubscribe: { code: 2501 } }]);
  });

  test('a fresh token without expiry ends the matter', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect();
    await subscribe(client, channel, { token: claims(in60s) });
    expect((await client.request({ sub_refresh: { channel, token: token({ channel }) } })).sub_refresh).toEqual({});
    await node.clock.advance(600_000);
    expect(await pushes(client)).toEqual([]);
  });

  test('refused: not subscribed 103, no token 107, invalid 103, expired 109, track 108; it changes nothing', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect();
    const refresh = (request: object) => codeOf(client.request({ sub_refresh: { channel, ...request } }));
    expect(await refresh({ token: claims(in60s) })).toBe(103);
    await subscribe(client, channel, { token: claims(in60s) });
    expect(await refresh({})).toBe(107);
    expect(await refresh({ token: 'garbage' })).toBe(103);
    expect(await refresh({ token: claims(startSeconds) })).toBe(109);
    expect(await refresh({ token: claims(in60s, { expire_at: startSeconds - 100 }) })).toBe(109);
    expect(await refresh({ type: 1 })).toBe(108);
    await node.clock.advance(50_000);
    expect(await pushes(client)).toEqual([]);
  });

  test.each([
    ['another channel', { channel: 'room' }],
    ['another user', { channel, sub: '43' }],
    ['another client', { channel, client: 'c' }],
  ])('a token for %s closes with 3500', async (_what, bad) => {
    await using node = await createTestEngine({ config });
    const client = await node.connect();
    await subscribe(client, channel, { token: claims(in60s) });
    client.send({ id: 99, sub_refresh: { channel, token: token(bad) } });
    expect(await closeCodeOf(client)).toBe(3500);
  });
});

describe('a subscription that a hook granted', () => {
  const start = (subRefresh?: Hooks['subRefresh'], asks = subRefresh !== undefined) =>
    createTestEngine({
      config: { ...config, channels: { 'ask:{id}': { ...open, hooks: { subscribe: true, subRefresh: asks } } } },
      hooks: { subscribe: async () => ({ expireAt: in60s }), ...(subRefresh && { subRefresh }) },
    });

  test('is asked about when it expires', async () => {
    let asked = 0;
    await using node = await start(async (request) => {
      asked++;
      expect(request.channel).toBe('ask:1');
      return { expireAt: startSeconds + 60 * (asked + 1) };
    });
    const client = await node.connect();
    await subscribe(client, 'ask:1');
    await node.clock.advance(59_000);
    expect(asked).toBe(0);
    await node.clock.advance(122_000);
    expect(asked).toBe(3);
    expect(await pushes(client)).toEqual([]);
  });

  const endings: [string, Hooks['subRefresh']][] = [
    ['without a subRefresh hook', undefined],
    ['when it says so', async () => ({ expired: true })],
    ['when its answer is over already', async () => ({ expireAt: in60s })],
    ['when it fails', () => Promise.reject(new Error('broken'))],
  ];
  test.each(endings)('ends with 2501 %s', async (_what, subRefresh) => {
    await using node = await start(subRefresh);
    const client = await node.connect();
    await subscribe(client, 'ask:1');
    await node.clock.advance(61_000);
    expect(await pushes(client)).toEqual([{ channel: 'ask:1', unsubscribe: { code: 2501, reason: 'expired' } }]);
    expect(client.closeReason).toBeUndefined();
  });

  test('the hook is not asked where the channel does not say so', async () => {
    let asked = 0;
    await using node = await start(async () => void asked++, false);
    const client = await node.connect();
    await subscribe(client, 'ask:1');
    await node.clock.advance(61_000);
    expect(asked).toBe(0);
    expect(await pushes(client)).toMatchObject([{ unsubscribe: { code: 2501 } }]);
  });

  test('the hook may close the connection', async () => {
    await using node = await start(() => Promise.reject(new HookDisconnect(4500, 'banned')));
    const client = await node.connect();
    await subscribe(client, 'ask:1');
    await node.clock.advance(61_000);
    expect(client.closeReason).toEqual({ code: 4500, reason: 'banned' });
  });

  test('one that ended meanwhile is not ended twice', async () => {
    const gate = Promise.withResolvers<RefreshHookResult>();
    await using node = await start(() => gate.promise);
    const client = await node.connect();
    await subscribe(client, 'ask:1');
    await node.clock.advance(61_000);
    await client.request({ unsubscribe: { channel: 'ask:1' } });
    gate.resolve({ expired: true });
    expect(await pushes(client)).toEqual([]);
  });
});

describe('a server-side subscription that expires', () => {
  test('closes the connection with 3006', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect({ token: token({ sub: '42', subs: { room: { expire_at: in60s } } }) });
    await node.clock.advance(59_500);
    expect(client.closeReason).toBeUndefined();
    await node.clock.advance(1_000);
    expect(client.closeReason?.code).toBe(3006);
  });
});

describe('the application refreshes', () => {
  test('a new time, told by a push; a past one or expired closes with 3005', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect({ token: token({ sub: '42', exp: in60s }) });
    await node.engine.api.refresh({ user: '42', expireAt: startSeconds + 600 });
    expect(await pushes(client)).toEqual([{ refresh: { expires: true, ttl: 600 } }]);
    await node.clock.advance(300_000);
    expect(client.closeReason).toBeUndefined();
    await node.engine.api.refresh({ user: '42' });
    expect(await pushes(client)).toEqual([{ refresh: {} }]);
    await node.clock.advance(600_000);
    expect(client.closeReason).toBeUndefined();
    await node.engine.api.refresh({ user: '42', expireAt: in60s });
    expect(client.closeReason?.code).toBe(3005);
    const other = await node.connect({ token: token({ sub: '42' }) });
    await node.engine.api.refresh({ user: '42', expired: true });
    expect(other.closeReason?.code).toBe(3005);
  });
});
