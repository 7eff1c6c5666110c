import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, test } from 'vitest';
import { eventually, LocalServer, type Received, type Reply } from '../auth/local-server.ts';
import { verifySignature } from '../lib/signature.ts';
import { configSchema } from '../config/schema.ts';
import { systemClock } from '../lib/clock.ts';
import { createLogger } from '../lib/logger.ts';
import { Metrics } from '../lib/metrics.ts';
import type { LifecycleEvent, ModuleEvent } from './event-sink.ts';
import { WebhookEvents } from './webhook-events.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const connected = (client: string): LifecycleEvent => ({
  type: 'connected',
  client,
  user: '42',
  transport: 'websocket',
  address: '10.0.0.1',
});
const disconnected = (client: string): LifecycleEvent => ({
  type: 'disconnected',
  client,
  user: '42',
  code: 3001,
  reason: 'shutdown',
});
const occupied = (channel: string): LifecycleEvent => ({ type: 'occupied', channel });
const vacated = (channel: string): LifecycleEvent => ({ type: 'vacated', channel });

interface Body {
  readonly id: string;
  readonly type: string;
  readonly client?: string;
  readonly channel?: string;
  readonly code?: number;
  readonly reason?: string;
}

function dataDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'tidings-events-'));
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

async function receiver(answer: (request: Received, event: Body) => Reply | Promise<Reply> = () => 204) {
  const server = await LocalServer.start((request) => answer(request, JSON.parse(request.body) as Body));
  cleanups.push(() => server.close());
  const events = (): Body[] => server.received.map((request) => JSON.parse(request.body) as Body);
  return { server, events, names: () => events().map((event) => `${event.type} ${event.client ?? event.channel}`) };
}

function create(url: string, dir: string, config: object = {}) {
  const metrics = new Metrics();
  const logged: string[] = [];
  const logger = createLogger('info', { write: (line) => void logged.push(line) });
  const { events: settings } = configSchema.parse({ events: { url, maxBackoff: 20, ...config } });
  const events = new WebhookEvents({
    config: settings,
    dataDir: dir,
    nodeId: 'n1',
    clock: systemClock,
    logger,
    metrics,
  });
  cleanups.push(() => events.stop());
  return { events, metrics, logged };
}

const delivered = (events: WebhookEvents): Promise<void> =>
  eventually(() => events.queued === 0, 'everything delivered');

