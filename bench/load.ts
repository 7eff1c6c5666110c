/** The load of `idle`, `churn` and `recover` as a process of its own: options as JSON in, the result as JSON out. */
import { faults, runScenario, type BenchOptions } from '../packages/cli/src/bench/run-scenario.ts';
import { joinOf } from './joins.ts';

export interface LoadOptions extends BenchOptions {
  /** Speaks to one of the compared servers; undefined: the Centrifuge protocol. */
  readonly dialect?: 'ws' | 'socket.io' | undefined;
}

const options = JSON.parse(process.argv[2] ?? '') as LoadOptions;
try {
  const join = options.dialect && joinOf(options.dialect, new URL(options.url));
  const result = await runScenario(options, () => {}, join);
  process.stdout.write(`${JSON.stringify(result)}\n`);
  for (const fault of faults(result)) {
    process.stderr.write(`${fault}\n`);
    process.exitCode = 1;
  }
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
