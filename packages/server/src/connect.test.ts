import { closeCodes, errors, formats, ProtocolError, type Reply } from '@tidings/protocol';
import { describe, expect, test } from 'vitest';
import { HookDisconnect, type ConnectHookRequest, type Hooks } from './auth/hooks.ts';
import { settle } from './lib/clock.ts';
import {
  closeCodeOf,
  codeOf,
  json,
  jwt,
  open,
  pushes,
  recoverable,
  startSeconds,
  subscribe,
  taken,
  text,
  token,
} from './testing/engine-fixture.ts';
import { createTestEngine } from './testing.ts';

const namedOnly = { mode: 'production', auth: { jwt } } as const;

describe('who connects', () => {
  test('anybody, where anonymous is on', async () => {
    await using node = await createTestEngine();
    const { connect } = await node.dial().request({ connect: {} });
    expect(connect?.client).toMatch(/^[0-9a-f-]{36}$/);
    expect(connect).toMatchObject({ version: expect.stringMatching(/^Tidings /), ping: 25, pong: true });
    expect(connect).not.toHaveProperty('expires');
    expect(connect).not.toHaveProperty('subs');
    expect(connect).not.toHaveProperty('session');
  });

  test('nobody without credentials otherwise: closed with 3501', async () => {
    await using node = await createTestEngine({ config: namedOnly });
    const client = node.dial();
    client.send({ id: 1, connect: {} });
    expect(await closeCodeOf(client)).toBe(3501);
    expect((await node.engine.api.info()).nodes[0]?.clients).toBe(0);
  });

  test('the user that a token names, with its info', async () => {
    await using node = await createTestEngine({
      config: { ...namedOnly, channels: { room: { ...open, presence: true } } },
    });
    const client = await node.connect({ token: token({ sub: '42', info: { name: 'Ann' } }) });
    await subscribe(client, 'room');
    const [info] = Object.values((await node.engine.api.presence({ channel: 'room' })).presence);
    expect(info?.user).toBe('42');
    expect(text(info?.conn_info)).toBe('{"name":"Ann"}');
  });

  test('a token without sub is anonymous', async () => {
    await using node = await createTestEngine({
      config: { ...namedOnly, channels: { room: { allow: { subscribe: 'authenticated' } } } },
    });
    const client = await node.connect({ token: token({ exp: startSeconds + 60 }) });
    expect(await codeOf(client.request({ subscribe: { channel: 'room' } }))).toBe(103);
  });

  test('an expired token is error 109, after which the connection is unusable', async () => {
    await using node = await createTestEngine({ config: namedOnly });
    const client = node.dial();
    expect(await codeOf(client.request({ connect: { token: token({ sub: '42', exp: startSeconds }) } }))).toBe(109);
    expect(client.closeReason).toBeUndefined();
    client.send({ id: 2, connect: { token: token({ sub: '42' }) } });
    expect(await closeCodeOf(client)).toBe(3501);
  });

  test('a connection that is over already by expire_at is error 110', async () => {
    await using node = await createTestEngine({ config: namedOnly });
    const claims = { sub: '42', exp: startSeconds + 60, expire_at: startSeconds };
    expect(await codeOf(node.dial().request({ connect: { token: token(claims) } }))).toBe(110);
    expect((await node.engine.api.info()).nodes[0]?.clients).toBe(0);
  });

  test.each([
    ['signed by somebody else', `${token({ sub: '42' }).slice(0, -4)}AAAA`],
    ['no token at all', 'garbage'],
    ['a subscription token', token({ sub: '42', channel: 'room' })],
  ])('%s closes with 3500', async (_what, bad) => {
    await using node = await createTestEngine({ config: namedOnly });
    const client = node.dial();
    client.send({ id: 1, connect: { token: bad } });
    expect(await closeCodeOf(client)).toBe(3500);
  });

  test('a token where none is configured closes with 3500', async () => {
    await using node = await createTestEngine();
    const client = node.dial();
    client.send({ id: 1, connect: { token: token({ sub: '42' }) } });
    expect(await closeCodeOf(client)).toBe(3500);
  });

  test('a name of more than 16 or a version of more than 64 characters is error 107', async () => {
    await using node = await createTestEngine();
    expect(await codeOf(node.dial().request({ connect: { name: 'x'.repeat(17) } }))).toBe(107);
    expect(await codeOf(node.dial().request({ connect: { version: 'x'.repeat(65) } }))).toBe(107);
    const fits = { name: 'x'.repeat(16), version: 'x'.repeat(64) };
    expect(await codeOf(node.dial().request({ connect: fits }))).toBeUndefined();
  });
});

