import { formats, jsonCodec, type CloseReason, type Command, type Reply } from '@tidings/protocol';
import { describe, expect, test } from 'vitest';
import { createEngine } from '../engine.ts';
import { settle } from '../lib/clock.ts';
import { createLogger } from '../lib/logger.ts';
import { closeCodeOf, codeOf, json, jwt, open, publications, subscribe, token } from '../testing/engine-fixture.ts';
import { createTestEngine } from '../testing.ts';
import { MemoryTransport } from '../transports/memory.ts';

const config = { mode: 'production', auth: { anonymous: true, jwt }, channels: { 'room:{id}': open } } as const;

describe('before connect', () => {
  const early: [string, Command][] = [
    ['subscribe', { id: 1, subscribe: { channel: 'room:1' } }],
    ['publish', { id: 1, publish: { channel: 'room:1', data: json(1) } }],
    ['rpc', { id: 1, rpc: {} }],
    ['send', { send: { data: json(1) } }],
    ['a pong', {}],
    ['a command that is none', { id: 1 }],
    ['connect without id', { connect: {} }],
  ];
  test.each(early)('%s closes with 3501', async (_what, command) => {
    await using node = await createTestEngine({ config });
    const client = node.dial();
    client.send(command);
    expect(await closeCodeOf(client)).toBe(3501);
  });

  test('silence closes with 3502 after ten seconds, and not before', async () => {
    await using node = await createTestEngine({ config });
    const client = node.dial();
    await node.clock.advance(9_900);
    expect(client.closeReason).toBeUndefined();
    await node.clock.advance(500);
    expect(client.closeReason?.code).toBe(3502);
  });

  test('a connect that takes too long is stale too, and leaves nothing behind', async () => {
    const gate = Promise.withResolvers<{ user: string }>();
    await using node = await createTestEngine({ config, hooks: { connect: () => gate.promise } });
    const client = node.dial();
    client.send({ id: 1, connect: {} });
    await node.clock.advance(11_000);
    expect(client.closeReason?.code).toBe(3502);
    gate.resolve({ user: '42' });
    await settle();
    expect((await node.engine.api.info()).nodes[0]).toMatchObject({ clients: 0, users: 0 });
  });

  test('a client that was refused is closed in the end', async () => {
    await using node = await createTestEngine({ config });
    const client = node.dial();
    expect(await codeOf(client.request({ connect: { token: token({ exp: 1 }) } }))).toBe(109);
    await node.clock.advance(11_000);
    expect(client.closeReason?.code).toBe(3502);
  });
});

describe('after connect', () => {
  const wrong: [string, Command][] = [
    ['a second connect', { id: 2, connect: {} }],
    ['a subscribe without id', { subscribe: { channel: 'room:1' } }],
    ['an rpc without id', { rpc: {} }],
    ['a command that is none', { id: 2 }],
    ['an unsolicited pong', {}],
  ];
  test.each(wrong)('%s closes with 3501', async (_what, command) => {
    await using node = await createTestEngine({ config });
    const client = await node.connect();
    client.send(command);
    expect(await closeCodeOf(client)).toBe(3501);
  });

  test('a second connect beside the first closes, too', async () => {
    await using node = await createTestEngine({ config });
    const client = node.dial();
    client.send([
      { id: 1, connect: {} },
      { id: 2, connect: {} },
    ]);
    expect(await closeCodeOf(client)).toBe(3501);
  });

  test.each(['', 'nonsense', '{"id":1,"subscribe":[]}', '{"id":-1}', '\n'])(
    'a frame %j closes with 3501',
    async (frame) => {
      await using node = await createTestEngine({ config });
      const client = await node.connect();
      client.sendFrame(frame);
      expect(await closeCodeOf(client)).toBe(3501);
    },
  );

  test('commands behind the one that closes are not carried out', async () => {
    await using node = await createTestEngine({ config });
    const watcher = await node.connect();
    await subscribe(watcher, 'room:1');
    const client = await node.connect();
    client.send([
      { id: 2, connect: {} },
      { id: 3, publish: { channel: 'room:1', data: json('late') } },
    ]);
    expect(await publications(watcher)).toEqual([]);
  });

  test('ping is answered', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect();
    expect((await client.request({ ping: {} })).ping).toEqual({});
  });

  test('commands sent with connect wait for it', async () => {
    const gate = Promise.withResolvers<{ user: string }>();
    await using node = await createTestEngine({ config, hooks: { connect: () => gate.promise } });
    const client = node.dial();
    client.send({ id: 1, connect: {} });
    client.send({ id: 2, subscribe: { channel: 'room:1' } });
    await settle();
    expect(client.inbox).toEqual([]);
    gate.resolve({ user: '42' });
    expect((await client.next()).id).toBe(1);
    expect((await client.next()).id).toBe(2);
  });

  test('commands sent with a connect that is refused are not carried out', async () => {
    await using node = await createTestEngine({ config });
    const client = node.dial();
    client.send([
      { id: 1, connect: { token: token({ exp: 1 }) } },
      { id: 2, subscribe: { channel: 'room:1' } },
    ]);
    expect((await client.next()).error?.code).toBe(109);
    await settle();
    expect(client.inbox).toEqual([]);
    expect((await node.engine.api.info()).nodes[0]?.subscriptions).toBe(0);
  });
});

