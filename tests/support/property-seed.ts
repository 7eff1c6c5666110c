/**
 * Property tests look at other values in each run, to find more. In CI they look at the same ones, so that a change is
 * judged by what it changes. `PROPERTY_SEED=<integer>` has any run look at those of that seed.
 */
import fc from 'fast-check';

const ciSeed = 20_261_130;

const { PROPERTY_SEED: asked, CI: isCi } = process.env;
if (asked !== undefined && !/^-?\d+$/.test(asked)) throw new Error(`PROPERTY_SEED is ${asked}; valid: an integer`);
if (asked !== undefined) fc.configureGlobal({ seed: Number(asked) });
else if (isCi === 'true' || isCi === '1') fc.configureGlobal({ seed: ciSeed });
