/** Random operations of several users agree with a simple model; on SQLite. */
import { expect, test } from 'vitest';
import { checkConcurrent, checkModel } from './model-suite.ts';
import { limitMs, runs } from './runs.ts';

test(
  'one after the other: answers, database and clients are what the model says',
  async () => {
    const { outcomes, recoveries } = await checkModel({ runs: runs(120), operations: 200 });
    // A test whose operations were all refused would prove little.
    for (const outcome of [
      'send ok',
      'send slowMode',
      'send frozen',
      'edit ok',
      'delete ok',
      'react ok',
      'kick ok',
      'leave ok',
      'markUnread ok',
      'send roomNotFound',
      'deleteRoom ok',
      'ban ok',
      'send muted',
      'send blocked',
      'join banned',
      'vote ok',
      'vote closed',
    ]) {
      expect(outcomes.get(outcome) ?? 0, outcome).toBeGreaterThan(0);
    }
    expect(recoveries).toBeGreaterThan(runs(120));
  },
  limitMs(120_000),
);

test(
  'many at once: nothing is counted wrong, and clients that were away agree with the database',
  async () => {
    const { recoveries } = await checkConcurrent({ runs: runs(80), operations: 40 });
    expect(recoveries).toBeGreaterThan(runs(80));
  },
  limitMs(120_000),
);
