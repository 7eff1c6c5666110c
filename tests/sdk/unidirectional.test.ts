/**
 * Clients that only listen, made of nothing but what every platform has: a plain WebSocket, a `fetch` that is read as it
 * comes, an `EventSource`, and a request repeated for ever. What they ask for stands in the one request they send.
 */
import type { ConnectRequest } from '@tidings/protocol';
import { jsonCodec, protobufCodec } from '@tidings/protocol';
import { MemoryBroker, MemoryBus, systemClock, type Engine } from '@tidings/server';
import { EventSource } from 'eventsource';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { Collected, config, jwt, newChannel, portOf, secondsFromNow, startServer } from './support.ts';

let server: Engine;

beforeAll(async () => {
  server = await startServer();
});

afterAll(() => server.stop());

// — clients —

/** A push as JSON has it. */
interface Received {
  readonly channel?: string;
  readonly pub?: { readonly data: unknown; readonly offset?: number };
  readonly join?: { readonly info: { readonly user: string } };
  readonly connect?: {
    readonly client: string;
    readonly ping?: number;
    readonly subs?: Readonly<Record<string, Record<string, unknown>>>;
  };
  readonly disconnect?: { readonly code: number; readonly reason: string };
  readonly subscribe?: Readonly<Record<string, unknown>>;
  readonly unsubscribe?: { readonly code: number };
}

interface Listener {
  readonly pushes: Collected<Received>;
  /** Pings among what came. */
  readonly pings: Collected<unknown>;
  /** Close code of the transport, or of the last push. */
  readonly closed: Collected<number>;
  close(): void;
}

interface UniTransport {
  readonly name: string;
  open(port: number, request: ConnectRequest): Listener;
}

function listener(close: () => void): Listener & { take(push: Received): void } {
  const [pushes, pings, closed] = [
    new Collected<Received>('push'),
    new Collected<unknown>('ping'),
    new Collected<number>('close'),
  ];
  onTestFinished(close);
  return {
    pushes,
    pings,
    closed,
    close,
    take(push) {
      if (Object.keys(push).length === 0) pings.add(push);
      else if (push.disconnect) closed.add(push.disconnect.code);
      else pushes.add(push);
    },
  };
}

function jsonOf(request: ConnectRequest): string {
  const command = new TextDecoder().decode(jsonCodec.encodeCommands([{ connect: request }]));
  return JSON.stringify((JSON.parse(command) as { connect: unknown }).connect);
}

/** Bare message: what stands behind the length of the command and the tag and length of its one field. */
function protobufOf(request: ConnectRequest): Uint8Array {
  let bytes = protobufCodec.encodeCommands([{ connect: request }]);
  for (let i = 0; i < 2; i++) {
    if (i === 1) bytes = bytes.subarray(1);
    bytes = bytes.subarray(bytes.findIndex((byte) => byte < 0x80) + 1);
  }
  return bytes;
}

/** Payloads to values, so that both codecs give the same. */
function plain(push: unknown): Received {
  return JSON.parse(
    JSON.stringify(push, (_, value: unknown) =>
      value instanceof Uint8Array ? (JSON.parse(new TextDecoder().decode(value)) as unknown) : value,
    ),
  ) as Received;
}

const transports: readonly UniTransport[] = [
  {
    name: 'WebSocket, request as first message',
    open: (port, request) => openSocket(`ws://127.0.0.1:${port}/connection/uni_websocket`, jsonOf(request)),
  },
  {
    name: 'WebSocket, request in the URL',
    open: (port, request) =>
      openSocket(
        `ws://127.0.0.1:${port}/connection/uni_websocket?cf_connect=${encodeURIComponent(jsonOf(request))}`,
        undefined,
      ),
  },
  {
    name: 'WebSocket, Protobuf',
    open(port, request) {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/connection/uni_websocket`, 'centrifuge-protobuf');
      const into = listener(() => socket.terminate());
      socket.on('open', () => socket.send(protobufOf(request)));
      socket.on('message', (data) => {
        for (const push of protobufCodec.decodePushes(data as Buffer)) into.take(plain(push));
      });
      socket.on('close', (code) => into.closed.add(code));
      return into;
    },
  },
  {
    name: 'a stream read with fetch',
    open(port, request) {
      const ending = new AbortController();
      const into = listener(() => ending.abort());
      void readLines(
        fetch(`http://127.0.0.1:${port}/connection/uni_http_stream`, {
          method: 'POST',
          body: jsonOf(request),
          signal: ending.signal,
        }),
        (line) => into.take(JSON.parse(line) as Received),
      );
      return into;
    },
  },
  {
    name: 'EventSource',
    open(port, request) {
      const query = `cf_connect=${encodeURIComponent(jsonOf(request))}`;
      const source = new EventSource(`http://127.0.0.1:${port}/connection/uni_sse?${query}`);
      const into = listener(() => source.close());
      source.addEventListener('message', ({ data }) => into.take(JSON.parse(data as string) as Received));
      // EventSource comes back by itself; a test looks at one connection.
      source.addEventListener('error', () => source.close());
      return into;
    },
  },
];

