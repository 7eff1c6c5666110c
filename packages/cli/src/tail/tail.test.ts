import { createEngine, createLogger, parseConfig, type Engine } from '@tidings/server';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runInProcess } from '../testing/run-command.ts';
import { eventJson, eventLine, printable } from './format-event.ts';
import { TailClient, type TailEvent } from './tail-client.ts';

let engine: Engine;
let url: string;
const clients: TailClient[] = [];

beforeEach(async () => {
  const { config } = parseConfig({
    listen: { port: 0 },
    auth: { anonymous: true },
    api: { keys: ['key-of-the-test'] },
    channels: {
      'room:{id}': {
        allow: { subscribe: 'anyone', history: 'anyone', presence: 'anyone' },
        history: { size: 5 },
        recovery: 'on-request',
        joinLeave: 'on-request',
      },
      plain: { allow: { subscribe: 'anyone' } },
    },
    shutdown: { spread: 0 },
  });
  engine = createEngine({ config, logger: createLogger('silent') });
  await engine.start();
  url = `ws://127.0.0.1:${engine.address?.port}`;
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.stop();
  await engine.stop();
});

/** Events in order; `next` waits for one that fits, and skips others. */
function watch(channels: string[], history = 0) {
  const events: TailEvent[] = [];
  let read = 0;
  let wake = () => {};
  const client = new TailClient({
    url: `${url}/connection/websocket`,
    token: undefined,
    channels,
    history,
    onEvent: (event) => {
      events.push(event);
      wake();
    },
  });
  clients.push(client);
  const ended = client.run();
  async function next<T extends TailEvent['type']>(type: T): Promise<TailEvent & { type: T }> {
    for (;;) {
      while (read < events.length) {
        const event = events[read++] as TailEvent;
        if (event.type === type) return event as TailEvent & { type: T };
      }
      await new Promise<void>((resolve) => (wake = resolve));
    }
  }
  return { client, ended, next, events };
}

const textOf = (event: Extract<TailEvent, { type: 'publication' }>) => String(Buffer.from(event.publication.data));
const forceReconnect = { code: 3011, reason: 'force reconnect' };
const disconnectAll = () => engine.api.disconnect({ user: '', disconnect: forceReconnect });

describe('tail', () => {
  test('shows history first, then what is live, then who comes and goes', async () => {
    for (let i = 1; i <= 3; i++) await engine.publish('room:1', i);
    const tail = watch(['room:1'], 2);
    expect(await tail.next('subscribed')).toMatchObject({ channel: 'room:1', outcome: 'fresh' });
    await engine.publish('room:1', { big: 4 });
    const shown = [await tail.next('publication'), await tail.next('publication'), await tail.next('publication')];
    expect(shown.map((event) => [textOf(event), event.past])).toEqual([
      ['2', true],
      ['3', true],
      ['{"big":4}', false],
    ]);
    const other = watch(['room:1']);
    const { client } = await other.next('connected');
    while ((await tail.next('join')).info.client !== client);
    other.client.stop();
    expect((await tail.next('leave')).info.client).toBe(client);
    tail.client.stop();
    expect(await tail.ended).toBe(true);
  });

  test('after a disconnect it recovers everything it missed, in order, and says so', async () => {
    const tail = watch(['room:1', 'plain']);
    await tail.next('subscribed');
    await tail.next('subscribed');
    await engine.publish('room:1', 1);
    await tail.next('publication');
    await disconnectAll();
    expect((await tail.next('disconnected')).retryInMs).toBeGreaterThan(0);
    await engine.publish('room:1', 2);
    await engine.publish('room:1', 3);
    // Which of the two comes first is open.
    const published = [await tail.next('publication'), await tail.next('publication')];
    expect(published.map(textOf)).toEqual(['2', '3']);
    await engine.publish('room:1', 4);
    expect(textOf(await tail.next('publication'))).toBe('4');
    const outcomes = tail.events.filter((event) => event.type === 'subscribed').slice(2);
    expect(outcomes.toSorted((a, b) => a.channel.localeCompare(b.channel))).toMatchObject([
      { channel: 'plain', outcome: 'unrecoverable' },
      { channel: 'room:1', outcome: 'recovered', recovered: 2 },
    ]);
  });

  test('what the history no longer has is a reset, not silence', async () => {
    const tail = watch(['room:1']);
    await tail.next('subscribed');
    await engine.publish('room:1', 0);
    await tail.next('publication');
    await disconnectAll();
    await tail.next('disconnected');
    for (let i = 1; i <= 10; i++) await engine.publish('room:1', i);
    expect(await tail.next('subscribed')).toMatchObject({ outcome: 'reset', recovered: 0 });
    await engine.publish('room:1', 11);
    expect(textOf(await tail.next('publication'))).toBe('11');
  });

  test('it ends when the server says not to come back, and when no channel is left', async () => {
    const sent = watch(['room:1']);
    await sent.next('subscribed');
    await engine.api.disconnect({ user: '' });
    expect(await sent.next('disconnected')).toMatchObject({ code: 3503, retryInMs: undefined });
    expect(await sent.ended).toBe(false);

    const unknown = watch(['no:such:channel']);
    expect(await unknown.next('error')).toMatchObject({ channel: 'no:such:channel', code: 102 });
    expect(await unknown.ended).toBe(false);
  });

  test('as a command it fails on a wrong address', async () => {
    const { code, stdout } = await runInProcess(['tail', 'room:1', '--json', '--url', `${url}/nowhere`]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ type: 'disconnected', reason: 'HTTP status 404' });
  });
});

