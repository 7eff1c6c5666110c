import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Clock, FakeClock } from '../lib/clock.ts';
import { Heartbeat, type HeartbeatEntry } from './heartbeat.ts';

const tickMs = 250;

function entry(onHeartbeat: (nowMs: number) => void): HeartbeatEntry {
  return { heartbeatDue: 0, heartbeatSlot: -1, heartbeatIndex: -1, onHeartbeat };
}

/** A clock whose loop can be blocked: time passes and no timer fires until it is advanced again. */
class BlockableClock implements Clock {
  readonly fake = new FakeClock();
  timers = 0;
  #skewMs = 0;

  now(): number {
    return this.fake.now() + this.#skewMs;
  }

  setTimeout(fn: () => void, ms: number): unknown {
    this.timers++;
    return this.fake.setTimeout(() => {
      this.timers--;
      fn();
    }, ms);
  }

  clearTimeout(id: unknown): void {
    this.timers--;
    this.fake.clearTimeout(id);
  }

  /** Negative: the clock is set back. */
  block(ms: number): void {
    this.#skewMs += ms;
  }
}

function start(slots = 16) {
  const clock = new BlockableClock();
  const heartbeat = new Heartbeat(clock, { tickMs, slots });
  heartbeat.start();
  return { clock, heartbeat, startMs: clock.now() };
}

