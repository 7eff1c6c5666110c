import { describe, expect, test } from 'vitest';
import { FakeClock, settle } from '../lib/clock.ts';
import { createLogger } from '../lib/logger.ts';
import { Metrics } from '../lib/metrics.ts';
import type { LifecycleEvent } from './event-sink.ts';
import { FunctionEvents, type DeliveredEvent, type FunctionEventsOptions } from './function-events.ts';
import { noEvents } from './no-events.ts';

const connected = (client: string): LifecycleEvent => ({
  type: 'connected',
  client,
  user: '42',
  transport: 'websocket',
  address: '',
});
const disconnected = (client: string): LifecycleEvent => ({
  type: 'disconnected',
  client,
  user: '42',
  code: 3000,
  reason: '',
});

function setup(handler: (event: DeliveredEvent) => void | Promise<void>, more: Partial<FunctionEventsOptions> = {}) {
  const clock = new FakeClock();
  const metrics = new Metrics();
  const logged: string[] = [];
  const logger = createLogger('error', { write: (line) => void logged.push(line) });
  return {
    clock,
    metrics,
    logged,
    events: new FunctionEvents({ handler, nodeId: 'n1', clock, logger, metrics, ...more }),
  };
}

describe('FunctionEvents', () => {
  test('calls the function, not within emit', async () => {
    const got: DeliveredEvent[] = [];
    const { events, clock, metrics } = setup((event) => void got.push(event));
    events.emit(connected('c1'));
    events.emit({ type: 'occupied', channel: 'news' });
    expect(got).toEqual([]);
    await settle();
    expect(got).toEqual([
      { ...connected('c1'), id: expect.any(String), time: clock.now(), node: 'n1' },
      { type: 'occupied', channel: 'news', id: expect.any(String), time: clock.now(), node: 'n1' },
    ]);
    expect(metrics.events.counts.get('delivered')).toBe(2);
  });

  test('tries again, in order per subject, others meanwhile', async () => {
    const got: string[] = [];
    let failures = 2;
    const { events, clock, metrics } = setup((event) => {
      const client = (event as { client: string }).client;
      if (client === 'c1' && failures-- > 0) throw new Error('not yet');
      got.push(`${event.type} ${client}`);
    });
    for (const client of ['c1', 'c2'])
      for (const event of [connected(client), disconnected(client)]) events.emit(event);
    await settle();
    expect(got).toEqual(['connected c2', 'disconnected c2']);
    await clock.advance(10_000);
    expect(got.slice(2)).toEqual(['connected c1', 'disconnected c1']);
    expect(metrics.events.counts.get('retried')).toBe(2);
  });

  test('gives an event up after so many attempts, and goes on with the next', async () => {
    const got: string[] = [];
    const { events, clock, metrics, logged } = setup(
      (event) => {
        if (event.type === 'connected') throw new Error('never');
        got.push(event.type);
      },
      { maxAttempts: 3 },
    );
    events.emit(connected('c1'));
    events.emit(disconnected('c1'));
    await settle();
    await clock.advance(60_000);
    expect(got).toEqual(['disconnected']);
    expect(metrics.events.counts.get('dropped')).toBe(1);
    expect(logged.join()).toContain('keeps throwing');
  });

  test('holds so many and no more: the oldest go', async () => {
    const got: string[] = [];
    let release: () => void = () => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    const { events, metrics } = setup(
      async (event) => {
        await gate;
        got.push((event as { channel: string }).channel);
      },
      { maxQueued: 3, concurrency: 1 },
    );
    events.emit({ type: 'occupied', channel: 'first' });
    await settle();
    for (const channel of ['a', 'b', 'c', 'd']) events.emit({ type: 'occupied', channel });
    expect(metrics.events.counts.get('dropped')).toBe(2);
    release();
    await events.drain(new AbortController().signal);
    await settle();
    // The first was under way already when it was counted out.
    expect(got).toEqual(['first', 'b', 'c', 'd']);
  });

  test('types filter', async () => {
    const got: string[] = [];
    const { events } = setup((event) => void got.push(event.type), { types: ['disconnected'] });
    events.emit(connected('c1'));
    events.emit(disconnected('c1'));
    await settle();
    expect(got).toEqual(['disconnected']);
  });

  test('drain waits for what is under way, but no longer than it may; after stop nothing comes', async () => {
    const got: string[] = [];
    const { events } = setup(async (event) => {
      await new Promise((resolve) => setImmediate(resolve));
      got.push(event.type);
    });
    events.emit(connected('c1'));
    events.emit(disconnected('c1'));
    await events.drain(new AbortController().signal);
    expect(got).toEqual(['connected', 'disconnected']);

    const stuck = setup(() => new Promise<void>(() => {}));
    stuck.events.emit(connected('c1'));
    const until = new AbortController();
    const drained = stuck.events.drain(until.signal);
    until.abort();
    await drained;
    await stuck.events.stop();
    await stuck.events.stop();
    stuck.events.emit(connected('c2'));
    expect(stuck.logged.join()).toContain('not delivered');
  });
});

test('noEvents takes everything and does nothing', async () => {
  await noEvents.start();
  noEvents.emit(connected('c1'));
  await noEvents.stop();
  expect(noEvents.name).toBe('events');
});
