import fc from 'fast-check';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  closeCodes,
  formats,
  jsonCodec,
  type CloseReason,
  type ConnectRequest,
  type Publication,
  type Push,
  type SubscribeResult,
} from '@tidings/protocol';
import { Batch } from '../hub/batch.ts';
import { FakeClock } from '../lib/clock.ts';
import { eventually } from '../testing/conformance.ts';
import { listen, type HttpListener } from '../testing/http-listener.ts';
import { abortPost, dialPoll } from '../testing/transport-clients.ts';
import { suiteChannel, suitePosition, testTransport } from '../testing/transport-suite.ts';
import { longPollRoutes } from './long-poll.ts';
import { encodeCursor } from './poll-cursor.ts';
import type { Accept, Socket } from './transport.ts';

const path = '/connection/poll';

/** A poll that would wait: its channel has a position. */
function pollBody({ token, data }: ConnectRequest): string {
  const cursor = encodeCursor(new Map([[suiteChannel, { ...suitePosition, serverSide: false }]]));
  const parsed: unknown = data ? JSON.parse(new TextDecoder().decode(data)) : undefined;
  return JSON.stringify({ channels: [suiteChannel], cursor, token, data: parsed });
}

testTransport(
  'long_poll',
  {
    async start(accept, { maxMessageBytes, clock }) {
      const limits = { messageSize: maxMessageBytes };
      const listener = await listen(
        longPollRoutes({ accept, limits, clock, logger: pino({ enabled: false }), forwardHeaders: [] }),
      );
      return {
        dial: async (connect) => dialPoll(listener.port, path, pollBody(connect)),
        dialRaw: async (first) => dialPoll(listener.port, path, first),
        abort: () => abortPost(listener.port, path),
        async stop() {
          await listener.stop();
          expect(listener.errors).toEqual([]);
        },
      };
    },
  },
  {
    expected: { transport: 'long_poll', format: formats.uniHttpStreamJson },
    skip: [
      {
        reason: 'one request is answered once',
        tests: ['batches arrive in order', 'a slow reader shows in bufferedBytes, and misses nothing'],
      },
      {
        reason: 'what is written leaves with the answer of the same turn',
        tests: ['a peer that does not read is cut off a while after a close'],
      },
      {
        reason: 'after publications the reason of a close comes with the next poll',
        tests: ['what was written before a close arrives before it'],
      },
    ],
  },
);

interface Answer {
  cursor: string;
  publications: { channel: string; data: number; offset?: number }[];
  reset: string[];
  unreliable: string[];
}

/** A server with logs of channels: enough of an engine to recover from. */
class Logs {
  readonly clock = new FakeClock();
  readonly sockets = new Map<Socket, Set<string>>();
  readonly requests: ConnectRequest[] = [];
  readonly closed: number[] = [];
  readonly logs = new Map<string, Publication[]>();
  epoch = 'first';
  /** Offsets up to here are forgotten. */
  forgotten = 0;
  /** Channels without history. */
  readonly unreliable = new Set<string>();
  /** Channels the server subscribes everybody to. */
  readonly serverSide = new Set<string>();
  refuseWith: CloseReason | undefined;
  /** Never answers connect. */
  silent = false;

  readonly accept: Accept = (socket) => ({
    message: (frame) => this.#connect(socket, jsonCodec.decodeCommands(frame)[0]?.connect ?? {}),
    closed: (code) => {
      this.sockets.delete(socket);
      this.closed.push(code);
    },
  });

  publish(channel: string, value: number): void {
    const log = this.#log(channel);
    const publication: Publication = { data: new TextEncoder().encode(String(value)) };
    if (!this.unreliable.has(channel)) publication.offset = log.length + 1;
    log.push(publication);
    for (const [socket, channels] of this.sockets) {
      if (channels.has(channel)) write(socket, { channel, pub: publication });
    }
  }

  #log(channel: string): Publication[] {
    let log = this.logs.get(channel);
    if (!log) this.logs.set(channel, (log = []));
    return log;
  }

  #connect(socket: Socket, request: ConnectRequest): void {
    this.requests.push(request);
    if (this.silent) return;
    if (this.refuseWith) {
      socket.close(this.refuseWith);
      return;
    }
    const asked = request.subs ?? {};
    const subs: Record<string, SubscribeResult> = {};
    for (const channel of new Set([...Object.keys(asked), ...this.serverSide])) {
      subs[channel] = this.unreliable.has(channel) ? {} : this.#recover(channel, asked[channel] ?? {});
    }
    this.sockets.set(socket, new Set(Object.keys(subs)));
    write(socket, { connect: { client: 'c', subs } });
  }

  #recover(
    channel: string,
    { recover, epoch, offset = 0 }: { recover?: boolean; epoch?: string; offset?: number },
  ): SubscribeResult {
    const log = this.#log(channel);
    const result: SubscribeResult = { recoverable: true, epoch: this.epoch };
    const recovered = recover === true && epoch === this.epoch && offset >= Math.min(this.forgotten, log.length);
    if (recover) result.was_recovering = true;
    if (!recovered) return { ...result, offset: log.length };
    return { ...result, recovered, offset, publications: log.slice(offset) };
  }
}

