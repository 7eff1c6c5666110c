/** Random failures, cuts, restarts, and deaths of tabs between any two steps. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMemoryOutboxStore } from './memory-outbox-store.ts';
import { type Fault, OutboxWorld, type WorldTab } from './testing/outbox-world.ts';

type Step =
  | { readonly do: 'add'; readonly tab: number; readonly room: string; readonly isRefused: boolean }
  | { readonly do: 'die'; readonly tab: number; readonly diesIn: number }
  | { readonly do: 'cut' | 'restore' | 'kill'; readonly tab: number }
  | { readonly do: 'open' }
  | { readonly do: 'settle' }
  | { readonly do: 'wait'; readonly ms: number };

const tab = fc.nat({ max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('add'),
      tab,
      room: fc.constantFrom('a', 'b'),
      isRefused: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('die'), tab, diesIn: fc.nat({ max: 12 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('cut', 'restore', 'restore', 'kill'), tab }) },
  { weight: 3, arbitrary: fc.constantFrom({ do: 'open' } as const, { do: 'settle' } as const) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait'), ms: fc.integer({ min: 1, max: 20_000 }) }) },
);
const fault = fc.constantFrom<Fault[]>('none', 'none', 'lost on the way', 'answer lost', 'not available', 'slow mode');

class Run {
  readonly world: OutboxWorld;
  /** With what its writer saw in the room, which must come before it. */
  readonly added: { readonly room: string; readonly text: string; readonly seen: ReadonlySet<string> }[] = [];
  /** Those that would survive a reload. */
  readonly accepted = new Set<string>();

  constructor(faults: readonly Fault[]) {
    const store = createMemoryOutboxStore();
    this.world = new OutboxWorld(() => store);
    this.world.faults.push(...faults);
    this.world.open();
    this.world.open();
  }

  async take(step: Step): Promise<void> {
    const { world } = this;
    if ('tab' in step) {
      const alive = world.alive[step.tab % Math.max(1, world.alive.length)];
      if (alive) await this.#takeIn(alive, step);
    } else if (step.do === 'wait') await world.advance(step.ms);
    else if (step.do === 'open') world.open();
    else await world.settle();
  }

  async #takeIn(alive: WorldTab, step: Extract<Step, { readonly tab: number }>): Promise<void> {
    switch (step.do) {
      case 'add': {
        const text = `${step.isRefused ? 'refused ' : ''}m${this.added.length}`;
        // Nobody writes two messages in one millisecond, in two tabs.
        await this.world.clock.advance(5);
        const waiting = alive.outbox.entries.get().filter(({ room, failure }) => room === step.room && !failure);
        const seen = new Set(waiting.map(({ clientId }) => clientId));
        this.added.push({ room: step.room, text, seen });
        alive.outbox.add(step.room, text, { text }).then(
          () => this.accepted.add(text),
          () => undefined,
        );
        // As far as it comes: what is written in another tab afterwards has seen it.
        await this.world.settle();
        return;
      }
      case 'die':
        alive.diesIn = step.diesIn;
        return;
      case 'kill':
        alive.die();
        return;
      default:
        alive.isOnline = step.do === 'restore';
    }
  }

  /** Everything works again. */
  async recover(): Promise<WorldTab> {
    const { world } = this;
    world.faults.length = 0;
    for (const alive of world.alive) {
      alive.diesIn = undefined;
      alive.isOnline = true;
    }
    const last = world.open();
    await world.settle();
    for (let turn = 0; turn < 5; turn += 1) await world.advance(40_000);
    return last;
  }
}

test('each message that was accepted arrives once and in the order of its room, whatever dies', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.array(fault, { maxLength: 30 }), async (steps, faults) => {
      const run = new Run(faults);
      const { world, added, accepted } = run;
      for (const step of steps) await run.take(step);
      const last = await run.recover();
      for (const room of ['a', 'b']) {
        const texts = world.texts(room);
        const written = added.filter((one) => one.room === room);
        expect(texts).toHaveLength(new Set(texts).size);
        for (const { text, seen } of written) {
          const at = texts.indexOf(text);
          if (at >= 0) expect(texts.slice(at + 1).filter((later = '') => seen.has(later))).toEqual([]);
        }
        const missing = written
          .map(({ text }) => text)
          .filter((text) => accepted.has(text) && !text.startsWith('refused') && !texts.includes(text));
        expect(missing).toEqual([]);
      }
      const refused = added.map(({ text }) => text).filter((text) => text.startsWith('refused') && accepted.has(text));
      for (const tab of world.alive) {
        const left = tab.outbox.entries.get();
        expect(left.every(({ failure }) => failure?.code === 604)).toBe(true);
        expect(left.map(({ clientId }) => clientId)).toEqual(expect.arrayContaining(refused));
      }
      expect(last.outbox.entries.get().length).toBeGreaterThanOrEqual(refused.length);
      await world.close();
    }),
    { numRuns: 1_000 },
  );
}, 120_000);
