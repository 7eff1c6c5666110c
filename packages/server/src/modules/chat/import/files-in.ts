/**
 * Reads files of an import from a folder, and from nowhere else: the lines of an imported file were written by somebody
 * else, and must not bring a secret of this machine into a chat.
 */
import { constants, type Stats } from 'node:fs';
import { open, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import type { ReadImportFile } from './store-files.ts';

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/**
 * @param folder that holds the files. Links within it may be followed, those that lead out of it not.
 * @returns a reader for `importChat`. It rejects with an Error that says what is wrong with the path.
 */
export function filesIn(folder: string): ReadImportFile {
  return async (path) => {
    const root = await realpath(folder);
    const target = await resolveWithin(root, path);
    // Opened without waiting: a pipe that nobody writes to would keep the import for good.
    const handle = await open(target, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch(asMissing);
    try {
      const found = await handle.stat();
      if (!found.isFile()) throw new Error('it is no file');
      // What was opened is still what was looked at: nobody has put a link in between.
      if (!isSame(found, await stat(await resolveWithin(root, path))))
        throw new Error('it changed while it was opened');
      return { bytes: found.size, stream: handle.createReadStream({ highWaterMark: 262_144 }) };
    } catch (error) {
      await handle.close();
      throw error;
    }
  };
}

/** @throws Error for what is not there, or not in the folder. */
async function resolveWithin(root: string, path: string): Promise<string> {
  const target = await realpath(join(root, path)).catch(asMissing);
  const from = relative(root, target);
  if (from === '' || from === '..' || from.startsWith(`..${sep}`) || isAbsolute(path) || isAbsolute(from)) {
    throw new Error('it leads out of the folder of the import');
  }
  return target;
}

function isSame(one: Stats, other: Stats): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}

function asMissing(error: unknown): never {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') throw new Error('there is no such file', { cause: error });
  throw new Error(`it cannot be read (${code})`, { cause: error });
}