describe('the connect hook', () => {
  const withHook = (connect: NonNullable<Hooks['connect']>) =>
    createTestEngine({ hooks: { connect }, config: { mode: 'production', channels: { 'room:{id}': open } } });

  test('is told who asks, and says who it is', async () => {
    let asked: ConnectHookRequest | undefined;
    await using node = await withHook(async (request) => {
      asked = request;
      return { user: '42', data: json('welcome'), subs: { 'room:1': { data: json(1) } } };
    });
    const client = node.dial({ address: '10.0.0.1', headers: { cookie: 'a' } });
    const { connect } = await client.request({ connect: { token: 'T', data: json(7), name: 'js', version: '1' } });
    expect(text(connect?.data)).toBe('"welcome"');
    expect(connect?.subs?.['room:1']).toEqual({ data: json(1) });
    expect(asked).toEqual({
      client: connect?.client,
      transport: 'memory',
      protocol: 'json',
      address: '10.0.0.1',
      headers: { cookie: 'a' },
      token: 'T',
      data: json(7),
      name: 'js',
      version: '1',
    });
  });

  test('is told headers of the connect command: configured ones, and only where the request brought none', async () => {
    let asked: ConnectHookRequest | undefined;
    const connect = async (request: ConnectHookRequest) => {
      asked = request;
      return { user: '42' };
    };
    const config = { mode: 'production' as const, transports: { forwardHeaders: ['cookie', 'x-tenant'] } };
    await using node = await createTestEngine({ hooks: { connect }, config });
    const client = node.dial({ headers: { cookie: 'of the request' } });
    await client.request({ connect: { headers: { Cookie: 'forged', 'X-Tenant': 'a', 'X-Other': 'b' } } });
    expect(asked?.headers).toEqual({ cookie: 'of the request', 'x-tenant': 'a' });
  });

  test('leaves it to the token when it does not decide', async () => {
    await using node = await createTestEngine({ hooks: { connect: async () => undefined }, config: namedOnly });
    await node.connect({ token: token({ sub: '42' }) });
    expect((await node.engine.api.info()).nodes[0]?.users).toBe(1);
    const nobody = node.dial();
    nobody.send({ id: 1, connect: {} });
    expect(await closeCodeOf(nobody)).toBe(3501);
  });

  test('refuses with an error, or closes', async () => {
    let thrown: Error = new ProtocolError({ code: 1001, message: 'go away', temporary: true });
    await using node = await withHook(async () => {
      throw thrown;
    });
    expect((await node.dial().request({ connect: {} })).error).toEqual({
      code: 1001,
      message: 'go away',
      temporary: true,
    });
    thrown = new HookDisconnect(4500, 'banned');
    const client = node.dial();
    client.send({ id: 1, connect: {} });
    expect(await client.closed).toEqual({ code: 4500, reason: 'banned' });
    thrown = new TypeError('secret detail');
    expect((await node.dial().request({ connect: {} })).error).toEqual({
      code: 100,
      message: 'internal server error',
      temporary: true,
    });
  });

  test('info that is not JSON is refused: it would break the frames of others', async () => {
    await using node = await withHook(async () => ({ user: '42', info: new Uint8Array([0xff, 0x7b]) }));
    expect(await codeOf(node.dial().request({ connect: {} }))).toBe(107);
  });

  test('its ttl is not told: the server refreshes', async () => {
    await using node = await withHook(async () => ({ user: '42', expireAt: startSeconds + 60 }));
    const { connect } = await node.dial().request({ connect: {} });
    expect(connect).not.toHaveProperty('expires');
    expect(connect).not.toHaveProperty('ttl');
  });
});

describe('what clients say of themselves', () => {
  const infoOf = async (mode: 'development' | 'production', data: Uint8Array, format = formats.websocketJson) => {
    await using node = await createTestEngine({
      config: { mode, auth: { anonymous: true }, channels: { room: { ...open, presence: true } } },
    });
    const client = await node.connect({ data, format });
    await subscribe(client, 'room');
    const [info] = Object.values((await node.engine.api.presence({ channel: 'room' })).presence);
    return info?.conn_info && text(info.conn_info);
  };

  test('is shown in development, and never in production', async () => {
    expect(await infoOf('development', json({ name: 'Ann' }))).toBe('{"name":"Ann"}');
    expect(await infoOf('production', json({ name: 'Ann' }))).toBeUndefined();
  });

  test('only if it is a JSON object of at most 1 KB', async () => {
    expect(await infoOf('development', json('Ann'))).toBeUndefined();
    expect(await infoOf('development', json({ name: 'x'.repeat(1_024) }))).toBeUndefined();
    const broken = new TextEncoder().encode('{"name":');
    expect(await infoOf('development', broken, formats.websocketProtobuf)).toBeUndefined();
  });
});