describe('publish', () => {
  const key = ['--key', 'key-of-the-test'];
  const publish = (args: string[], options = {}) =>
    runInProcess(['publish', ...args, '--url', url.replace('ws', 'http')], options);

  test('publishes what was written, to the digit', async () => {
    const tail = watch(['room:1']);
    await tail.next('subscribed');
    expect(await publish(['room:1', '{"id":12345678901234567890}', ...key])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^published at offset 1 of epoch /),
    });
    expect(textOf(await tail.next('publication'))).toBe('{"id":12345678901234567890}');
    const env = { TIDINGS_API_KEYS: 'key-of-the-test,other' };
    expect(await publish(['plain', '-'], { env, input: '"piped"\n' })).toEqual({
      code: 0,
      stdout: 'published',
      stderr: '',
    });
  });

  test('says why it could not', async () => {
    expect(await publish(['room:1', '1'])).toMatchObject({ code: 1, stderr: expect.stringContaining('--key') });
    expect(await publish(['no:such:channel', '1', ...key])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('102'),
    });
    await engine.stop();
    expect(await publish(['room:1', '1', ...key])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Is the server running?'),
    });
  });
});

describe('what others wrote is harmless for a terminal', () => {
  const hostile = '\u001b]0;owned\u0007\u009b2J\u202e';
  const info = { user: hostile, client: 'c' };
  const publication = {
    data: new TextEncoder().encode(`"\u009b"`),
    offset: 7,
    time: 0,
    info,
    tags: { [hostile]: hostile },
  };
  const events: TailEvent[] = [
    { type: 'publication', channel: hostile, publication, past: false },
    { type: 'join', channel: hostile, info },
    { type: 'unsubscribed', channel: hostile, code: 2000, reason: hostile },
    { type: 'disconnected', code: 3000, reason: hostile, retryInMs: 100 },
    { type: 'error', channel: hostile, code: 1, message: hostile },
  ];

  test.each(events)('$type as a line', (event) => {
    const line = eventLine(event, 0, { style: (_, text) => text });
    for (const char of hostile) if (char < ' ' || char > '~') expect(line).not.toContain(char);
    expect(line).toContain('\\u001b]0;owned');
  });

  test.each(events)('$type as JSON', (event) => {
    const parsed = JSON.parse(eventJson(event, 5)) as Record<string, unknown>;
    expect(parsed['type']).toBe(event.type);
    if (event.type === 'publication') expect(parsed).toMatchObject({ data: '\u009b', offset: 7, time: 0, info });
  });

  test('other text stays', () => {
    expect(printable('Grüße, 世界 👋')).toBe('Grüße, 世界 👋');
  });
});