describe('Heartbeat', () => {
  test('wakes once, not before its time and within a tick', async () => {
    const { clock, heartbeat, startMs } = start();
    const woken: number[] = [];
    heartbeat.schedule(
      entry((nowMs) => woken.push(nowMs - startMs)),
      startMs + 1_100,
    );
    await clock.fake.advance(1_099);
    expect(woken).toEqual([]);
    await clock.fake.advance(60_000);
    expect(woken).toEqual([1_250]);
    expect(heartbeat.size).toBe(0);
  });

  test('an entry has one due time: the latest', async () => {
    const { clock, heartbeat, startMs } = start();
    const woken: number[] = [];
    const subject = entry((nowMs) => woken.push(nowMs - startMs));
    heartbeat.schedule(subject, startMs + 500);
    heartbeat.schedule(subject, startMs + 2_000);
    expect(heartbeat.size).toBe(1);
    await clock.fake.advance(1_900);
    heartbeat.schedule(subject, startMs + 9_000);
    heartbeat.schedule(subject, startMs + 3_000);
    await clock.fake.advance(60_000);
    expect(woken).toEqual([3_000]);
  });

  test('waits longer than the wheel is round', async () => {
    const { clock, heartbeat, startMs } = start(8);
    const woken: number[] = [];
    heartbeat.schedule(
      entry((nowMs) => woken.push(nowMs - startMs)),
      startMs + 86_400,
    );
    await clock.fake.advance(86_399);
    expect(woken).toEqual([]);
    await clock.fake.advance(251);
    expect(woken).toHaveLength(1);
  });

  test('ten thousand idle entries cost one timer, none cost none', async () => {
    const { clock, heartbeat, startMs } = start(512);
    expect(clock.timers).toBe(0);
    let woken = 0;
    const entries = Array.from({ length: 10_000 }, () => entry(() => woken++));
    entries.forEach((each, i) => heartbeat.schedule(each, startMs + 20_000 + i));
    expect(clock.timers).toBe(1);
    await clock.fake.advance(25_000);
    expect(clock.timers).toBe(1);
    await clock.fake.advance(5_000);
    expect(woken).toBe(10_000);
    await clock.fake.advance(1_000);
    expect(clock.timers).toBe(0);
    heartbeat.schedule(
      entry(() => woken++),
      clock.now() + 1_000,
    );
    await clock.fake.advance(1_250);
    expect(woken).toBe(10_001);
  });

  test('an entry that throws keeps neither the others nor the wheel from going on', async () => {
    const { clock, heartbeat, startMs } = start();
    let woken = 0;
    for (let i = 0; i < 3; i++)
      heartbeat.schedule(
        entry(() => woken++),
        startMs + 1_000,
      );
    const broken = entry(() => {
      throw new Error('broken');
    });
    heartbeat.schedule(broken, startMs + 1_000);
    for (let i = 0; i < 3; i++)
      heartbeat.schedule(
        entry(() => woken++),
        startMs + 1_000,
      );
    heartbeat.schedule(
      entry(() => woken++),
      startMs + 3_000,
    );
    await clock.fake.advance(5_000);
    expect(woken).toBe(7);
  });

  test('entries may schedule and cancel themselves and each other when woken', async () => {
    const { clock, heartbeat, startMs } = start();
    const woken: string[] = [];
    const periodic = entry((nowMs) => {
      woken.push('periodic');
      heartbeat.schedule(periodic, nowMs + 1_000);
    });
    const pair = ['a', 'b'].map((name) =>
      entry(() => {
        woken.push(name);
        for (const other of pair) heartbeat.cancel(other);
      }),
    );
    heartbeat.schedule(periodic, startMs + 1_000);
    for (const each of pair) heartbeat.schedule(each, startMs + 1_000);
    await clock.fake.advance(3_000);
    expect(woken.filter((name) => name === 'periodic')).toHaveLength(3);
    expect(woken.filter((name) => name !== 'periodic')).toHaveLength(1);
    expect(heartbeat.size).toBe(1);
  });

  test('an entry that is always due is woken once a tick', async () => {
    const { clock, heartbeat, startMs } = start();
    let woken = 0;
    const subject = entry((nowMs) => {
      woken++;
      heartbeat.schedule(subject, nowMs - 1_000);
    });
    heartbeat.schedule(subject, startMs);
    await clock.fake.advance(10 * tickMs);
    expect(woken).toBe(10);
  });

  test('infinity is never', async () => {
    const { clock, heartbeat, startMs } = start();
    let woken = 0;
    const subject = entry(() => woken++);
    heartbeat.schedule(subject, startMs + 1_000);
    heartbeat.schedule(subject, Infinity);
    expect(heartbeat.size).toBe(0);
    await clock.fake.advance(10_000);
    expect(woken).toBe(0);
  });

  test('after the loop was blocked it first lets be read what came meanwhile, then catches up', async () => {
    const { clock, heartbeat, startMs } = start();
    const woken: string[] = [];
    const late = entry(() => woken.push('late'));
    const saved = entry(() => woken.push('saved'));
    heartbeat.schedule(late, startMs + 8_000);
    heartbeat.schedule(saved, startMs + 8_000);
    await clock.fake.advance(1_000);
    clock.block(30_000);
    await clock.fake.advance(tickMs);
    expect(woken).toEqual([]);
    // Its pong was in the socket all the time.
    heartbeat.cancel(saved);
    await clock.fake.advance(1);
    expect(woken).toEqual(['late']);
  });

  test('goes on when the clock is set back', async () => {
    const { clock, heartbeat, startMs } = start();
    const woken: string[] = [];
    heartbeat.schedule(
      entry(() => woken.push('before')),
      startMs + 60_000,
    );
    await clock.fake.advance(10_000);
    clock.block(-3_600_000);
    await clock.fake.advance(1_000);
    heartbeat.schedule(
      entry(() => woken.push('after')),
      clock.now() + 5_000,
    );
    await clock.fake.advance(5_250);
    expect(woken).toEqual(['after']);
    await clock.fake.advance(3_660_000);
    expect(woken).toEqual(['after', 'before']);
  });

  test('stopped it wakes nobody, even in the middle of a tick; started again it catches up', async () => {
    const { clock, heartbeat, startMs } = start();
    let woken = 0;
    for (let i = 0; i < 4; i++) {
      const subject = entry(() => {
        woken++;
        if (woken === 1) heartbeat.stop();
      });
      heartbeat.schedule(subject, startMs + 1_000);
    }
    heartbeat.schedule(
      entry(() => woken++),
      startMs + 2_000,
    );
    await clock.fake.advance(10_000);
    expect(woken).toBe(1);
    expect(clock.timers).toBe(0);
    heartbeat.start();
    heartbeat.start();
    await clock.fake.advance(2 * tickMs);
    expect(woken).toBe(5);
  });

  test('agrees with a sorted list under any sequence of schedule, cancel, waiting and blocking', async () => {
    const operation = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant('schedule' as const),
          id: fc.nat(9),
          ms: fc.integer({ min: -500, max: 12_000 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), id: fc.nat(9), ms: fc.constant(0) }) },
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant('wait' as const),
          id: fc.constant(0),
          ms: fc.integer({ min: 1, max: 3_000 }),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant('block' as const),
          id: fc.constant(0),
          ms: fc.integer({ min: 1, max: 9_000 }),
        }),
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 60, size: 'max' }), async (operations) => {
        const { clock, heartbeat } = start(16);
        const dueMs = new Map<number, number>();
        /** Woken before their time, or unasked. */
        const early: number[] = [];
        const entries = Array.from({ length: 10 }, (_, id) =>
          entry((nowMs) => {
            if ((dueMs.get(id) ?? Infinity) > nowMs) early.push(id);
            dueMs.delete(id);
          }),
        );
        for (const { kind, id, ms } of operations) {
          const subject = entries[id] as HeartbeatEntry;
          if (kind === 'schedule') {
            heartbeat.schedule(subject, clock.now() + ms);
            dueMs.set(id, clock.now() + ms);
          } else if (kind === 'cancel') {
            heartbeat.cancel(subject);
            dueMs.delete(id);
          } else if (kind === 'wait') {
            await clock.fake.advance(ms);
          } else {
            clock.block(ms);
            await clock.fake.advance(tickMs + 1);
          }
          expect(early).toEqual([]);
          expect(heartbeat.size).toBe(dueMs.size);
          expect(clock.timers).toBeLessThanOrEqual(1);
          if (kind !== 'wait' && kind !== 'block') continue;
          // Never more than a tick late once time has passed: what remains lies ahead, or was scheduled overdue.
          await clock.fake.advance(tickMs + 1);
          for (const remainingMs of dueMs.values()) expect(remainingMs).toBeGreaterThan(clock.now() - tickMs - 1);
        }
        await clock.fake.advance(60_000);
        expect(dueMs.size).toBe(0);
        expect(clock.timers).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});
