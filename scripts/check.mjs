/**
 * `npm run check`: what to run before every commit, in under a minute. Stops at the first failure.
 * The steps are shared with `npm test`.
 */
import { readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { isMain, main, root, run, setup } from './setup.mjs';

/** What holds without running anything. */
export const staticSteps = [
  { name: 'format', tool: ['oxfmt'], args: ['--check', '.'], remedy: 'npm run format' },
  { name: 'lint', tool: ['oxlint'], args: ['--type-aware', '--deny-warnings'] },
  { name: 'types', tool: ['typescript', 'tsc'], args: ['--noEmit'] },
];

const unitTests = { name: 'unit tests', tool: ['vitest'], args: ['run', '--project', 'unit'] };

/**
 * Runs one step under its heading.
 * @param {string} node path of the Node to run it with
 * @param {{ name: string, tool: string[], args: string[], remedy?: string }} step
 * @returns {Promise<number>} exit code
 */
export async function runStep(node, step) {
  console.log(`\n── ${step.name} ${'─'.repeat(60 - step.name.length)}`);
  const startedAt = performance.now();
  const code = await run(node, [binOf(...step.tool), ...step.args], { env: environment(node) });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  if (code === 0) console.log(`${step.name}: fine (${seconds} s)`);
  else console.error(`${step.name}: FAILED (${seconds} s)${step.remedy ? `. Remedy: ${step.remedy}` : ''}`);
  return code;
}

/** The script behind a tool's command: starting it with Node directly works on every platform. */
function binOf(packageName, command = packageName) {
  const folder = join(root, 'node_modules', packageName);
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return join(folder, typeof bin === 'string' ? bin : bin[command]);
}

/** Tools and tests that start `node` or each other find the right ones. */
function environment(node) {
  const path = [dirname(node), join(root, 'node_modules', '.bin'), process.env.PATH ?? ''];
  return { ...process.env, PATH: path.join(delimiter) };
}

if (isMain(import.meta.url)) {
  await main(async () => {
    const node = await setup();
    for (const step of [...staticSteps, unitTests]) {
      const code = await runStep(node, step);
      if (code !== 0) return code;
    }
    return 0;
  });
}
