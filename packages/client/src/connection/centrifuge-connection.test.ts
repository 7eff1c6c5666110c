/** The connection against a real server over real sockets. */
import { createHmac } from 'node:crypto';
import { createEngine, createLogger, type ConfigInput, type Engine } from '@tidings/server';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { until } from '../chat/testing/until.ts';
import { systemClock } from '../clock.ts';
import { CentrifugeConnection, type ConnectionOptions } from './centrifuge-connection.ts';
import type { ChannelPosition } from './connection.ts';
import { tokenSubject } from './token-subject.ts';

const hmacSecret = 'a secret of more than thirty-two bytes';
let engine: Engine;

const config: ConfigInput = {
  auth: { jwt: { hmacSecret } },
  channels: {
    'log:{name}': {
      allow: { subscribe: 'anyone', publish: 'anyone' },
      ...{ history: { size: 3 }, recovery: 'always', positioning: 'always' },
    },
  },
  limits: { commandsPerSecondPerConnection: 0 },
  shutdown: { spread: '20ms' },
};

async function start(port = 0): Promise<Engine> {
  const started = createEngine({
    logger: createLogger('silent'),
    config: { ...config, listen: { host: '127.0.0.1', port } },
  });
  await started.start();
  return started;
}

beforeAll(async () => {
  engine = await start();
});
afterAll(() => engine.stop());

function token(claims: object): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', hmacSecret).update(signed).digest('base64url')}`;
}

async function publish(channel: string, value: unknown): Promise<void> {
  await engine.api.publish({ channel, data: new TextEncoder().encode(JSON.stringify(value)) });
}

const urlOf = ({ address }: Engine): string => `http://127.0.0.1:${address?.port}`;

function connection(options: Partial<ConnectionOptions> = {}): CentrifugeConnection {
  const given = { url: urlOf(engine), token: token({ sub: 'anna' }), maxReconnectDelayMs: 300, ...options };
  const made = new CentrifugeConnection(given, systemClock);
  onTestFinished(() => made.close());
  return made;
}

const isOnline = ({ status }: { status: string }): boolean => status === 'online';

class Refusing {
  constructor() {
    throw new Error('no WebSocket here');
  }
}

