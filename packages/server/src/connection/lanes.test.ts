import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { settle } from '../lib/clock.ts';
import { Lanes } from './lanes.ts';

describe('Lanes', () => {
  test('begins at once where nothing is under way', () => {
    let begun = false;
    void new Lanes().run('a', async () => {
      begun = true;
    });
    expect(begun).toBe(true);
  });

  test('gives back what the work gives, or throws', async () => {
    const lanes = new Lanes();
    expect(await lanes.run('a', async () => 1)).toBe(1);
    await expect(lanes.run('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await lanes.run('a', async () => 2)).toBe(2);
  });

  test('order within a lane, no waiting across, whatever takes long or fails', async () => {
    type Job = { lane: number; fails: boolean };
    const job = fc.record<Job>({ lane: fc.nat({ max: 2 }), fails: fc.boolean() });
    const finishes = fc.infiniteStream(fc.nat());
    await fc.assert(
      fc.asyncProperty(fc.array(job, { minLength: 1, maxLength: 30 }), finishes, async (jobs, choices) => {
        const lanes = new Lanes();
        const begun: number[] = [];
        const open = new Map<number, () => void>();
        const settled = jobs.map(({ lane, fails }, id) =>
          lanes
            .run(`${lane}`, () => {
              begun.push(id);
              return new Promise<number>((resolve, reject) => {
                open.set(id, () => (fails ? reject(new Error('no')) : resolve(id)));
              });
            })
            .then(
              (value) => (fails ? -1 : value),
              () => (fails ? id : -1),
            ),
        );
        const laneOf = (id: number) => jobs[id]?.lane;
        while (open.size > 0) {
          // At any time exactly the first unfinished job of every lane is under way.
          const lanesUnderWay = [...open.keys()].map(laneOf);
          expect(new Set(lanesUnderWay).size).toBe(lanesUnderWay.length);
          const waiting = jobs.map((_, id) => id).filter((id) => !begun.includes(id));
          for (const id of waiting) expect(lanesUnderWay).toContain(laneOf(id));
          const ids = [...open.keys()];
          const id = ids[(choices.next().value as number) % ids.length] as number;
          const finish = open.get(id);
          open.delete(id);
          finish?.();
          await settle();
        }
        for (const lane of [0, 1, 2]) {
          const order = begun.filter((id) => laneOf(id) === lane);
          expect(order).toEqual(order.toSorted((a, b) => a - b));
        }
        expect(await Promise.all(settled)).toEqual(jobs.map((_, id) => id));
      }),
      { numRuns: 100 },
    );
  });
});
