/** The secret that the demo signs with where the configuration has none: made once, and kept beside the data. */
import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const fileName = 'demo-secret';
/** Of 32 random bytes in hexadecimal. */
const wellFormed = /^[0-9a-f]{64}$/;

/**
 * The secret of a data folder, for its owner alone to read. The same after a restart, so that who is signed in stays so.
 * @throws Error of the file system.
 */
export function demoSecret(dataDir: string): string {
  const file = join(dataDir, fileName);
  const found = read(file);
  if (found !== undefined) return found;
  mkdirSync(dataDir, { recursive: true });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, randomBytes(32).toString('hex'), { mode: 0o600 });
  try {
    linkSync(draft, file);
  } catch (error) {
    // Of two that start at once, the first one's holds.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  const made = read(file);
  if (made === undefined) throw new Error(`${file} holds no secret; remove it, and a new one is made`);
  return made;
}

function read(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8').trim();
    return wellFormed.test(text) ? text : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
