import { expect, test } from 'vitest';
import { FakeClock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/logger.ts';
import { Paced } from './paced.ts';

function paced(run: (key: string) => Promise<void> | void) {
  const clock = new FakeClock();
  const options = { clock, logger: createLogger('silent'), failure: 'could not', run: async (key: string) => run(key) };
  return { clock, paced: new Paced(options) };
}

test('what is wanted is done at once, and again once per interval as long as it is wanted', async () => {
  const at: number[] = [];
  const { clock, paced: turns } = paced(() => void at.push(clock.now() - start));
  const start = clock.now();
  for (let ms = 0; ms < 1_000; ms += 50) {
    turns.want('a', 200);
    await clock.advance(50);
  }
  await clock.advance(10_000);
  expect(at).toEqual([0, 200, 400, 600, 800, 1_000]);
  turns.want('a', 200);
  expect(at.at(-1)).toBe(clock.now() - start);
});

test('keys do not wait for each other', async () => {
  const done: string[] = [];
  const { paced: turns } = paced((key) => void done.push(key));
  for (const key of ['a', 'b', 'a', 'c']) turns.want(key, 1_000);
  expect(done).toEqual(['a', 'b', 'c']);
});

test('what is wanted while it is being done is done again, never twice at once', async () => {
  let [running, most, runs] = [0, 0, 0];
  const { clock, paced: turns } = paced(async () => {
    most = Math.max(most, ++running);
    runs++;
    await new Promise<void>((resolve) => clock.setTimeout(resolve, 500));
    running--;
  });
  turns.want('a', 100);
  turns.want('a', 100);
  await clock.advance(2_000);
  expect([most, runs]).toEqual([1, 2]);
});

test('what fails is done again, ever less often', async () => {
  let left = 4;
  const { clock, paced: turns } = paced(() => {
    if (left-- > 0) throw new Error('no');
  });
  turns.want('a', 100);
  await clock.advance(300);
  expect(left).toBe(3);
  await clock.advance(60_000);
  expect(left).toBe(-1);
});

test('stopping does what waits, and nothing after it', async () => {
  const done: string[] = [];
  const { clock, paced: turns } = paced((key) => void done.push(key));
  turns.want('a', 1_000);
  turns.want('a', 1_000);
  await turns.stop();
  expect(done).toEqual(['a', 'a']);
  turns.want('b', 1_000);
  await clock.advance(10_000);
  expect(done).toEqual(['a', 'a']);
});
