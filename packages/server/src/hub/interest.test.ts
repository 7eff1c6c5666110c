import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryBroker } from '../brokers/memory.ts';
import { FakeClock, settle } from '../lib/clock.ts';
import { WatchedBroker } from '../testing/engine-fixture.ts';
import { Interest } from './interest.ts';

/** A broker that answers when the test says so, and may fail before or after it did what was asked. */
class SlowBroker extends WatchedBroker {
  readonly pending: (() => void)[] = [];
  readonly calls: string[] = [];
  underWay = 0;
  overlaps = 0;

  constructor() {
    super(new MemoryBroker({ clock: new FakeClock() }));
  }

  override subscribe(channel: string): Promise<void> {
    return this.#later(`subscribe ${channel}`, () => super.subscribe(channel));
  }

  override unsubscribe(channel: string): Promise<void> {
    return this.#later(`unsubscribe ${channel}`, () => super.unsubscribe(channel));
  }

  /** What the next calls answered do. */
  readonly outcomes: ('works' | 'fails' | 'fails late')[] = [];

  #later(call: string, work: () => Promise<void>): Promise<void> {
    this.calls.push(call);
    if (this.underWay++ > 0) this.overlaps++;
    return new Promise<void>((resolve, reject) => {
      this.pending.push(() => {
        this.underWay--;
        const outcome = this.outcomes.shift() ?? 'works';
        if (outcome === 'fails') return reject(new Error('no'));
        void work().then(() => (outcome === 'works' ? resolve() : reject(new Error('timed out'))));
      });
    });
  }

  async answer(): Promise<void> {
    this.pending.shift()?.();
    await settle();
  }

  async answerAll(): Promise<void> {
    await settle();
    while (this.pending.length > 0) await this.answer();
  }
}

const start = async () => {
  const broker = new SlowBroker();
  await broker.start();
  const events: string[] = [];
  const interest = new Interest(broker, {
    occupied: (channel) => events.push(`occupied ${channel}`),
    vacated: (channel) => events.push(`vacated ${channel}`),
  });
  return { broker, interest, events };
};

describe('Interest', () => {
  test('subscribes with the first, unsubscribes behind the last', async () => {
    const { broker, interest, events } = await start();
    const both = Promise.all([interest.acquire('a'), interest.acquire('a')]);
    await broker.answerAll();
    await both;
    expect(broker.calls).toEqual(['subscribe a']);
    interest.release('a');
    await broker.answerAll();
    expect(broker.calls).toEqual(['subscribe a']);
    interest.release('a');
    await broker.answerAll();
    expect(broker.calls).toEqual(['subscribe a', 'unsubscribe a']);
    expect(events).toEqual(['occupied a', 'vacated a']);
  });

  test('channels do not wait for each other', async () => {
    const { broker, interest } = await start();
    void interest.acquire('a');
    const b = interest.acquire('b');
    broker.pending[1]?.();
    await b;
    expect(broker.wanted).toEqual(new Set(['b']));
  });

  test('all who wait learn of a failure, and the next tries again', async () => {
    const { broker, interest } = await start();
    broker.outcomes.push('fails');
    const both = Promise.allSettled([interest.acquire('a'), interest.acquire('a')]);
    await broker.answerAll();
    expect((await both).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    const again = interest.acquire('a');
    await broker.answerAll();
    await again;
    expect(broker.wanted).toEqual(new Set(['a']));
  });

  test('releasing what nobody acquired does nothing', async () => {
    const { broker, interest } = await start();
    interest.release('a');
    expect(broker.calls).toEqual([]);
  });

  test('whatever the order of coming, going, slowness and failure, the broker ends with what is wanted', async () => {
    type Step = { do: 'acquire' | 'release' | 'answer'; who: number; outcome: 'works' | 'fails' | 'fails late' };
    const step = fc.record<Step>({
      do: fc.constantFrom('acquire', 'release', 'answer'),
      who: fc.nat({ max: 3 }),
      outcome: fc.constantFrom('works', 'works', 'fails', 'fails late'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { broker, interest, events } = await start();
        // Everybody comes and goes one after the other, as the lane of a connection has it.
        const holds = [false, false, false, false];
        const busy = [false, false, false, false];
        for (const { do: what, who, outcome } of steps) {
          if (what === 'acquire' && !holds[who] && !busy[who]) {
            busy[who] = true;
            interest.acquire('a').then(
              () => {
                holds[who] = true;
                busy[who] = false;
              },
              () => {
                busy[who] = false;
              },
            );
          } else if (what === 'release' && holds[who]) {
            holds[who] = false;
            interest.release('a');
          } else if (what === 'answer') {
            // Only a subscribe may fail: an unsubscribe that did would merely leave the node with too much.
            const isSubscribe = broker.calls.at(-broker.pending.length)?.startsWith('subscribe') === true;
            broker.outcomes.splice(0, 1, isSubscribe ? outcome : 'works');
            await broker.answer();
            // Whoever was told so has what they asked for.
            if (holds.includes(true)) expect(broker.wanted.has('a')).toBe(true);
          }
        }
        broker.outcomes.length = 0;
        await broker.answerAll();
        expect(broker.wanted.has('a')).toBe(holds.includes(true));
        expect(broker.overlaps).toBe(0);
        const counts = events.map((event) => (event === 'occupied a' ? 1 : -1));
        expect(counts.reduce((sum: number, by) => sum + by, 0)).toBe(holds.includes(true) ? 1 : 0);
      }),
      { numRuns: 300 },
    );
  });
});
