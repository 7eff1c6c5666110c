import { errors } from '@tidings/protocol';
import { afterEach, describe, expect, test } from 'vitest';
import { configSchema } from '../config/schema.ts';
import { FakeClock, systemClock, type Clock } from '../lib/clock.ts';
import { createLogger } from '../lib/logger.ts';
import { Metrics } from '../lib/metrics.ts';
import type { HookName } from './hook-caller.ts';
import type { HookClient } from './hooks.ts';
import { createHttpHooks, type HttpHooks } from './http-hooks.ts';
import { eventually, LocalServer, type Received, type Reply } from './local-server.ts';
import { verifySignature } from '../lib/signature.ts';

const names = ['connect', 'refresh', 'subscribe', 'subRefresh', 'publish', 'rpc'] as const;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (payload: Uint8Array | undefined): string => new TextDecoder().decode(payload);

const client: HookClient = {
  client: 'c1',
  user: '42',
  transport: 'websocket',
  address: '10.0.0.1',
  headers: undefined,
};
const { user: _user, ...connecting } = client;
const connectRequest = { ...connecting, token: undefined, data: undefined, name: undefined, version: undefined };
const calls: Record<HookName, (hooks: HttpHooks) => Promise<unknown> | undefined> = {
  connect: (hooks) => hooks.connect?.(connectRequest),
  refresh: (hooks) => hooks.refresh?.(client),
  subscribe: (hooks) => hooks.subscribe?.({ ...client, channel: 'news', token: undefined, data: undefined }),
  subRefresh: (hooks) => hooks.subRefresh?.({ ...client, channel: 'news' }),
  publish: (hooks) => hooks.publish?.({ ...client, channel: 'news', data: bytes('{}') }),
  rpc: (hooks) => hooks.rpc?.({ ...client, method: 'do', data: undefined }),
};

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

interface Settings {
  readonly answer?: (request: Received) => Reply | Promise<Reply>;
  readonly hook?: object;
  readonly hooks?: object;
  readonly clock?: Clock;
}

async function setup({ answer = () => ({}), hook = {}, hooks: more = {}, clock = systemClock }: Settings = {}) {
  const server = await LocalServer.start(answer);
  const config = configSchema.parse({
    hooks: { ...Object.fromEntries(names.map((name) => [name, { url: server.url, ...hook }])), ...more },
  }).hooks;
  const logged: string[] = [];
  const logger = createLogger('debug', { write: (line) => void logged.push(line) });
  const metrics = new Metrics();
  const hooks = createHttpHooks(config, { clock, logger, metrics, random: () => 0 });
  cleanups.push(
    () => hooks.stop(),
    () => server.close(),
  );
  return { server, hooks, metrics, logged, body: () => JSON.parse(server.received.at(-1)?.body ?? '') };
}

const internal = { name: 'ProtocolError', code: errors.internal.code, temporary: true };

