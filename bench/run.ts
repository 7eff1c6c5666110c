/**
 * `npm run bench -- [scenario…] [--quick] [--json file] [--report]`: measures, prints, and writes `bench/results.json` and
 * `docs/benchmarks.md`. Scenarios that are not named keep their former figures.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ProgressLine } from '../packages/cli/src/bench/progress-line.ts';
import { describeMachine } from './machine.ts';
import { documentation, plainTable, targetText, type Results } from './report.ts';
import { fullScale, quickScale } from './scale.ts';
import { scenarios } from './scenarios.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const usage = `usage: npm run bench -- [${Object.keys(scenarios).join('|')}]… [--quick] [--json file] [--report]
  without names all are run; about 20 minutes on a machine that does nothing else
  --quick      small numbers, to see that all works; writes neither results nor documentation
  --json file  writes the results of this run there too
  --report     measures nothing; writes the documentation anew from the results`;

async function main(): Promise<number> {
  const options = {
    quick: { type: 'boolean' },
    json: { type: 'string' },
    report: { type: 'boolean' },
    help: { type: 'boolean' },
  } as const;
  let given;
  try {
    given = parseArgs({ allowPositionals: true, options });
  } catch (error) {
    return complain((error as Error).message);
  }
  const { values, positionals } = given;
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const unknown = positionals.find((name) => !Object.hasOwn(scenarios, name));
  if (unknown !== undefined) return complain(`there is no scenario ${unknown}`);

  if (values.report) {
    writeDocumentation(formerResults() ?? { machine: describeMachine(), scenarios: {} });
    return 0;
  }

  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
  const line = new ProgressLine(process.stderr);
  const measured: Record<string, Results['scenarios'][string]> = {};
  let failed = false;
  for (const [name, scenario] of Object.entries(scenarios)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    try {
      const report = await scenario(values.quick ? quickScale : fullScale, (phase) => line.show(`${name}: ${phase}`));
      measured[name] = report;
      line.end();
      console.log(`\n${report.title}\n${plainTable(report.table)}`);
      for (const target of report.targets) console.log(targetText(target));
    } catch (error) {
      line.end();
      failed = true;
      console.error(`\n${name} failed: ${(error as Error).message}`);
    }
  }
  const results: Results = { machine: describeMachine(), scenarios: measured };
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
  if (!values.quick && Object.keys(measured).length > 0) keep(results);
  return failed ? 1 : 0;
}

function complain(message: string): number {
  console.error(`bench: ${message}\n${usage}`);
  return 2;
}

const resultsFile = here('results.json');

function formerResults(): Results | undefined {
  return existsSync(resultsFile) ? (JSON.parse(readFileSync(resultsFile, 'utf8')) as Results) : undefined;
}

/** Writes results and documentation; scenarios that were not run now stay as they were, in the order of the table. */
function keep({ machine, scenarios: measured }: Results): void {
  const all = { ...formerResults()?.scenarios, ...measured };
  const ordered = Object.keys(scenarios).flatMap((name) => (all[name] ? [[name, all[name]] as const] : []));
  const results: Results = { machine, scenarios: Object.fromEntries(ordered) };
  writeFileSync(resultsFile, `${JSON.stringify(results, null, 2)}\n`);
  writeDocumentation(results);
}

function writeDocumentation(results: Results): void {
  mkdirSync(here('../docs'), { recursive: true });
  for (const [path, content] of documentation(results)) writeFileSync(here(`../docs/${path}`), content);
  // The tree's formatter is particular about tables and arrays; what is made must pass its check too.
  const made = [resultsFile, here('../docs/benchmarks.md')].filter((file) => existsSync(file));
  spawnSync(here('../node_modules/.bin/oxfmt'), made, { stdio: 'ignore' });
  console.log('\nwrote bench/results.json and docs/benchmarks.md');
}

process.exitCode = await main();