function openSocket(url: string, first: string | undefined): Listener {
  const socket = new WebSocket(url);
  const into = listener(() => socket.terminate());
  if (first !== undefined) socket.on('open', () => socket.send(first));
  socket.on('message', (data) => {
    for (const line of (data as Buffer).toString().split('\n')) into.take(JSON.parse(line) as Received);
  });
  socket.on('close', (code) => into.closed.add(code));
  return into;
}

async function readLines(answer: Promise<Response>, take: (line: string) => void): Promise<void> {
  try {
    const { body } = await answer;
    let rest = '';
    for await (const text of (body as ReadableStream<Uint8Array<ArrayBuffer>>).pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) take(line);
    }
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'AbortError') throw error;
  }
}

describe.each(transports)('$name', ({ open }) => {
  const dial = (request: ConnectRequest, engine = server): Listener => open(portOf(engine), request);

  test('the first push says connected, with the subscriptions asked for; publications and joins follow', async () => {
    const [channel, claimed] = [newChannel('open'), newChannel('locked')];
    const token = jwt({ sub: '42', channels: [claimed] });
    const { pushes } = dial({ token, subs: { [channel]: { join_leave: true, recoverable: true } } });
    const { connect } = await pushes.next();
    expect(connect?.client).toMatch(/\S{8,}/);
    expect(Object.keys(connect?.subs ?? {}).sort()).toEqual([channel, claimed, 'me:#42'].sort());
    expect(connect?.subs?.[channel]).toMatchObject({ recoverable: true, epoch: expect.any(String) });
    expect(await pushes.next()).toMatchObject({ channel, join: { info: { user: '42' } } });
    await server.publish(channel, { n: 1 });
    // Line breaks in the text of a payload must not end the message.
    await server.api.publish({ channel: claimed, data: new TextEncoder().encode('{\r\n  "text": "line\\nbreak"\n}') });
    expect(await pushes.take(2)).toMatchObject([
      { channel, pub: { data: { n: 1 }, offset: 1 } },
      { channel: claimed, pub: { data: { text: 'line\nbreak' }, offset: 1 } },
    ]);
  });

  test('the server subscribes and unsubscribes it, and sends it away', async () => {
    const [user, channel] = [`listener ${newChannel('open').slice(5)}`, newChannel('locked')];
    const { pushes, closed } = dial({ token: jwt({ sub: user }) });
    await pushes.next();
    await server.api.subscribe({ user, channel });
    expect(await pushes.next()).toMatchObject({ channel, subscribe: { recoverable: true } });
    await server.publish(channel, 1);
    expect(await pushes.next()).toMatchObject({ channel, pub: { data: 1 } });
    await server.api.unsubscribe({ user, channel });
    expect(await pushes.next()).toMatchObject({ channel, unsubscribe: { code: 2000 } });
    await server.api.disconnect({ user, disconnect: { code: 4501, reason: 'enough' } });
    expect(await closed.next()).toBe(4501);
  });

  test('it recovers what it missed between two connections', async () => {
    const channel = newChannel('open');
    const first = dial({ subs: { [channel]: { recoverable: true } } });
    const sub = (await first.pushes.next()).connect?.subs?.[channel] as { epoch: string };
    await server.publish(channel, 1);
    await first.pushes.next();
    first.close();
    await server.publish(channel, 2);
    const again = { recoverable: true, recover: true, epoch: sub.epoch, offset: 1 };
    const second = dial({ subs: { [channel]: again } });
    expect((await second.pushes.next()).connect?.subs?.[channel]).toMatchObject({
      was_recovering: true,
      recovered: true,
      publications: [{ data: 2, offset: 2 }],
    });
    await server.publish(channel, 3);
    expect(await second.pushes.next()).toMatchObject({ channel, pub: { data: 3, offset: 3 } });
  });

  test.each([
    ['an invalid token', { token: 'no token' }, 3500],
    ['an expired token', { token: jwt({ sub: '42', exp: secondsFromNow(-60) }) }, 3005],
    ['a channel that does not exist', { subs: { nowhere: {} } }, 3501],
    ['a channel that is not open', { subs: { 'locked:1': {} } }, 3507],
  ])('%s is refused with a code', async (_, request, code) => {
    expect(await dial(request).closed.next()).toBe(code);
  });

  test('it is pinged, and needs not answer', async () => {
    const quiet = await startServer({ config: { ...config, ping: { interval: '200ms', pongTimeout: '100ms' } } });
    onTestFinished(() => quiet.stop());
    const { pings, pushes, closed } = dial({}, quiet);
    await pushes.next();
    await pings.take(3);
    expect(closed.all).toEqual([]);
  });
});