describe('requests', () => {
  test('only configured hooks exist', () => {
    const { hooks } = configSchema.parse({ hooks: { rpc: { url: 'http://127.0.0.1:1' } } });
    const made = createHttpHooks(hooks, { clock: systemClock, logger: createLogger('silent') });
    expect(Object.keys(made).toSorted()).toEqual(['rpc', 'stop']);
    made.stop();
  });

  test('connect', async () => {
    const { hooks, body } = await setup();
    await hooks.connect?.({
      ...connectRequest,
      token: 't',
      data: bytes('{"room": 12345678901234567890}'),
      name: 'js',
      version: '1',
    });
    expect(body()).toMatchObject({
      client: 'c1',
      transport: 'websocket',
      protocol: 'json',
      encoding: 'json',
      address: '10.0.0.1',
      token: 't',
      name: 'js',
      version: '1',
    });
    expect(body()).not.toHaveProperty('user');
  });

  test('every hook says who asks, and what', async () => {
    const { hooks, body } = await setup();
    const who = { ...client, protocol: 'protobuf', meta: { role: 'admin' } };
    await hooks.subscribe?.({ ...who, channel: 'news', token: 't', data: bytes('1') });
    expect(body()).toEqual({
      client: 'c1',
      user: '42',
      transport: 'websocket',
      protocol: 'protobuf',
      encoding: 'json',
      address: '10.0.0.1',
      meta: { role: 'admin' },
      channel: 'news',
      token: 't',
      data: 1,
    });
    await hooks.subRefresh?.({ ...who, channel: 'news' });
    expect(body()).toMatchObject({ client: 'c1', user: '42', channel: 'news', meta: { role: 'admin' } });
    await hooks.refresh?.(who);
    expect(body()).toMatchObject({ client: 'c1', user: '42', meta: { role: 'admin' } });
    await hooks.rpc?.({ ...who, method: 'sum', data: bytes('[1,2]') });
    expect(body()).toMatchObject({ client: 'c1', user: '42', method: 'sum', data: [1, 2] });
  });

  test('JSON data is embedded to the letter, other bytes as base64', async () => {
    const { hooks, server, body } = await setup();
    await hooks.publish?.({ ...client, channel: 'news', data: bytes('{"id": 12345678901234567890}') });
    expect(server.received[0]?.body).toContain('"data":{"id": 12345678901234567890}');
    await hooks.publish?.({ ...client, channel: 'news', data: Uint8Array.of(0xff, 0) });
    expect(body()).toMatchObject({ encoding: 'binary', b64data: '/wA=' });
    expect(body()).not.toHaveProperty('data');
  });

  test('data cannot break out of its field', async () => {
    const { hooks, body } = await setup();
    const data = '1,"user":"admin"';
    await hooks.publish?.({ ...client, channel: 'news', data: bytes(data) });
    expect(body()).toMatchObject({ user: '42', b64data: Buffer.from(data).toString('base64') });
  });

  test('headers of the client go along, those of a connection or of Tidings do not', async () => {
    const { hooks, server } = await setup({ hooks: { secret: 'hook secret' } });
    const headers = {
      cookie: 'session=1',
      authorization: 'Bearer x',
      'X-Custom': 'y',
      host: 'evil.example',
      'content-length': '1',
      'transfer-encoding': 'chunked',
      connection: 'close, x-custom',
      upgrade: 'h2c',
      te: 'trailers',
      'content-type': 'text/plain',
      'x-tidings-signature': 't=1,v1=00',
      'sec-websocket-key': 'k',
      bad: 'a\r\nx-injected: 1',
      'bad name': 'x',
    };
    await hooks.refresh?.({ ...client, headers });
    const got = server.received[0]?.headers ?? {};
    expect(got).toMatchObject({
      cookie: 'session=1',
      authorization: 'Bearer x',
      'x-custom': 'y',
      'content-type': 'application/json',
    });
    expect(got.host).toMatch(/^127\.0\.0\.1:/);
    for (const name of ['transfer-encoding', 'upgrade', 'te', 'sec-websocket-key', 'x-injected', 'bad'])
      expect(got).not.toHaveProperty(name);
    expect(verifySignature('hook secret', got['x-tidings-signature'] as string, server.received[0]?.body ?? '')).toBe(
      true,
    );
  });
});

