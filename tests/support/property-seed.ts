/**
 * Property tests look at other values in each run, to find more. In CI each looks at its own, the same ones every time, so
 * that a change is judged by what it changes. `PROPERTY_SEED=<integer>` has any run look at those of that seed.
 */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach } from 'vitest';

const { PROPERTY_SEED: asked, CI: isCi } = process.env;
if (asked !== undefined && !/^-?\d+$/.test(asked)) throw new Error(`PROPERTY_SEED is ${asked}; valid: an integer`);

/** Made of the name: tests that share a description of their values look at different ones. */
const seedOf = (test: string): number => createHash('sha256').update(test).digest().readInt32BE();

if (asked !== undefined) fc.configureGlobal({ seed: Number(asked) });
else if (isCi === 'true' || isCi === '1') {
  beforeEach(({ task }) => fc.configureGlobal({ seed: seedOf(task.fullTestName) }));
}