describe('delivery', () => {
  test('one signed POST an event', async () => {
    const { server } = await receiver();
    const { events, metrics } = create(server.url, join(dataDir(), 'made', 'on', 'start'), { secret: 'event secret' });
    await events.start();
    events.emit(connected('c1'));
    await eventually(() => server.received.length === 1, 'one event');
    const { headers, body, method } = server.received[0] as Received;
    const event = JSON.parse(body) as Body;
    expect(event).toEqual({ ...connected('c1'), id: expect.any(String), time: expect.any(Number), node: 'n1' });
    expect(method).toBe('POST');
    expect(headers).toMatchObject({ 'x-tidings-event-id': event.id, 'content-type': 'application/json' });
    expect(verifySignature('event secret', headers['x-tidings-signature'] as string, body)).toBe(true);
    await delivered(events);
    expect(metrics.events.counts.get('delivered')).toBe(1);
  });

  test('events emitted before start, and all of one turn in one transaction', async () => {
    const { server, names } = await receiver();
    const { events } = create(server.url, dataDir());
    for (let i = 0; i < 50; i++) events.emit(connected(`c${i}`));
    await events.start();
    await eventually(() => names().length === 50, 'all events');
    expect(new Set(names()).size).toBe(50);
  });

  test('a receiver that fails, then works: the same id again, order per subject kept', async () => {
    const failures = new Map<string, number>();
    const replies: Reply[] = [500, 'cut', 302];
    const { server, events: got } = await receiver((_request, event) => {
      const count = failures.get(event.id) ?? 0;
      failures.set(event.id, count + 1);
      return replies[count] ?? 200;
    });
    const { events, metrics, logged } = create(server.url, dataDir());
    await events.start();
    for (const client of ['c1', 'c2', 'c3'])
      for (const event of [connected(client), disconnected(client)]) events.emit(event);
    await eventually(() => metrics.events.counts.get('delivered') === 6, 'all delivered');
    for (const client of ['c1', 'c2', 'c3']) {
      const types = got()
        .filter((event) => event.client === client)
        .map((event) => event.type);
      expect(types).toEqual([...Array(4).fill('connected'), ...Array(4).fill('disconnected')]);
    }
    expect(metrics.events.counts.get('retried')).toBe(18);
    // An outage is one line, not one a failure.
    expect(logged.length).toBe(1);
  });

  test('a subject that is refused for good does not hold up others', async () => {
    const { server, names } = await receiver((_request, event) => (event.client === 'bad' ? 400 : 200));
    const { events } = create(server.url, dataDir());
    await events.start();
    events.emit(connected('bad'));
    events.emit(disconnected('bad'));
    for (let i = 0; i < 40; i++) events.emit(connected(`c${i}`));
    await eventually(() => events.queued === 2, 'all others delivered');
    expect(names()).not.toContain('disconnected bad');
  });

  test('subjects go side by side, at most 16', async () => {
    let open: () => void = () => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    const { server } = await receiver(async () => {
      await gate;
      return 200;
    });
    const { events } = create(server.url, dataDir());
    await events.start();
    for (let i = 0; i < 40; i++) events.emit(occupied(`room${i}`));
    await eventually(() => server.underWay === 16, 'sixteen under way');
    open();
    await delivered(events);
    expect(server.mostUnderWay).toBe(16);
  });

  test('thousands in one turn arrive, each once', async () => {
    const { server, names } = await receiver();
    const { events } = create(server.url, dataDir());
    await events.start();
    for (let i = 0; i < 2_500; i++) events.emit(occupied(`room${i % 700}`));
    await eventually(() => names().length === 2_500, 'all events');
    await delivered(events);
    expect(server.received.length).toBe(2_500);
  });

  test('types filter', async () => {
    const { server, names } = await receiver();
    const { events } = create(server.url, dataDir(), { types: ['disconnected', 'occupied'] });
    await events.start();
    for (const event of [connected('c1'), occupied('news'), vacated('news'), disconnected('c1')]) events.emit(event);
    await eventually(() => names().length === 2, 'two events');
    await delivered(events);
    expect(names().toSorted()).toEqual(['disconnected c1', 'occupied news']);
  });

  test('beyond maxQueued the oldest go, counted and told', async () => {
    let up = false;
    const { server, events: got } = await receiver(() => (up ? 200 : 500));
    const { events, metrics, logged } = create(server.url, dataDir(), { maxQueued: 10 });
    await events.start();
    for (let i = 0; i < 25; i++) events.emit(connected(`c${i}`));
    await eventually(() => metrics.events.counts.get('dropped') === 15, 'fifteen dropped');
    expect(logged.join()).toContain('events are lost');
    up = true;
    await delivered(events);
    const kept = got()
      .slice(-10)
      .map((event) => event.client);
    expect(new Set(kept)).toEqual(new Set(Array.from({ length: 10 }, (_, i) => `c${i + 15}`)));
  });
});