describe('answers', () => {
  test('connect', async () => {
    const result = {
      user: '42',
      expire_at: 1_900_000_000,
      info: { name: 'A' },
      b64data: '/wA=',
      channels: ['news'],
      meta: { id: 1 },
      subs: { chat: { data: [1], override: { presence: { value: true } } } },
      caps: [{}],
    };
    const { hooks } = await setup({ answer: () => ({ result, error: null }) });
    const identity = await hooks.connect?.(connectRequest);
    expect(identity).toMatchObject({
      user: '42',
      expireAt: 1_900_000_000,
      meta: { id: 1 },
      data: Uint8Array.of(0xff, 0),
    });
    expect(text(identity?.info)).toBe('{"name":"A"}');
    expect(identity?.subs?.['news']).toEqual({});
    expect(identity?.subs?.['chat']).toEqual({ data: bytes('[1]'), override: { presence: true } });
  });

  test('an empty answer: connect does not decide, others allow, refresh ends', async () => {
    const { hooks } = await setup();
    for (const name of ['connect', 'subscribe', 'publish', 'rpc'] as const)
      expect(await calls[name](hooks), name).toBeUndefined();
    for (const name of ['refresh', 'subRefresh'] as const)
      expect(await calls[name](hooks), name).toEqual({ expired: true });
  });

  test('refresh, subscribe, publish, rpc', async () => {
    let result: object = { expire_at: 5, info: 1 };
    const { hooks } = await setup({ answer: () => ({ result }) });
    expect(await calls.refresh(hooks)).toEqual({ expireAt: 5, info: bytes('1') });
    expect(await calls.subRefresh(hooks)).toEqual({ expireAt: 5, info: bytes('1') });
    result = { expired: true };
    expect(await calls.refresh(hooks)).toEqual({ expired: true });
    result = { info: 1, data: { a: 1 }, expire_at: 7, override: { join_leave: { value: true } }, allow: ['pub'] };
    expect(await calls.subscribe(hooks)).toEqual({
      info: bytes('1'),
      data: bytes('{"a":1}'),
      expireAt: 7,
      override: { joinLeave: true },
    });
    result = { data: { a: 1 }, skip_history: true, tags: { t: 'x' } };
    expect(await calls.publish(hooks)).toEqual({ data: bytes('{"a":1}'), skipHistory: true, tags: { t: 'x' } });
    result = { b64data: '/wA=' };
    expect(await calls.rpc(hooks)).toEqual({ data: Uint8Array.of(0xff, 0) });
  });

  test('large numbers pass unchanged', async () => {
    const { hooks } = await setup({ answer: () => '{"result":{"data":{"id":12345678901234567890}}}' });
    expect(text((await hooks.rpc?.({ ...client, method: 'm', data: undefined }))?.data)).toBe(
      '{"id":12345678901234567890}',
    );
  });

  test.each(names)('%s: the application refuses, or closes the connection', async (name) => {
    let answer: object = { error: { code: 1000, message: 'not today', temporary: true } };
    const { hooks, metrics } = await setup({ answer: () => answer });
    await expect(calls[name](hooks)).rejects.toMatchObject({
      name: 'ProtocolError',
      code: 1000,
      message: 'not today',
      temporary: true,
    });
    answer = { disconnect: { code: 4500, reason: 'go away' } };
    await expect(calls[name](hooks)).rejects.toMatchObject({ name: 'HookDisconnect', code: 4500, reason: 'go away' });
    expect(metrics.hookFailures.counts.size).toBe(0);
  });

  test.each<[HookName, Reply, string]>([
    ['connect', 'nonsense', 'not JSON'],
    ['connect', '', 'not JSON'],
    ['connect', '[]', 'the answer'],
    ['connect', { result: { user: 42 } }, 'result.user'],
    ['connect', { result: { user: '42', expireAt: 5 } }, 'expireAt'],
    ['connect', { result: { subs: { news: { info: 1, b64info: '*' } } } }, 'result.subs.news.b64info'],
    ['connect', { user: '42' }, 'user'],
    ['subscribe', { result: { server_tags_filter: { key: 'a' } } }, 'server_tags_filter'],
    ['subscribe', { result: { override: { presence: true } } }, 'result.override.presence'],
    ['refresh', { result: { expire_at: 'soon' } }, 'result.expire_at'],
    ['publish', { result: { idempotency_key: 'k' } }, 'idempotency_key'],
    ['publish', { result: { tags: { a: 1 } } }, 'result.tags.a'],
    ['rpc', { error: { code: 0, message: 'x' } }, 'error.code'],
    ['rpc', { disconnect: { code: 1000, reason: '' } }, 'disconnect.code'],
    ['rpc', { disconnect: { code: 4000, reason: 'x'.repeat(124) } }, 'disconnect.reason'],
  ])('%s: an answer that makes no sense (%j) is internal, and the log says where', async (name, reply, where) => {
    const { hooks, logged, metrics, server } = await setup({ answer: () => reply, hook: { retries: 2 } });
    await expect(calls[name](hooks)).rejects.toMatchObject(internal);
    expect(logged.join()).toContain(where);
    expect(metrics.hookFailures.counts.get(name)).toBe(1);
    expect(server.received.length).toBe(1);
  });

  test('bodies of error statuses do not leave the server', async () => {
    const { hooks, logged } = await setup({ answer: () => 403 });
    const error = (await Promise.resolve(calls.rpc(hooks)).catch((thrown: unknown) => thrown)) as Error;
    expect(error).toMatchObject(internal);
    expect(JSON.stringify(error) + error.message + logged.join()).not.toContain('stack trace');
  });

  test('redirects are not followed, and large answers not read', async () => {
    let reply: Reply = 302;
    const { hooks, logged, server } = await setup({ answer: () => reply, hook: { retries: 2 } });
    await expect(calls.connect(hooks)).rejects.toMatchObject(internal);
    reply = JSON.stringify({ result: { user: 'x'.repeat(1_100_000) } });
    await expect(calls.connect(hooks)).rejects.toMatchObject(internal);
    expect(server.received.length).toBe(2);
    expect(logged.join()).toContain('1048576 bytes');
  });
});