describe('long polling', () => {
  interface Answer {
    readonly cursor: string;
    readonly publications: readonly { readonly channel: string; readonly data: unknown; readonly offset?: number }[];
    readonly reset: readonly string[];
    readonly unreliable: readonly string[];
  }

  async function poll(query: Record<string, string>, engine = server): Promise<Answer> {
    const url = `http://127.0.0.1:${portOf(engine)}/connection/poll?${new URLSearchParams(query).toString()}`;
    const answer = await fetch(url);
    expect(answer.status).toBe(200);
    return (await answer.json()) as Answer;
  }

  /** A client that polls for ever, as one does it. */
  async function* follow(channels: string, engine = server): AsyncGenerator<Answer, never> {
    let { cursor } = await poll({ channels }, engine);
    for (;;) {
      const answer = await poll({ channels, cursor, timeout: '5' }, engine);
      ({ cursor } = answer);
      yield answer;
    }
  }

  test('the first poll is answered at once; the next ones wait, and nothing is lost in between', async () => {
    const [a, b] = [newChannel('open'), newChannel('open')];
    const polls = follow(`${a},${b}`);
    const first = polls.next();
    await expect.poll(() => server.api.channels({ pattern: a })).toEqual({ channels: { [a]: { clients: 1 } } });
    await server.publish(a, 1);
    expect((await first).value.publications).toMatchObject([{ channel: a, data: 1, offset: 1 }]);
    // Nobody listens now.
    await server.publish(a, 2);
    await server.publish(b, { text: 'two\nlines' });
    const { publications, reset } = (await polls.next()).value;
    expect(publications).toHaveLength(2);
    expect(publications).toEqual(
      expect.arrayContaining([
        { channel: a, offset: 2, data: 2 },
        { channel: b, offset: 1, data: { text: 'two\nlines' } },
      ]),
    );
    expect(reset).toEqual([]);
  });

  test('a flood arrives in order and once, however it falls on polls', async () => {
    const channel = newChannel('open');
    const polls = follow(channel);
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const { publications, reset } of polls) {
        seen.push(...publications.map(({ data }) => data), ...reset);
        if (seen.length >= 60) return;
      }
    })();
    await expect
      .poll(() => server.api.channels({ pattern: channel }))
      .toEqual({ channels: { [channel]: { clients: 1 } } });
    for (let n = 1; n <= 60; n++) {
      await server.publish(channel, n);
      if (n % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await reading;
    expect(seen).toEqual(Array.from({ length: 60 }, (_, n) => n + 1));
  });

  test('more than history keeps is a reset, said once', async () => {
    const channel = newChannel('short');
    const { cursor } = await poll({ channels: channel });
    for (const n of [1, 2, 3]) await server.publish(channel, n);
    const answer = await poll({ channels: channel, cursor });
    expect(answer).toMatchObject({ reset: [channel], publications: [] });
    await server.publish(channel, 4);
    expect(await poll({ channels: channel, cursor: answer.cursor })).toMatchObject({
      reset: [],
      publications: [{ data: 4 }],
    });
  });

  test('who may not is told so', async () => {
    const url = `http://127.0.0.1:${portOf(server)}/connection/poll`;
    const status = async (query: string): Promise<number> => (await fetch(`${url}?${query}`)).status;
    expect(await status('channels=locked:1')).toBe(403);
    expect(await status('channels=nowhere')).toBe(400);
    expect(await status('channels=open:1&token=x')).toBe(401);
    expect(await status('channels=open:1&cursor=x')).toBe(400);
  });

  test('any node serves the next poll', async () => {
    const bus = new MemoryBus({ clock: systemClock });
    const nodes = await Promise.all(
      [0, 1].map(() => startServer({ broker: new MemoryBroker({ clock: systemClock, bus }) })),
    );
    onTestFinished(async () => void (await Promise.all(nodes.map((node) => node.stop()))));
    const channel = newChannel('open');
    let { cursor } = await poll({ channels: channel }, nodes[0]);
    for (let n = 1; n <= 6; n++) {
      await nodes[n % 2]!.publish(channel, n);
      const answer = await poll({ channels: channel, cursor }, nodes[(n + 1) % 2]);
      expect(answer).toMatchObject({ reset: [], publications: [{ data: n, offset: n }] });
      ({ cursor } = answer);
    }
  });
});

test('a listener by fetch and one by WebSocket see the same, in the same order', async () => {
  const channel = newChannel('open');
  const listeners = transports.map(({ open }) => open(portOf(server), { subs: { [channel]: {} } }));
  for (const { pushes } of listeners) await pushes.next();
  for (let n = 0; n < 50; n++) void server.publish(channel, n);
  for (const { pushes } of listeners) {
    expect((await pushes.take(50)).map(({ pub }) => pub?.data)).toEqual(Array.from({ length: 50 }, (_, n) => n));
  }
});
