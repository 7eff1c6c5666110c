/**
 * Runs a TypeScript file of the tree from source: `node scripts/run.mjs <file.ts> [arguments]`.
 * Installs what is missing first; signals and the exit code pass through.
 */
import { isMain, main, run, setup } from './setup.mjs';

/**
 * @param {string} file relative to the root of the tree
 * @param {readonly string[]} args
 * @returns {Promise<number>} exit code
 */
export async function runTypeScript(file, args) {
  const node = await setup();
  return run(node, ['--conditions=tidings-source', file, ...args]);
}

if (isMain(import.meta.url)) {
  const [file, ...args] = process.argv.slice(2);
  await main(() => {
    if (file !== undefined) return runTypeScript(file, args);
    console.error('Usage: node scripts/run.mjs <file.ts> [arguments]');
    return 2;
  });
}