describe('limits', () => {
  test('a burst of twice the rate, then error 111, then room again as time passes', async () => {
    await using node = await createTestEngine({ config: { ...config, limits: { commandsPerSecondPerConnection: 5 } } });
    const client = await node.connect();
    const ping = () => codeOf(client.request({ ping: {} }));
    const codes = await Promise.all(Array.from({ length: 12 }, ping));
    expect(codes).toEqual([...Array<undefined>(10).fill(undefined), 111, 111]);
    await node.clock.advance(1_000);
    expect(await Promise.all(Array.from({ length: 6 }, ping))).toEqual([...Array<undefined>(5).fill(undefined), 111]);
  });

  test('the error is temporary', async () => {
    await using node = await createTestEngine({ config: { ...config, limits: { commandsPerSecondPerConnection: 1 } } });
    const client = await node.connect();
    const replies = await Promise.all(Array.from({ length: 3 }, () => client.request({ ping: {} })));
    expect(replies.at(-1)?.error).toEqual({ code: 111, message: 'too many requests', temporary: true });
  });

  test('who goes on regardless is closed with 3013', async () => {
    await using node = await createTestEngine({ config: { ...config, limits: { commandsPerSecondPerConnection: 5 } } });
    const client = await node.connect();
    client.send(Array.from({ length: 500 }, (_, i) => ({ id: i + 2, ping: {} })));
    expect(await closeCodeOf(client)).toBe(3013);
  });

  test('a rate for all connections of a user', async () => {
    await using node = await createTestEngine({
      config: { ...config, limits: { commandsPerSecondPerConnection: 0, commandsPerSecondPerUser: 2 } },
    });
    const own = token({ sub: '42' });
    const [first, second] = [await node.connect({ token: own }), await node.connect({ token: own })];
    const other = await node.connect({ token: token({ sub: '43' }) });
    const codes: (number | undefined)[] = [];
    for (const client of [first, second, first, second, first]) codes.push(await codeOf(client.request({ ping: {} })));
    expect(codes).toEqual([undefined, undefined, undefined, undefined, 111]);
    expect(await codeOf(other.request({ ping: {} }))).toBeUndefined();
  });

  test('a rate of 0 is none', async () => {
    await using node = await createTestEngine({ config: { ...config, limits: { commandsPerSecondPerConnection: 0 } } });
    const client = await node.connect();
    const codes = await Promise.all(Array.from({ length: 500 }, () => codeOf(client.request({ ping: {} }))));
    expect(new Set(codes)).toEqual(new Set([undefined]));
  });

  test('more commands waiting than allowed close with 3013', async () => {
    const gate = Promise.withResolvers<undefined>();
    await using node = await createTestEngine({
      config: { ...config, limits: { pendingCommandsPerConnection: 3, commandsPerSecondPerConnection: 0 } },
      hooks: { rpc: () => gate.promise },
    });
    const client = await node.connect();
    for (let round = 0; round < 5; round++) await client.request({ ping: {} });
    client.send([2, 3, 4].map((id) => ({ id: id + 100, rpc: {} })));
    await settle();
    expect(client.closeReason).toBeUndefined();
    client.send({ id: 200, rpc: {} });
    expect(await closeCodeOf(client)).toBe(3013);
    gate.resolve(undefined);
  });

  test('more commands in a frame than allowed close with 3501', async () => {
    await using node = await createTestEngine({ config: { ...config, limits: { commandsPerFrame: 3 } } });
    const client = await node.connect();
    client.send([2, 3, 4].map((id) => ({ id, ping: {} })));
    await settle();
    expect(client.closeReason).toBeUndefined();
    client.send([5, 6, 7, 8].map((id) => ({ id, ping: {} })));
    expect(await closeCodeOf(client)).toBe(3501);
  });

  test('more errors than allowed close with 3509', async () => {
    await using node = await createTestEngine({ config: { ...config, limits: { errorsPerConnection: 3 } } });
    const client = await node.connect();
    for (let i = 0; i < 3; i++) expect(await codeOf(client.request({ rpc: {} }))).toBe(108);
    client.send({ id: 99, rpc: {} });
    expect(await closeCodeOf(client)).toBe(3509);
  });

  test('connections of an address, of a user and of the node: 3504, and a place is free when one goes', async () => {
    await using node = await createTestEngine({
      config: { ...config, limits: { connections: 4, connectionsPerAddress: 2, connectionsPerUser: 1 } },
    });
    const own = token({ sub: '42' });
    const first = await node.connect({ token: own, address: '10.0.0.1' });
    const second = node.dial({ address: '10.0.0.1' });
    second.send({ id: 1, connect: { token: own } });
    expect(await closeCodeOf(second)).toBe(3504);
    await node.connect({ address: '10.0.0.1' });
    expect(await closeCodeOf(node.dial({ address: '10.0.0.1' }))).toBe(3504);
    await node.connect({ address: '10.0.0.2' });
    await node.connect({ address: '10.0.0.3' });
    expect(await closeCodeOf(node.dial({ address: '10.0.0.4' }))).toBe(3504);
    first.close();
    await node.connect({ token: own, address: '10.0.0.1' });
  });

  test('connections without a user do not share its limit', async () => {
    await using node = await createTestEngine({ config: { ...config, limits: { connectionsPerUser: 1 } } });
    await node.connect();
    await node.connect();
    expect((await node.engine.api.info()).nodes[0]?.clients).toBe(2);
  });
});