describe('failures', () => {
  const flaky =
    (...replies: Reply[]) =>
    () =>
      replies.shift() ?? {};

  test.each(['connect', 'refresh', 'subscribe', 'subRefresh'] as const)(
    '%s is asked again after 5xx, a cut and no answer',
    async (name) => {
      const { hooks, server } = await setup({
        answer: flaky(500, 'cut', 'hang', { result: {} }),
        hook: { retries: 3, timeout: 200 },
      });
      await calls[name](hooks);
      expect(server.received.length).toBe(4);
    },
  );

  test.each(['publish', 'rpc'] as const)('%s is not repeated once it may have arrived', async (name) => {
    for (const reply of [500, 'cut', 'hang'] as const) {
      const { hooks, server } = await setup({ answer: flaky(reply), hook: { retries: 3, timeout: 200 } });
      await expect(calls[name](hooks)).rejects.toMatchObject(internal);
      expect(server.received.length).toBe(1);
    }
  });

  test.each(names)('%s is repeated when the application was not listening yet', async (name) => {
    const { hooks, server } = await setup({ hook: { retries: 5 }, answer: () => ({ result: {} }) });
    await server.close();
    const call = calls[name](hooks);
    await server.listen();
    await call;
    expect(server.received.length).toBe(1);
  });

  test('4xx is not repeated', async () => {
    const { hooks, server } = await setup({ answer: () => 404, hook: { retries: 3 } });
    await expect(calls.connect(hooks)).rejects.toMatchObject(internal);
    expect(server.received.length).toBe(1);
  });

  test('failures and times are counted', async () => {
    const { hooks, metrics } = await setup({ answer: flaky(500) });
    await expect(calls.rpc(hooks)).rejects.toMatchObject(internal);
    await calls.rpc(hooks);
    expect(metrics.hookFailures.counts.get('rpc')).toBe(1);
    expect(metrics.hookSeconds.series.get('rpc')?.count).toBe(2);
  });

  test('the breaker opens after failures in a row, per hook, and closes after a success', async () => {
    const clock = new FakeClock();
    let reply: Reply = 500;
    const { hooks, server, logged } = await setup({
      answer: () => reply,
      clock,
      hooks: { breaker: { failures: 3, cooldown: '5s' } },
    });
    for (let i = 0; i < 5; i++) await expect(calls.rpc(hooks)).rejects.toMatchObject(internal);
    expect(server.received.length).toBe(3);
    reply = { result: {} };
    await calls.publish(hooks);
    await expect(calls.rpc(hooks)).rejects.toMatchObject(internal);
    await clock.advance(5_000);
    await calls.rpc(hooks);
    expect(server.received.length).toBe(5);
    expect(logged.join()).toMatch(/breaker is open.*breaker is closed/s);
  });

  test('refusals and 4xx do not open the breaker', async () => {
    const replies: Reply[] = [400, { error: { code: 1000, message: 'no' } }, 404, { result: { data: 1, bad: 1 } }, 403];
    const { hooks, server } = await setup({ answer: flaky(...replies), hooks: { breaker: { failures: 2 } } });
    for (const _ of replies) await expect(calls.rpc(hooks)).rejects.toBeInstanceOf(Error);
    await calls.rpc(hooks);
    expect(server.received.length).toBe(6);
  });

  test('so many at once, so many waiting, the rest refused', async () => {
    let open: () => void = () => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    const answer = async (): Promise<Reply> => {
      await gate;
      return { result: {} };
    };
    const { hooks, server } = await setup({ answer, hooks: { concurrency: 3, queue: 4 } });
    const outcomes = Array.from({ length: 10 }, () =>
      Promise.resolve(calls.rpc(hooks)).then(
        () => 'ok',
        (error: { code: number }) => error.code,
      ),
    );
    await eventually(() => server.underWay === 3, 'three requests under way');
    open();
    const settled = await Promise.all(outcomes);
    expect(settled.filter((outcome) => outcome === 'ok').length).toBe(7);
    expect(settled.filter((outcome) => outcome === errors.tooManyRequests.code).length).toBe(3);
    expect(server.mostUnderWay).toBe(3);
  });

  test('stop ends what is under way and what waits', async () => {
    const { hooks, server } = await setup({ answer: () => 'hang', hook: { retries: 2 }, hooks: { concurrency: 1 } });
    const first = expect(calls.connect(hooks)).rejects.toMatchObject(internal);
    await eventually(() => server.received.length === 1, 'a request under way');
    const second = expect(calls.connect(hooks)).rejects.toMatchObject({ name: 'ProtocolError' });
    hooks.stop();
    await Promise.all([first, second]);
    await expect(calls.rpc(hooks)).rejects.toMatchObject({ name: 'ProtocolError' });
  });
});