describe('crashes and stops', () => {
  const down = 'http://127.0.0.1:1/nobody';

  test('what was not delivered is delivered first by the next process', async () => {
    const dir = dataDir();
    const first = create(down, dir);
    await first.events.start();
    first.events.emit(connected('c1'));
    first.events.emit(disconnected('c1'));
    await first.events.stop();

    const { server, names } = await receiver();
    const second = create(server.url, dir);
    second.events.emit(connected('c1'));
    await second.events.start();
    await delivered(second.events);
    await eventually(() => names().length === 3, 'three events');
    expect(names()).toEqual(['connected c1', 'disconnected c1', 'connected c1']);
  });

  test('what was open when a process died is closed by the next, once', async () => {
    const dir = dataDir();
    const { server, names, events: got } = await receiver();
    const first = create(server.url, dir);
    await first.events.start();
    for (const event of [
      connected('stays'),
      connected('goes'),
      disconnected('goes'),
      occupied('full'),
      occupied('empty'),
      vacated('empty'),
    ]) {
      first.events.emit(event);
    }
    await delivered(first.events);
    await eventually(() => names().length === 6, 'six events');
    // Not stopped: the second finds what a killed process leaves.
    const second = create(server.url, dir);
    await second.events.start();
    await eventually(() => names().length === 8, 'eight events');
    expect(names().slice(6).toSorted()).toEqual(['disconnected stays', 'vacated full']);
    expect(got().find((event) => event.client === 'stays' && event.type === 'disconnected')).toMatchObject({
      code: 3000,
      reason: 'node crashed',
      user: '42',
    });
    await delivered(second.events);
    await second.events.stop();

    const third = create(server.url, dir);
    await third.events.start();
    await third.events.drain(new AbortController().signal);
    expect(names().length).toBe(8);
  });

  test('a crash is noticed only by those who asked for closing events', async () => {
    const dir = dataDir();
    const { server, names } = await receiver();
    const types = ['connected', 'occupied'];
    const first = create(server.url, dir, { types });
    await first.events.start();
    first.events.emit(connected('c1'));
    first.events.emit(occupied('news'));
    await delivered(first.events);
    await eventually(() => names().length === 2, 'two events');
    const second = create(server.url, dir, { types });
    await second.events.start();
    await second.events.drain(new AbortController().signal);
    expect(names().length).toBe(2);
  });

  test('drain delivers what it can and leaves the rest on disk', async () => {
    const { server, names } = await receiver();
    const reachable = create(server.url, dataDir());
    await reachable.events.start();
    for (let i = 0; i < 100; i++) reachable.events.emit(occupied(`room${i}`));
    await reachable.events.drain(new AbortController().signal);
    expect(names().length).toBe(100);

    const unreachable = create(down, dataDir(), { maxBackoff: '60s' });
    await unreachable.events.start();
    unreachable.events.emit(connected('c1'));
    await unreachable.events.drain(new AbortController().signal);
    expect(unreachable.events.queued).toBe(1);
  });

  test('drain ends when it must, and stop within a delivery keeps the event', async () => {
    const dir = dataDir();
    const hanging = await receiver(() => 'hang');
    const first = create(hanging.server.url, dir);
    await first.events.start();
    first.events.emit(connected('c1'));
    first.events.emit(disconnected('c1'));
    await eventually(() => hanging.server.received.length === 1, 'a delivery under way');
    const until = new AbortController();
    const drained = first.events.drain(until.signal);
    until.abort();
    await drained;
    await first.events.stop();
    await first.events.stop();
    first.events.emit(connected('late'));

    const { server, names } = await receiver();
    const second = create(server.url, dir);
    await second.events.start();
    await delivered(second.events);
    expect(names()).toEqual(['connected c1', 'disconnected c1']);
  });

  test('emit survives a disk that fails, and events are written when it works again', async () => {
    const dir = dataDir();
    const { server, names } = await receiver();
    const { events, logged } = create(server.url, dir);
    await events.start();
    const other = new DatabaseSync(join(dir, 'events.sqlite'));
    other.exec('BEGIN IMMEDIATE');
    events.emit(connected('c1'));
    events.emit(disconnected('c1'));
    await eventually(() => logged.join().includes('cannot be written'), 'the failure in the log');
    other.exec('ROLLBACK');
    other.close();
    await eventually(() => names().length === 2, 'both events');
    expect(names()).toEqual(['connected c1', 'disconnected c1']);
  });

  test('a spool that cannot be used is told at start, with its name', async () => {
    const dir = dataDir();
    writeFileSync(join(dir, 'events.sqlite'), 'this is no database, and it is long enough to be looked at '.repeat(20));
    await expect(create(down, dir).events.start()).rejects.toThrow('events.sqlite');
    const file = join(dir, 'plain-file');
    writeFileSync(file, '');
    await expect(create(down, file).events.start()).rejects.toThrow('events.sqlite');
    const newer = dataDir();
    const db = new DatabaseSync(join(newer, 'events.sqlite'));
    db.exec('PRAGMA user_version = 99');
    db.close();
    await expect(create(down, newer).events.start()).rejects.toThrow('version is 99');
  });

  test('needs a URL', () => {
    const { events: config } = configSchema.parse({});
    const deps = { clock: systemClock, logger: createLogger('silent'), metrics: new Metrics() };
    expect(() => new WebhookEvents({ config, dataDir: '.', nodeId: 'n1', ...deps })).toThrow('events.url');
  });

  test('kill -9 in the middle: every event written is delivered, and what was open is closed', async () => {
    const dir = dataDir();
    const script = join(dir, 'node.ts');
    const source = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
    writeFileSync(
      script,
      `import { WebhookEvents } from ${source('./webhook-events.ts')};
       import { configSchema } from ${source('../config/schema.ts')};
       import { systemClock } from ${source('../lib/clock.ts')};
       import { createLogger } from ${source('../lib/logger.ts')};
       import { Metrics } from ${source('../lib/metrics.ts')};
       const { events: config } = configSchema.parse({ events: { url: process.argv[2] } });
       const events = new WebhookEvents({ config, dataDir: process.argv[3], nodeId: 'killed', clock: systemClock, logger: createLogger('silent'), metrics: new Metrics() });
       await events.start();
       for (let i = 0; i < 300; i++) {
         events.emit({ type: 'connected', client: 'c' + i, user: '', transport: 'websocket', address: '' });
         if (i % 3 === 0) events.emit({ type: 'disconnected', client: 'c' + i, user: '', code: 3000, reason: '' });
       }
       setImmediate(() => setImmediate(() => process.stdout.write('written')));
       setInterval(() => {}, 1000);`,
    );
    // Slow enough that the kill comes in the middle.
    const { server, events: got } = await receiver(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return 200;
    });
    const child = spawn(process.execPath, ['--conditions=tidings-source', script, server.url, dir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = new Promise((resolve) => child.on('exit', resolve));
    await new Promise((resolve, reject) => {
      child.stdout.once('data', resolve);
      child.once('exit', () => reject(new Error('the process ended before it wrote')));
    });
    await eventually(() => server.received.length >= 32, 'some deliveries');
    child.kill('SIGKILL');
    await exited;
    expect(server.received.length).toBeLessThan(600);

    const { events } = create(server.url, dir);
    await events.start();
    await eventually(() => events.queued === 0, 'the rest delivered');
    const unique = [...new Map(got().map((event) => [event.id, event])).values()];
    for (let i = 0; i < 300; i++) {
      const mine = unique.filter((event) => event.client === `c${i}`);
      expect(
        mine.map((event) => event.type),
        `c${i}`,
      ).toEqual(['connected', 'disconnected']);
      expect(mine[1]?.reason === 'node crashed', `c${i}`).toBe(i % 3 !== 0);
    }
    expect(unique.length).toBe(600);
  });
});

describe('events of modules', () => {
  const event = (id: string, subject: string, type = 'chat.message.sent'): ModuleEvent => ({
    type,
    subject,
    id,
    json: '{"n":12345678901234567890}',
    time: 1_700_000_000_000,
  });

  test('are on disk when report resolves, and survive the process', async () => {
    const dir = dataDir();
    const { server } = await receiver(() => 503);
    const { events } = create(server.url, dir);
    await events.start();
    await events.report(event('e1', 'room:1'));
    await events.report(event('e2', 'room:1'));
    await events.stop();
    await expect(events.report(event('e3', 'room:1'))).rejects.toThrow('stopping');
    const later = await receiver();
    const next = create(later.server.url, dir);
    await next.events.start();
    await delivered(next.events);
    expect(later.events().map(({ id }) => id)).toEqual(['e1', 'e2']);
    expect(later.server.received[0]?.body).toBe(
      '{"id":"e1","type":"chat.message.sent","time":1700000000000,"node":"n1","subject":"room:1","data":{"n":12345678901234567890}}',
    );
  });

  test('in order per subject, and only those that are wanted', async () => {
    const { server, events: got } = await receiver();
    const { events } = create(server.url, dataDir(), { types: ['chat.message.*'] });
    await events.start();
    const ids = Array.from({ length: 50 }, (_, i) => `e${i}`);
    await Promise.all([
      ...ids.map((id) => events.report(event(id, 'room:1'))),
      events.report(event('other', 'room:1', 'chat.member.joined')),
    ]);
    events.emit(connected('c1'));
    await delivered(events);
    expect(got().map(({ id }) => id)).toEqual(ids);
  });

  test('while the disk refuses them report waits; it resolves when they are written', async () => {
    const dir = dataDir();
    const { server } = await receiver();
    const { events } = create(server.url, dir);
    await events.start();
    const other = new DatabaseSync(join(dir, 'events.sqlite'));
    other.exec('BEGIN IMMEDIATE');
    let written = false;
    const reported = events.report(event('e1', 'room:1')).then(() => (written = true));
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(written).toBe(false);
    other.exec('COMMIT');
    other.close();
    await reported;
    await delivered(events);
    expect(server.received).toHaveLength(1);
  });
});