describe('a session', () => {
  test('is told with the node, and names the connection to the server API', async () => {
    await using node = await createTestEngine({ config });
    const replies: Reply[] = [];
    const ends: CloseReason[] = [];
    const connection = node.engine.accept({
      handshake: { transport: 'sse', format: formats.httpStreamJson, address: '127.0.0.1', headers: undefined },
      session: 'a secret session',
      bufferedBytes: 0,
      write: (batch) => void replies.push(...jsonCodec.decodeReplies(batch.bytes)),
      close: (reason) => void ends.push(reason),
    });
    connection.message('{"id":1,"connect":{}}');
    for (let i = 0; i < 3; i++) await settle();
    expect(replies[0]?.connect).toMatchObject({ session: 'a secret session', node: node.engine.nodeId });
    await node.engine.api.disconnect({ session: 'another' });
    expect(ends).toEqual([]);
    await node.engine.api.disconnect({ session: 'a secret session' });
    expect(ends).toEqual([{ code: 3503, reason: 'force disconnect' }]);
  });
});

describe('the end', () => {
  test('events tell of those who were connected, and only of them', async () => {
    const events: string[] = [];
    const engine = createEngine({
      config: { ...config, events: {} },
      listen: false,
      logger: createLogger('silent'),
      onEvent: (event) => void events.push(event.type),
    });
    await engine.start();
    const transport = new MemoryTransport({ accept: engine.accept });
    const refused = transport.connect();
    await refused.request({ connect: { token: token({ exp: 1 }) } });
    refused.close();
    const client = transport.connect();
    await client.request({ connect: {} });
    client.close();
    for (let i = 0; i < 5; i++) await settle();
    expect(events).toEqual(['connected', 'disconnected']);
    await engine.stop();
  });

  test('is counted by code', async () => {
    await using node = await createTestEngine({ config });
    (await node.connect()).close();
    const client = await node.connect();
    client.send({ id: 2, connect: {} });
    await client.closed;
    expect(Object.fromEntries(node.engine.metrics.connectionsClosed.counts)).toEqual({ 3000: 1, 3501: 1 });
  });

  test('every format can connect, subscribe and receive', async () => {
    await using node = await createTestEngine({ config });
    for (const format of Object.values(formats).filter(({ unidirectional }) => !unidirectional)) {
      const client = await node.connect({ format });
      await subscribe(client, 'room:1');
      await client.request({ publish: { channel: 'room:1', data: json(format.index) } });
      expect(await publications(client)).toHaveLength(1);
      client.close();
    }
  });
});
