/**
 * The chat app of `examples/chat` as files for a browser, in `.tidings/chat`: `tidings dev` serves them, and the published
 * package takes them along. Built anew when a source has changed.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { isMain, main, root, run, setup, SetupError } from './setup.mjs';

/** Where the built app is. */
export const chatExample = join(root, '.tidings', 'chat');

/** What goes into the app, beside the packages that the lock file names. */
const sources = ['examples/chat', 'packages/client/src', 'packages/react/src'];
const files = ['package-lock.json', 'scripts/chat-example.mjs', 'tsconfig.json'];
const stampFile = join(chatExample, '.stamp');

/**
 * Builds the app unless what is there is of the same sources. Of two that build at once, the first one's stays.
 * @param {{ node?: string }} [options] path of the Node to build with
 * @returns {Promise<string>} the folder with the app
 * @throws {SetupError} if it cannot be built.
 */
export async function buildChatExample({ node } = {}) {
  const wanted = await fingerprint();
  if (await isBuilt(wanted)) return chatExample;
  console.log('Building the chat app ...');
  const draft = `${chatExample}.${process.pid}`;
  await mkdir(draft, { recursive: true });
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const code = await run(node ?? (await setup()), [vite, 'build', '--outDir', draft], {
    cwd: join(root, 'examples', 'chat'),
    // Whatever is set where this runs, in tests above all: people get the same.
    env: { ...process.env, NODE_ENV: 'production' },
  });
  if (code !== 0) {
    await rm(draft, { recursive: true, force: true });
    throw new SetupError(`the chat app could not be built (exit code ${code}), see above`);
  }
  await writeFile(join(draft, '.stamp'), wanted);
  if (await isBuilt(wanted)) await rm(draft, { recursive: true, force: true });
  else await replace(draft);
  return chatExample;
}

async function isBuilt(wanted) {
  return (await readFile(stampFile, 'utf8').catch(() => undefined)) === wanted;
}

/** Contents, not times: a fresh checkout of the same sources needs no build. */
async function fingerprint() {
  const hash = createHash('sha256');
  for (const folder of sources) {
    const names = (await readdir(join(root, folder), { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile() && !/\.test\.tsx?$/.test(entry.name))
      .map((entry) => relative(root, join(entry.parentPath, entry.name)))
      .filter((name) => !name.includes('node_modules') && !name.startsWith(join('examples', 'chat', 'seed')))
      .toSorted();
    for (const name of names) hash.update(name).update(await readFile(join(root, name)));
  }
  for (const name of files) hash.update(name).update(await readFile(join(root, name)));
  return hash.digest('hex');
}

/** Puts what was built in its place, unless another one of the same moment has. */
async function replace(draft) {
  const old = `${draft}.old`;
  if (existsSync(chatExample)) await rename(chatExample, old).catch(() => {});
  try {
    await rename(draft, chatExample);
  } catch (error) {
    if (!existsSync(stampFile)) throw error;
    await rm(draft, { recursive: true, force: true });
  }
  await rm(old, { recursive: true, force: true });
}

if (isMain(import.meta.url)) await main(async () => void (await buildChatExample()));
