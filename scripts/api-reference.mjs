/**
 * `npm run docs:api`: the API reference of the packages as web pages, into `docs/api/html/`, made by TypeDoc from the
 * doc comments. A warning fails it: an export without a comment, a link that leads nowhere, a type that is not exported.
 */
import { join } from 'node:path';
import { isMain, main, root, run, setup } from './setup.mjs';

/**
 * @param {readonly string[]} args further options of TypeDoc
 * @returns {Promise<number>} its exit code
 */
export async function makeApiReference(args) {
  const node = await setup();
  const typedoc = join(root, 'docs/api/node_modules/typedoc/bin/typedoc');
  return run(node, [typedoc, '--options', join(root, 'docs/api/typedoc.json'), ...args]);
}

if (isMain(import.meta.url)) await main(() => makeApiReference(process.argv.slice(2)));