describe('subscriptions from the server side', () => {
  const channels = { 'room:{id}': recoverable, '#{user}': open, plain: open };

  test('by claims: channels and subs', async () => {
    await using node = await createTestEngine({ config: { ...namedOnly, channels } });
    await node.engine.publish('room:1', 'before');
    const client = node.dial();
    const claims = { sub: '42', channels: ['plain'], subs: { 'room:1': { data: { a: 1 }, info: { b: 2 } } } };
    const { connect } = await client.request({ connect: { token: token(claims) } });
    expect(Object.keys(connect?.subs ?? {}).toSorted()).toEqual(['plain', 'room:1']);
    expect(connect?.subs?.['plain']).toEqual({});
    expect(connect?.subs?.['room:1']).toEqual({
      data: json({ a: 1 }),
      epoch: expect.any(String),
      offset: 1,
      positioned: true,
      recoverable: true,
    });
    await node.engine.publish('plain', 1);
    await node.engine.publish('room:1', 2);
    expect((await pushes(client)).map(({ channel }) => channel)).toEqual(['plain', 'room:1']);
  });

  test('the personal channel, for users only', async () => {
    await using node = await createTestEngine({
      config: { mode: 'production', auth: { jwt, anonymous: true }, channels, personalChannel: { enabled: true } },
    });
    const named = await node.dial().request({ connect: { token: token({ sub: '42' }) } });
    expect(named.connect?.subs).toEqual({ '#42': {} });
    const anonymous = await node.dial().request({ connect: {} });
    expect(anonymous.connect).not.toHaveProperty('subs');
    const tricky = await node.dial().request({ connect: { token: token({ sub: '42,43' }) } });
    expect(tricky.connect).not.toHaveProperty('subs');
  });

  test('a user whose personal channel no pattern takes connects without it', async () => {
    await using node = await createTestEngine({
      config: {
        mode: 'production',
        auth: { jwt },
        channels: { 'me:{user}': {} },
        personalChannel: { enabled: true, prefix: 'me:' },
      },
    });
    const plain = await node.dial().request({ connect: { token: token({ sub: '42' }) } });
    expect(plain.connect?.subs).toEqual({ 'me:#42': {} });
    const colon = await node.dial().request({ connect: { token: token({ sub: 'urn:42' }) } });
    expect(colon.error).toBeUndefined();
    expect(colon.connect).not.toHaveProperty('subs');
  });

  test('recover from where the connect request says', async () => {
    await using node = await createTestEngine({ config: { ...namedOnly, channels } });
    const claims = token({ sub: '42', channels: ['room:1'] });
    const first = await node.dial().request({ connect: { token: claims } });
    await node.engine.publish('room:1', 'missed');
    const { epoch = '' } = first.connect?.subs?.['room:1'] ?? {};
    const second = await node
      .dial()
      .request({ connect: { token: claims, subs: { 'room:1': { recover: true, epoch, offset: 0 }, plain: {} } } });
    expect(second.connect?.subs?.['room:1']).toMatchObject({ was_recovering: true, recovered: true });
    expect(second.connect?.subs?.['room:1']?.publications).toHaveLength(1);
    // What a bidirectional client lists beyond what it was granted is not subscribed.
    expect(second.connect?.subs).not.toHaveProperty('plain');
  });

  test('override switches options for this subscription', async () => {
    await using node = await createTestEngine({
      config: { ...namedOnly, channels: { quiet: { ...recoverable, presence: true } } },
    });
    const override = { recovery: { value: false }, positioning: { value: false }, presence: { value: false } };
    const client = node.dial();
    const { connect } = await client.request({
      connect: { token: token({ sub: '1', subs: { quiet: { override } } }) },
    });
    expect(connect?.subs?.['quiet']).toEqual({});
    expect(await node.engine.api.presenceStats({ channel: 'quiet' })).toEqual({ clients: 0, users: 0 });
  });

  test('an unknown channel refuses the connection with 102 and leaves nothing behind', async () => {
    await using node = await createTestEngine({
      config: { ...namedOnly, channels: { room: { ...open, presence: true } } },
    });
    const client = node.dial();
    const claims = { sub: '42', channels: ['room', 'nowhere'] };
    expect(await codeOf(client.request({ connect: { token: token(claims) } }))).toBe(102);
    await settle();
    expect(client.closeReason).toBeUndefined();
    expect((await node.engine.api.info()).nodes[0]).toMatchObject({ clients: 0, subscriptions: 0, channels: 0 });
    expect(await node.engine.api.presenceStats({ channel: 'room' })).toEqual({ clients: 0, users: 0 });
  });

  test('beyond the limit closes with 3505', async () => {
    await using node = await createTestEngine({
      config: { ...namedOnly, channels, limits: { subscriptionsPerConnection: 2 } },
    });
    const client = node.dial();
    client.send({ id: 1, connect: { token: token({ sub: '42', channels: ['room:1', 'room:2', 'room:3'] }) } });
    expect(await closeCodeOf(client)).toBe(3505);
  });

  test('a grant that is over already refuses the connection with 110', async () => {
    await using node = await createTestEngine({ config: { ...namedOnly, channels } });
    const claims = { sub: '42', subs: { plain: { expire_at: startSeconds } } };
    expect(await codeOf(node.dial().request({ connect: { token: token(claims) } }))).toBe(110);
  });
});

