/**
 * Writes down when users were last seen, many at a time: while they are here at most once a minute, and when they go.
 * Those who are invisible are not seen.
 */
import type { Clock, TimerId } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { ChatWriter } from './chat-writer.ts';

/** How long what is seen is gathered. */
const gatherMs = 1_000;
const whileHereMs = 60_000;
const rowsPerStatement = 500;

interface Seen {
  readonly atMs: number;
  readonly left: boolean;
}

export interface LastSeenOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly writer: ChatWriter;
}

export class LastSeen {
  readonly #options: LastSeenOptions;
  #pending = new Map<string, Seen>();
  #timer: TimerId;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: LastSeenOptions) {
    this.#options = options;
  }

  /** @param left they are gone: it is written whenever the last time was. */
  note(user: string, atMs: number, left: boolean): void {
    this.#pending.set(user, { atMs, left: left || this.#pending.get(user)?.left === true });
    this.#timer ??= this.#options.clock.setTimeout(() => void this.flush(), gatherMs);
  }

  /** What is not written yet. @returns Unix milliseconds. */
  pendingOf(user: string): number | undefined {
    return this.#pending.get(user)?.atMs;
  }

  /** Writes what was noted. Never throws: somebody seen a minute ago is not worth an error. */
  flush(): Promise<void> {
    this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    // In one order, so that two nodes do not wait for each other.
    const pending = [...this.#pending].toSorted(([a], [b]) => (a < b ? -1 : 1));
    this.#pending = new Map();
    const here = pending.filter(([, { left }]) => !left);
    const gone = pending.filter(([, { left }]) => left);
    this.#writing = Promise.all([
      this.#writing,
      ...chunks(here).map((some) => this.#write(some, whileHereMs)),
      ...chunks(gone).map((some) => this.#write(some, 0)),
    ]).then(() => {});
    return this.#writing;
  }

  /** @param sinceMs rows that were written less than this before stay. */
  async #write(seen: readonly [user: string, seen: Seen][], sinceMs: number): Promise<void> {
    const rows = seen.map(([id, { atMs }]) => ({ id, last_seen_at: atMs, created_at: atMs }));
    try {
      await this.#options.writer.run({}, async (tx) => {
        await tx.write
          .insertInto('chat_users')
          .values(rows.map((row) => ({ ...row, invisible: 0 as const })))
          .onConflict((conflict) =>
            conflict
              .column('id')
              .doUpdateSet((eb) => ({ last_seen_at: eb.ref('excluded.last_seen_at') }))
              .where('chat_users.invisible', '=', 0)
              .where('chat_users.deleted_at', 'is', null)
              .where((eb) =>
                eb.or([
                  eb('chat_users.last_seen_at', 'is', null),
                  eb(eb('chat_users.last_seen_at', '+', sinceMs), '<=', eb.ref('excluded.last_seen_at')),
                ]),
              ),
          )
          .execute();
      });
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'when users were last seen could not be written');
    }
  }
}

function chunks<T>(items: readonly T[]): T[][] {
  const result: T[][] = [];
  for (let at = 0; at < items.length; at += rowsPerStatement) result.push(items.slice(at, at + rowsPerStatement));
  return result;
}
