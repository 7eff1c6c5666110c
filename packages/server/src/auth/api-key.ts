/** The keys of the server API. Comparing takes the same time whatever the key, so that it cannot be guessed by parts. */
import { createHash, timingSafeEqual } from 'node:crypto';

function hash(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

export class ApiKeys {
  #hashes: readonly Buffer[] = [];

  /** @throws Error if a key is empty. */
  constructor(keys: readonly string[]) {
    this.replace(keys);
  }

  /** Whether this is one of the keys; never with none configured. */
  matches(key: string): boolean {
    const candidate = hash(key);
    let matches = false;
    // No early end: the time taken must not tell which key it was.
    for (const known of this.#hashes) if (timingSafeEqual(candidate, known)) matches = true;
    return matches;
  }

  /**
   * Puts other keys in place of all, as when the configuration is read again.
   * @throws Error if a key is empty; then nothing changes.
   */
  replace(keys: readonly string[]): void {
    if (keys.includes('')) throw new Error('an API key must not be empty');
    this.#hashes = keys.map(hash);
  }
}