test('the user is known before there is a connection, and a URL is looked at', () => {
  expect(connection().user.get()).toBe('anna');
  expect(connection().state.get().status).toBe('idle');
  expect(tokenSubject(token({ sub: 'Zoë' }))).toBe('Zoë');
  expect([tokenSubject('no token'), tokenSubject('a.b.c'), tokenSubject(token({}))]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(() => connection({ url: '/chat' })).toThrow(/^invalid: url: "\/chat"; an absolute one/);
  expect(() => connection({ url: 'ws://x' })).toThrow(/http: or https:/);
  expect(connection({ url: 'https://x.example/chat/' }).httpUrl).toBe('https://x.example/chat');
});

test.each([
  ['websocket', {}],
  ['HTTP stream, where there is no WebSocket', { websocket: Refusing }],
  ['HTTP stream alone', { transports: ['http_stream'] }],
] as const)('over %s it calls and listens', async (_, options) => {
  const one = connection(options);
  await expect(one.call('x', {})).rejects.toMatchObject({ code: 1, isTemporary: true });
  one.connect();
  await until(one.state, isOnline);
  await expect(one.call('nothing.there', {})).rejects.toMatchObject({ name: 'TidingsError', code: 108 });
  const heard: unknown[] = [];
  const live = Promise.withResolvers<void>();
  one.subscribe('log:a', {
    publication: (data) => heard.push(data),
    subscribed: () => live.resolve(),
  });
  await live.promise;
  await publish('log:a', { hello: 1 });
  await expect.poll(() => heard).toEqual([{ hello: 1 }]);
});

test('a position recovers what came since, or says that it cannot', async () => {
  const one = connection();
  one.connect();
  const enter = (since?: ChannelPosition) => {
    const heard: unknown[] = [];
    const entered = Promise.withResolvers<{ recovered: boolean; position: ChannelPosition | undefined }>();
    const { unsubscribe } = one.subscribe(
      'log:b',
      { publication: (data, offset) => heard.push([data, offset]), subscribed: entered.resolve },
      since,
    );
    return { heard, unsubscribe, entered: entered.promise };
  };
  const first = enter();
  const { position, recovered } = await first.entered;
  expect(recovered).toBe(false);
  first.unsubscribe();
  for (const n of [1, 2]) await publish('log:b', n);
  const second = enter(position);
  expect(await second.entered).toEqual({ recovered: true, position });
  await expect.poll(() => second.heard.length).toBe(2);
  expect(second.heard).toEqual([
    [1, 1],
    [2, 2],
  ]);
  second.unsubscribe();
  for (const n of [3, 4, 5, 6]) await publish('log:b', n);
  const third = enter({ epoch: position!.epoch, offset: 1 });
  expect(await third.entered).toMatchObject({ recovered: false, position: { offset: 6 } });
  expect(third.heard).toEqual([]);
});

test('several listen to one channel; who may not is told so once', async () => {
  const one = connection();
  one.connect();
  const [a, b]: [string[], string[]] = [[], []];
  const listen = (log: string[]) =>
    one.subscribe('log:c', {
      publication: (data) => log.push(String(data)),
      subscribed: () => log.push('live'),
    });
  const first = listen(a);
  await expect.poll(() => a).toEqual(['live']);
  listen(b);
  await expect.poll(() => b).toEqual(['live']);
  await publish('log:c', 'x');
  await expect.poll(() => b).toEqual(['live', 'x']);
  first.unsubscribe();
  await publish('log:c', 'y');
  await expect.poll(() => b).toEqual(['live', 'x', 'y']);
  expect(a).toEqual(['live', 'x']);
  const ended: { code: number }[] = [];
  one.subscribe('nowhere', {
    publication: () => undefined,
    subscribed: () => undefined,
    ended: (why) => ended.push(why),
  });
  await expect.poll(() => ended.map(({ code }) => code)).toEqual([102]);
});

test('a token that has expired is asked for anew, and the connection goes on', async () => {
  let asked = 0;
  const one = new CentrifugeConnection(
    {
      url: urlOf(engine),
      getToken: async () => token({ sub: 'ben', exp: Math.floor(Date.now() / 1000) + (asked++ === 0 ? 2 : 600) }),
    },
    systemClock,
  );
  onTestFinished(() => one.close());
  expect(one.user.get()).toBeUndefined();
  one.connect();
  await until(one.state, isOnline);
  expect(one.user.get()).toBe('ben');
  await expect.poll(() => asked, { timeout: 10_000 }).toBe(2);
  expect(one.state.get().status).toBe('online');
});

test('a token that does not hold ends it for good, and says why', async () => {
  const one = connection({ token: `${token({ sub: 'anna' })}x` });
  one.connect();
  const { reason } = await until(one.state, ({ status }) => status === 'closed');
  expect(reason).toMatchObject({ code: 3500 });
  await expect(one.call('x', {})).rejects.toMatchObject({ code: 3, isTemporary: false });
  const other = new CentrifugeConnection({ url: urlOf(engine), getToken: async () => '' }, systemClock);
  other.connect();
  await until(other.state, ({ status }) => status === 'closed');
});

test('while the server is away it is offline and goes on trying; what was called meanwhile fails at once', async () => {
  const mine = await start();
  const url = urlOf(mine);
  const port = mine.address!.port;
  const one = connection({ url });
  const states: string[] = [];
  one.state.subscribe(() => states.push(one.state.get().status));
  one.connect();
  await until(one.state, isOnline);
  await mine.stop();
  await until(one.state, ({ status }) => status === 'offline', 10_000);
  await expect(one.call('x', {})).rejects.toMatchObject({ code: 1, isTemporary: true });
  const again = await start(port);
  onTestFinished(() => again.stop());
  await until(one.state, isOnline, 10_000);
  expect(states).toEqual(['connecting', 'online', 'connecting', 'offline', 'online']);
});

test('what is larger than the server takes in one frame, or no JSON, is refused here, and the connection stays', async () => {
  const one = connection();
  one.connect();
  await until(one.state, isOnline);
  // Fewer characters than bytes.
  const refused = { name: 'TidingsError', code: 606, isTemporary: false };
  await expect(one.call('nothing.there', { text: 'é'.repeat(140_000) })).rejects.toMatchObject(refused);
  const endless: { self?: unknown } = {};
  endless.self = endless;
  await expect(one.call('nothing.there', endless)).rejects.toMatchObject({ name: 'TidingsError', code: 5 });
  await expect(one.call('nothing.there', { text: 'é'.repeat(120_000) })).rejects.toMatchObject({ code: 108 });
  expect(one.state.get().status).toBe('online');
});

test('a call is given up at once when its signal says so', async () => {
  const one = connection();
  one.connect();
  await until(one.state, isOnline);
  const abort = new AbortController();
  const call = one.call('nothing.there', {}, { signal: abort.signal });
  abort.abort();
  await expect(call).rejects.toMatchObject({ code: 4 });
});
