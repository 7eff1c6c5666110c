import { ProtocolError } from '@tidings/protocol';
import { describe, expect, test } from 'vitest';
import { HookDisconnect, type RpcHookRequest } from './auth/hooks.ts';
import { closeCodeOf, codeOf, json, jwt, token } from './testing/engine-fixture.ts';
import { createTestEngine } from './testing.ts';

const config = { mode: 'production', auth: { anonymous: true, jwt } } as const;

describe('rpc', () => {
  test('without a handler is 108; a message without a handler closes with 3508', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect();
    expect(await codeOf(client.request({ rpc: { method: 'm' } }))).toBe(108);
    client.send({ send: { data: json(1) } });
    expect(await closeCodeOf(client)).toBe(3508);
  });

  test('the handler is told who asks, and answers', async () => {
    let asked: RpcHookRequest | undefined;
    await using node = await createTestEngine({
      config,
      hooks: {
        rpc: async (request) => {
          asked = request;
          return request.data ? { data: request.data } : undefined;
        },
      },
    });
    const client = await node.connect({ token: token({ sub: '42' }) });
    expect((await client.request({ rpc: { method: 'echo', data: json([1]) } })).rpc).toEqual({ data: json([1]) });
    expect(asked).toMatchObject({ method: 'echo', data: json([1]), user: '42' });
    expect((await client.request({ rpc: {} })).rpc).toEqual({});
    expect(asked?.method).toBe('');
  });

  test('errors of the handler', async () => {
    let thrown: Error = new ProtocolError({ code: 400, message: 'wrong', temporary: false });
    await using node = await createTestEngine({
      config,
      hooks: {
        rpc: async () => {
          throw thrown;
        },
      },
    });
    const client = await node.connect();
    expect((await client.request({ rpc: {} })).error).toEqual({ code: 400, message: 'wrong' });
    thrown = new Error('a detail that nobody may see');
    expect((await client.request({ rpc: {} })).error).toEqual({
      code: 100,
      message: 'internal server error',
      temporary: true,
    });
    thrown = new HookDisconnect(4000, 'later');
    client.send({ id: 99, rpc: {} });
    expect(await client.closed).toEqual({ code: 4000, reason: 'later' });
  });

  test('a slow call holds up no subscription, and is not answered to a client that is gone', async () => {
    const gate = Promise.withResolvers<undefined>();
    await using node = await createTestEngine({
      config: { ...config, channels: { room: { allow: { subscribe: 'anyone' } } } },
      hooks: { rpc: () => gate.promise },
    });
    const client = await node.connect();
    const call = client.request({ rpc: {} });
    const gone = call.then(
      () => 'answered',
      () => 'gone',
    );
    expect(await codeOf(client.request({ subscribe: { channel: 'room' } }))).toBeUndefined();
    client.close();
    gate.resolve(undefined);
    expect(await gone).toBe('gone');
  });
});
