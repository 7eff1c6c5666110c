import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, test } from 'vitest';
import { eventually, LocalServer, type Reply } from '../auth/local-server.ts';
import { configSchema } from '../config/schema.ts';
import { FakeClock, settle, systemClock } from '../lib/clock.ts';
import { createLogger } from '../lib/logger.ts';
import { Metrics } from '../lib/metrics.ts';
import type { ModuleEvent } from './event-sink.ts';
import { EventSpool } from './event-spool.ts';
import { FunctionEvents, type DeliveredEvent } from './function-events.ts';
import { WebhookEvents } from './webhook-events.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'tidings-dead-'));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** `bad-…` is what the application never takes. */
const event = (id: string, subject = 'room:1'): ModuleEvent => ({
  type: 'chat.message.sent',
  subject,
  json: `{"name":"${id}"}`,
  id,
  time: 1,
});

const isBad = (id: string): boolean => id.startsWith('bad');

describe('to a URL', () => {
  async function receiver(answer: (id: string) => Reply | Promise<Reply>) {
    const server = await LocalServer.start(({ body }) => answer((JSON.parse(body) as { id: string }).id));
    cleanups.push(() => server.close());
    return { server, ids: () => server.received.map(({ body }) => (JSON.parse(body) as { id: string }).id) };
  }

  async function create(url: string, dataDir: string, config: object = {}) {
    const metrics = new Metrics();
    const logged: string[] = [];
    const logger = createLogger('error', { write: (line) => void logged.push(line) });
    const { events: settings } = configSchema.parse({ events: { url, maxBackoff: 5, maxAttempts: 3, ...config } });
    const events = new WebhookEvents({ config: settings, dataDir, nodeId: 'n1', clock: systemClock, logger, metrics });
    cleanups.push(() => events.stop());
    await events.start();
    const list = () => events.deadLetters.list(1_000).map(({ id }) => id);
    const handled = () => eventually(() => events.queued === 0, 'everything delivered or dead');
    return { events, metrics, logged, list, handled };
  }

  test('an event that is never taken dies after so many attempts, and those behind it come next', async () => {
    const { server, ids } = await receiver((id) => (isBad(id) ? 400 : 204));
    const { events, metrics, logged, handled } = await create(server.url, folder());
    await Promise.all(['a', 'bad-b', 'c'].map((id) => events.report(event(id))));
    await handled();
    expect(ids()).toEqual(['a', 'bad-b', 'bad-b', 'bad-b', 'c']);
    const [letter, ...more] = events.deadLetters.list(10);
    expect(letter).toMatchObject({ id: 'bad-b', subject: 'room:1', attempts: 3, problem: 'status 400' });
    expect(JSON.parse(letter?.body ?? '')).toMatchObject({ type: 'chat.message.sent', data: { name: 'bad-b' } });
    expect(more).toEqual([]);
    expect(metrics.events.counts.get('dead')).toBe(1);
    expect(logged.filter((line) => line.includes('dead letters'))).toHaveLength(1);
  });

  test('0 attempts are as many as it takes', async () => {
    let failures = 12;
    const { server } = await receiver(() => (failures-- > 0 ? 500 : 200));
    const { events, list, handled } = await create(server.url, folder(), { maxAttempts: 0 });
    await events.report(event('a'));
    await handled();
    expect(list()).toEqual([]);
    expect(server.received).toHaveLength(13);
  });

  test('letters are retried, and die again or are delivered; others are dropped', async () => {
    const takes = new Set<string>();
    const { server, ids } = await receiver((id) => (takes.has(id) ? 200 : 500));
    const { events, list, handled } = await create(server.url, folder(), { maxAttempts: 1 });
    const names = ['bad-1', 'bad-2', 'bad-3', 'bad-4'];
    for (const id of names) await events.report(event(id, `room:${id}`));
    await handled();
    expect(new Set(list())).toEqual(new Set(names));
    takes.add('bad-1').add('bad-2');
    expect(await events.deadLetters.retry(['bad-1', 'bad-3', 'never-there'])).toBe(2);
    await handled();
    expect(new Set(list())).toEqual(new Set(['bad-2', 'bad-3', 'bad-4']));
    expect(ids().filter((id) => id === 'bad-3')).toHaveLength(2);
    expect(await events.deadLetters.drop(['bad-4'])).toBe(1);
    expect(await events.deadLetters.retry()).toBe(2);
    await handled();
    expect(list()).toEqual(['bad-3']);
    expect(await events.deadLetters.drop()).toBe(1);
    expect(list()).toEqual([]);
  });

  test('the list goes on by pages, the oldest first', async () => {
    const { server } = await receiver(() => 500);
    const { events, handled } = await create(server.url, folder(), { maxAttempts: 1 });
    for (let i = 0; i < 25; i++) await events.report(event(`bad-${i}`, `room:${i}`));
    await handled();
    const seen = [];
    for (let page = events.deadLetters.list(10); page.length > 0;) {
      seen.push(...page);
      page = events.deadLetters.list(10, seen.at(-1));
    }
    expect(new Set(seen.map(({ id }) => id)).size).toBe(25);
    const times = seen.map(({ diedAtMs }) => diedAtMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  test('a spool of the time before dead letters is taken as it is', async () => {
    const dataDir = folder();
    const file = join(dataDir, 'events.sqlite');
    new EventSpool(file).close();
    const db = new DatabaseSync(file);
    db.exec(`DROP TABLE dead; INSERT INTO queue (id, subject, body) VALUES ('bad-old', 'room:1', '{"id":"bad-old"}')`);
    db.close();
    const { server } = await receiver(() => 500);
    const { list, handled } = await create(server.url, dataDir, { maxAttempts: 1 });
    await handled();
    expect(list()).toEqual(['bad-old']);
  });

  test(
    'kill -9 at any moment: each event is delivered, or dead, or dead and then delivered',
    { timeout: 60_000 },
    async () => {
      const dataDir = folder();
      const script = join(dataDir, 'node.ts');
      const source = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
      writeFileSync(
        script,
        `import { WebhookEvents } from ${source('./webhook-events.ts')};
       import { configSchema } from ${source('../config/schema.ts')};
       import { systemClock } from ${source('../lib/clock.ts')};
       import { createLogger } from ${source('../lib/logger.ts')};
       import { Metrics } from ${source('../lib/metrics.ts')};
       const [, , url, dataDir, task] = process.argv;
       const { events: config } = configSchema.parse({ events: { url, maxBackoff: 5, maxAttempts: 2 } });
       const events = new WebhookEvents({ config, dataDir, nodeId: 'killed', clock: systemClock, logger: createLogger('silent'), metrics: new Metrics() });
       await events.start();
       if (task === 'report') {
         for (let i = 0; i < 90; i++) {
           const id = (i % 3 === 1 ? 'bad-' : 'good-') + i;
           void events.report({ type: 'chat.message.sent', subject: 'room:' + (i % 4), json: '{}', id, time: 1 });
         }
       }
       if (task === 'retry') setInterval(() => void events.deadLetters.retry(), 3);
       setInterval(() => {}, 1000);`,
      );
      // Slow enough that the kill comes in the middle.
      const { server, ids } = await receiver(async (id) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        return isBad(id) ? 500 : 200;
      });
      const runAndKill = async (task: string, more: number): Promise<void> => {
        const until = server.received.length + more;
        const child = spawn(process.execPath, ['--conditions=tidings-source', script, server.url, dataDir, task], {
          stdio: ['ignore', 'ignore', 'inherit'],
        });
        const exited = new Promise((resolve) => child.on('exit', resolve));
        try {
          await eventually(() => server.received.length >= until, `${more} requests in ${task}`);
        } finally {
          child.kill('SIGKILL');
          await exited;
        }
      };
      await runAndKill('report', 9);
      await runAndKill('deliver', 17);
      await runAndKill('deliver', 23);
      await runAndKill('retry', 41);
      await runAndKill('retry', 13);

      const { events, list, handled } = await create(server.url, dataDir, { maxAttempts: 2 });
      await handled();
      const names = Array.from({ length: 90 }, (_, i) => `${i % 3 === 1 ? 'bad-' : 'good-'}${i}`);
      expect(new Set(ids())).toEqual(new Set(names));
      expect(new Set(list())).toEqual(new Set(names.filter(isBad)));
      expect(list()).toHaveLength(30);
      expect(events.queued).toBe(0);
    },
  );
});

describe('to a function', () => {
  function create(handler: (event: DeliveredEvent) => void | Promise<void>, dataDir: string, maxAttempts = 3) {
    const clock = new FakeClock();
    const metrics = new Metrics();
    const events = new FunctionEvents({
      handler,
      nodeId: 'n1',
      clock,
      logger: createLogger('silent'),
      metrics,
      deadLetters: { file: join(dataDir, 'events.sqlite'), maxAttempts },
    });
    cleanups.push(() => events.stop());
    return { events, clock, metrics, list: () => events.deadLetters.list(10).map(({ id }) => id) };
  }

  test('an event of a module that keeps failing becomes a letter, and only then is let go', async () => {
    const calls: string[] = [];
    const { events, clock, metrics, list } = create((got) => {
      calls.push(got.id);
      if (isBad(got.id)) throw new Error('no such customer');
    }, folder());
    const letGo: string[] = [];
    const reported = ['a', 'bad-b', 'c'].map(async (id) => {
      await events.report(event(id));
      letGo.push(id);
    });
    await settle();
    expect(letGo).toEqual(['a']);
    expect(list()).toEqual([]);
    await clock.advance(60_000);
    await Promise.all(reported);
    expect(calls).toEqual(['a', 'bad-b', 'bad-b', 'bad-b', 'c']);
    expect(events.deadLetters.list(10)).toMatchObject([{ id: 'bad-b', attempts: 3, problem: 'no such customer' }]);
    expect(metrics.events.counts.get('dead')).toBe(1);
  });

  test('a letter stays one until it is handled, also over a restart in between', async () => {
    const dataDir = folder();
    let works = false;
    const handled: DeliveredEvent[] = [];
    const handler = async (got: DeliveredEvent) => {
      if (!works) throw new Error('not yet');
      handled.push(got);
    };
    const first = create(handler, dataDir, 1);
    await first.events.report(event('bad-1'));
    expect(first.list()).toEqual(['bad-1']);
    expect(await first.events.deadLetters.retry()).toBe(1);
    // It is under way, or has died again: there is one of it, and it is in the list.
    expect(first.list()).toEqual(['bad-1']);
    await settle();
    await first.events.stop();

    // The process before died after it was written down, and before it was let go.
    const second = create(handler, dataDir, 1);
    await second.events.report(event('bad-1'));
    expect(second.list()).toEqual(['bad-1']);
    works = true;
    expect(await second.events.deadLetters.retry(['bad-1'])).toBe(1);
    await settle();
    expect(second.list()).toEqual([]);
    expect(handled).toMatchObject([{ id: 'bad-1', subject: 'room:1', data: { name: 'bad-1' } }]);
  });

  test('no file is made as long as nothing dies', async () => {
    const dataDir = folder();
    const { events, list } = create(() => {}, dataDir);
    await events.report(event('a'));
    expect(list()).toEqual([]);
    expect(await events.deadLetters.drop()).toBe(0);
    expect(() => new DatabaseSync(join(dataDir, 'events.sqlite'), { readOnly: true })).toThrow('unable to open');
  });
});