function write(socket: Socket, push: Push): void {
  socket.write(Batch.root(formats.uniHttpStreamJson).append(jsonCodec.encodePush(push)));
}

describe('long polling', () => {
  let logs: Logs;
  let listener: HttpListener;
  let url: string;

  async function serve(): Promise<void> {
    logs = new Logs();
    const { accept, clock } = logs;
    const limits = { messageSize: 1024 };
    listener = await listen(
      longPollRoutes({ accept, limits, clock, logger: pino({ enabled: false }), forwardHeaders: [] }),
    );
    url = `http://127.0.0.1:${listener.port}${path}`;
  }
  beforeEach(serve);
  afterEach(async () => {
    await listener.stop();
    expect(listener.errors).toEqual([]);
  });

  function get(query: Record<string, string | number>): Promise<Response> {
    return fetch(`${url}?${new URLSearchParams(query as Record<string, string>)}`);
  }

  async function poll(query: Record<string, string | number>): Promise<Answer> {
    const response = await get(query);
    expect(response.status).toBe(200);
    return (await response.json()) as Answer;
  }

  /** Starts a poll and resolves when the server has it. */
  async function waiting(query: Record<string, string | number>): Promise<{ answer: Promise<Answer> }> {
    const before = logs.requests.length;
    const answer = poll(query);
    await eventually(() => expect(logs.requests.length).toBe(before + 1));
    return { answer };
  }

  test('the first poll returns at once with the position of now, the next waits for news', async () => {
    logs.publish('a', 1);
    const first = await poll({ channels: 'a,b' });
    expect(first).toEqual({ cursor: expect.any(String), publications: [], reset: [], unreliable: [] });
    const { answer } = await waiting({ channels: 'a,b', cursor: first.cursor });
    logs.publish('a', 2);
    logs.publish('b', 3);
    expect((await answer).publications).toEqual([
      { channel: 'a', offset: 2, data: 2 },
      { channel: 'b', offset: 1, data: 3 },
    ]);
  });

  test('what was published between two polls is returned at once', async () => {
    const { cursor } = await poll({ channels: 'a' });
    for (let i = 1; i <= 3; i++) logs.publish('a', i);
    const second = await poll({ channels: 'a', cursor });
    expect(second.publications.map(({ data }) => data)).toEqual([1, 2, 3]);
    expect(second.reset).toEqual([]);
    const again = await poll({ channels: 'a', cursor });
    expect(again.publications).toEqual(second.publications);
  });

  test('an answer that was cut by the limit is continued by the next poll', async () => {
    let { cursor } = await poll({ channels: 'a,b' });
    for (let i = 1; i <= 5; i++) logs.publish(i % 2 ? 'a' : 'b', i);
    const got: number[][] = [];
    for (let i = 0; i < 3; i++) {
      const answer = await poll({ channels: 'a,b', cursor, limit: 2 });
      cursor = answer.cursor;
      got.push(answer.publications.map(({ data }) => data));
    }
    expect(got.map(({ length }) => length)).toEqual([2, 2, 1]);
    expect(new Set(got.flat())).toEqual(new Set([1, 2, 3, 4, 5]));
  });

  test('a history that no longer reaches back is a reset, once', async () => {
    let { cursor } = await poll({ channels: 'a' });
    logs.publish('a', 1);
    logs.epoch = 'second';
    const reset = await poll({ channels: 'a', cursor });
    expect(reset).toMatchObject({ publications: [], reset: ['a'] });
    cursor = reset.cursor;
    logs.publish('a', 2);
    expect(await poll({ channels: 'a', cursor })).toMatchObject({ publications: [{ data: 2 }], reset: [] });
    logs.publish('a', 3);
    logs.forgotten = 3;
    expect((await poll({ channels: 'a', cursor })).reset).toEqual(['a']);
  });

  test('channels without history are named, and deliver while a poll is open', async () => {
    logs.unreliable.add('x');
    const { cursor, unreliable } = await poll({ channels: 'a,x' });
    expect(unreliable).toEqual(['x']);
    logs.publish('x', 1);
    const { answer } = await waiting({ channels: 'a,x', cursor });
    logs.publish('x', 2);
    expect(await answer).toMatchObject({ publications: [{ channel: 'x', data: 2 }], unreliable: ['x'], reset: [] });
  });

  test('a channel that lost its history is a reset', async () => {
    const { cursor } = await poll({ channels: 'a' });
    logs.unreliable.add('a');
    expect(await poll({ channels: 'a', cursor })).toMatchObject({ reset: ['a'], unreliable: ['a'] });
  });

  test('a channel that is new to the cursor starts now, and one that is left out is dropped', async () => {
    const { cursor } = await poll({ channels: 'a,b' });
    logs.publish('b', 1);
    logs.publish('c', 2);
    const second = await poll({ channels: 'a,c', cursor });
    expect(second.publications).toEqual([]);
    expect(Object.keys(logs.requests.at(-1)?.subs ?? {})).toEqual(['a', 'c']);
    logs.publish('c', 3);
    expect((await poll({ channels: 'a,c', cursor: second.cursor })).publications).toMatchObject([{ data: 3 }]);
  });

  test('subscriptions of the server recover too', async () => {
    logs.serverSide.add('personal');
    const { cursor } = await poll({});
    logs.publish('personal', 1);
    expect((await poll({ cursor })).publications).toMatchObject([{ channel: 'personal', data: 1 }]);
  });

  test('without news the answer comes at the time limit, and the cursor stays good', async () => {
    const { cursor } = await poll({ channels: 'a' });
    const { answer } = await waiting({ channels: 'a', cursor, timeout: 5 });
    let answered = false;
    void answer.then(() => (answered = true));
    await logs.clock.advance(4_999);
    expect(logs.sockets.size).toBe(1);
    expect(answered).toBe(false);
    await logs.clock.advance(1);
    const quiet = await answer;
    expect(quiet.publications).toEqual([]);
    logs.publish('a', 1);
    expect((await poll({ channels: 'a', cursor: quiet.cursor })).publications).toMatchObject([{ data: 1 }]);
  });

  test('every connection ends with its answer, or with its client', async () => {
    const { cursor } = await poll({ channels: 'a' });
    const stop = new AbortController();
    const aborted = fetch(`${url}?channels=a&cursor=${cursor}`, { signal: stop.signal }).catch(() => 'aborted');
    await eventually(() => expect(logs.sockets.size).toBe(1));
    stop.abort();
    expect(await aborted).toBe('aborted');
    await eventually(() => expect(logs.closed).toEqual([3000, 3000]));
    expect(logs.sockets.size).toBe(0);
  });

  test('refusals are HTTP statuses with the code in the body', async () => {
    for (const [reason, status] of [
      [closeCodes.invalidToken, 401],
      [closeCodes.expired, 401],
      [closeCodes.permissionDenied, 403],
      [closeCodes.forceNoReconnect, 403],
      [{ code: 4500, reason: 'application' }, 403],
      [closeCodes.badRequest, 400],
      [closeCodes.connectionLimit, 429],
      [closeCodes.channelLimit, 429],
      [closeCodes.tooManyRequests, 429],
      [closeCodes.shutdown, 503],
      [closeCodes.serverError, 503],
      [{ code: 4000, reason: 'application' }, 503],
    ] as const) {
      logs.refuseWith = reason;
      const response = await get({ channels: 'a' });
      expect([reason.code, response.status]).toEqual([reason.code, status]);
      expect(await response.json()).toEqual({ error: { code: reason.code, message: reason.reason } });
      expect(response.headers.has('retry-after')).toBe(status === 429 || status === 503);
      expect(response.headers.get('cache-control')).toBe('no-store');
    }
  });

  test('a close while waiting: to come again it is an answer, to stay away it is a refusal', async () => {
    const { cursor } = await poll({ channels: 'a' });
    for (const [reason, status] of [
      [closeCodes.shutdown, 200],
      [closeCodes.forceNoReconnect, 403],
    ] as const) {
      const response = get({ channels: 'a', cursor });
      await eventually(() => expect(logs.sockets.size).toBe(1));
      for (const socket of logs.sockets.keys()) socket.close(reason);
      expect((await response).status).toBe(status);
      await eventually(() => expect(logs.sockets.size).toBe(0));
    }
  });

  test('an unsubscription ends the poll, so that the next one recovers or is refused', async () => {
    const { cursor } = await poll({ channels: 'a' });
    const { answer } = await waiting({ channels: 'a', cursor });
    for (const socket of logs.sockets.keys()) write(socket, { channel: 'a', unsubscribe: { code: 2500 } });
    expect(await answer).toMatchObject({ cursor, publications: [], reset: [] });
  });

  test('a server that does not answer connect is a 503 at the time limit', async () => {
    logs.silent = true;
    const response = get({ channels: 'a', timeout: 1 });
    await eventually(() => expect(logs.requests).toHaveLength(1));
    await logs.clock.advance(1_000);
    expect((await response).status).toBe(503);
    expect(logs.closed).toEqual([3000]);
  });

  test('requests that do not fit are 400 and say why', async () => {
    for (const [query, why] of [
      ['timeout=0', 'timeout'],
      ['timeout=61', 'timeout'],
      ['timeout=x', 'timeout'],
      ['limit=0', 'limit'],
      ['limit=1.5', 'limit'],
      ['cursor=nonsense', 'cursor'],
    ] as const) {
      const response = await fetch(`${url}?channels=a&${query}`);
      expect(`${query} ${response.status}`).toBe(`${query} 400`);
      expect(await response.text()).toContain(why);
    }
    for (const body of ['', '[]', '{"channels":"a"}', '{"channels":[""]}', '{"unknown":1}', '{"timeoutSeconds":"5"}']) {
      expect(`${body} ${(await fetch(url, { method: 'POST', body })).status}`).toBe(`${body} 400`);
    }
    expect(logs.requests).toHaveLength(0);
  });

  test('POST and GET, token in the query, the body and the header', async () => {
    await get({ channels: 'a', token: 'one' });
    await fetch(url, { method: 'POST', body: JSON.stringify({ channels: ['b,c'], token: 'two', data: { n: 1 } }) });
    await fetch(`${url}?channels=a`, { headers: { Authorization: 'bearer three' } });
    expect(logs.requests.map(({ token }) => token)).toEqual(['one', 'two', 'three']);
    expect(Object.keys(logs.requests[1]?.subs ?? {})).toEqual(['b,c']);
    expect(new TextDecoder().decode(logs.requests[1]?.data)).toBe('{"n":1}');
  });

  test('payloads keep every digit, and info and tags come along', async () => {
    const { cursor } = await poll({ channels: 'a' });
    const raw = get({ channels: 'a', cursor });
    await eventually(() => expect(logs.sockets.size).toBe(1));
    const encode = (text: string) => new TextEncoder().encode(text);
    const info = { user: 'u"', client: 'c', conn_info: encode('{"n":1}'), chan_info: encode('[2]') };
    const pub = { data: encode('{"id":12345678901234567890}'), offset: 1, tags: { t: '"' }, time: 5, info };
    for (const socket of logs.sockets.keys()) write(socket, { channel: 'a', pub });
    expect(await (await raw).text()).toContain(
      '"publications":[{"channel":"a","offset":1,"data":{"id":12345678901234567890},"tags":{"t":"\\""},"time":5,' +
        '"info":{"user":"u\\"","client":"c","conn_info":{"n":1},"chan_info":[2]}}]',
    );
  });

  test('polling loses nothing, doubles nothing and keeps the order, whatever happens in between', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('publish' as const), channel: fc.constantFrom('a', 'b'), during: fc.boolean() }),
      fc.record({ kind: fc.constant('poll' as const), limit: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ kind: fc.constant('abort' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
        await listener.stop();
        await serve();
        let { cursor } = await poll({ channels: 'a,b' });
        const seen: Record<string, number[]> = { a: [], b: [] };
        const take = (answer: Answer): void => {
          expect(answer.reset).toEqual([]);
          for (const { channel, data } of answer.publications) seen[channel]?.push(data);
          ({ cursor } = answer);
        };
        let value = 0;
        for (const next of steps) {
          if (next.kind === 'publish' && next.during) {
            const { answer } = await waiting({ channels: 'a,b', cursor });
            logs.publish(next.channel, ++value);
            take(await answer);
          } else if (next.kind === 'publish') {
            logs.publish(next.channel, ++value);
          } else if (next.kind === 'poll') {
            const { answer } = await waiting({ channels: 'a,b', cursor, limit: next.limit });
            await logs.clock.advance(25_000);
            take(await answer);
          } else {
            const stop = new AbortController();
            const aborted = fetch(`${url}?channels=a,b&cursor=${cursor}`, { signal: stop.signal });
            stop.abort();
            await aborted.catch(() => {});
          }
        }
        for (let i = 0; i <= steps.length; i++) {
          const { answer } = await waiting({ channels: 'a,b', cursor, limit: 3 });
          await logs.clock.advance(25_000);
          take(await answer);
        }
        for (const channel of ['a', 'b']) {
          const published = (logs.logs.get(channel) ?? []).map(({ data }) => Number(new TextDecoder().decode(data)));
          expect(seen[channel]).toEqual(published);
        }
      }),
      { numRuns: 15 },
    );
  });
});