describe('unidirectional connections', () => {
  const config = { auth: { anonymous: true, jwt }, channels: { 'room:{id}': recoverable, closed: {} } } as const;
  const format = formats.uniWebsocketJson;
  const pushed = (reply: Reply) => reply.push?.connect;

  test('the first push is connect, without pong; commands are not read', async () => {
    await using node = await createTestEngine({ config });
    const client = node.dial({ format });
    const connect = pushed(await client.request({ connect: {} }));
    expect(connect).toMatchObject({ client: expect.any(String), ping: 25 });
    expect(connect).not.toHaveProperty('pong');
    client.send({ id: 2, subscribe: { channel: 'room:1' } });
    for (let i = 0; i < 5; i++) await settle();
    await node.engine.publish('room:1', 1);
    expect(await taken(client)).toEqual([]);
    expect(await node.engine.api.channels({})).toEqual({ channels: {} });
    expect(client.closeReason).toBeUndefined();
  });

  test.each([formats.uniWebsocketJson, formats.uniWebsocketProtobuf, formats.uniSse, formats.uniHttpStreamJson])(
    'subs are their own subscriptions, and recover ($codec, $framing)',
    async (uni) => {
      await using node = await createTestEngine({ config });
      const first = await node
        .dial({ format: uni })
        .request({ connect: { subs: { 'room:1': { recoverable: true } } } });
      const { epoch = '' } = pushed(first)?.subs?.['room:1'] ?? {};
      expect(epoch).not.toBe('');
      await node.engine.publish('room:1', 'missed');
      const client = node.dial({ format: uni });
      const subs = { 'room:1': { recoverable: true, recover: true, epoch, offset: 0 } };
      const connect = pushed(await client.request({ connect: { subs } }));
      expect(connect?.subs?.['room:1']).toMatchObject({ recovered: true, publications: [{ offset: 1 }] });
      await node.engine.publish('room:1', 'live');
      expect(await pushes(client)).toEqual([{ channel: 'room:1', pub: { data: json('live'), offset: 2 } }]);
    },
  );

  test.each([
    ['no permission', { subs: { closed: {} } }, closeCodes.permissionDenied.code],
    ['an unknown channel', { subs: { 'un:known': {} } }, closeCodes.badRequest.code],
    ['an expired token', { token: token({ exp: startSeconds - 1 }) }, closeCodes.expired.code],
    ['an invalid token', { token: 'garbage' }, closeCodes.invalidToken.code],
  ])('%s closes: there is no error reply', async (_what, connect, code) => {
    await using node = await createTestEngine({ config });
    const client = node.dial({ format });
    client.send({ id: 1, connect });
    expect(await closeCodeOf(client)).toBe(code);
    expect(client.inbox).toEqual([]);
    expect((await node.engine.api.info()).nodes[0]).toMatchObject({ clients: 0, subscriptions: 0 });
  });

  test('a hook that fails closes with 3004, one that says so with its code', async () => {
    let thrown: Error = new Error('broken');
    const connect = async (): Promise<never> => {
      throw thrown;
    };
    await using node = await createTestEngine({ config, hooks: { connect } });
    const first = node.dial({ format });
    first.send({ id: 1, connect: {} });
    expect(await closeCodeOf(first)).toBe(3004);
    expect(first.inbox).toEqual([]);
    thrown = new HookDisconnect(4001, 'later');
    const second = node.dial({ format });
    second.send({ id: 1, connect: {} });
    expect(await closeCodeOf(second)).toBe(4001);
    thrown = new ProtocolError(errors.tooManyRequests);
    const third = node.dial({ format });
    third.send({ id: 1, connect: {} });
    expect(await closeCodeOf(third)).toBe(3013);
  });

  test('more subs than allowed close', async () => {
    await using node = await createTestEngine({ config: { ...config, limits: { subscriptionsPerConnection: 1 } } });
    const client = node.dial({ format });
    client.send({ id: 1, connect: { subs: { 'room:1': {}, 'room:2': {} } } });
    expect(await closeCodeOf(client)).toBe(3505);
  });
});
