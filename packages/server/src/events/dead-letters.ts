/**
 * Events that were given up: kept on disk until somebody has them tried again, or drops them. A table of the event spool
 * (`event-spool.ts`), in whose transactions events come here and go back.
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';

/** Kept at most; beyond, the oldest go. */
const maxLetters = 100_000;

export interface DeadLetter {
  readonly id: string;
  readonly subject: string;
  /** JSON of the event, as it was to be delivered. */
  readonly body: string;
  readonly attempts: number;
  /** Why the last attempt failed. */
  readonly problem: string;
  /** When it was given up, in Unix milliseconds. */
  readonly diedAtMs: number;
}

/** Where a page of the list begins: behind this letter. */
export interface LetterPlace {
  readonly diedAtMs: number;
  readonly id: string;
}

/** Which letters: these, or all that were there at a time. */
export type LetterChoice = { readonly ids: readonly string[] } | { readonly untilMs: number };

/**
 * What an operator does with letters.
 * Law: after `retry` a letter is an event like others, behind those of its subject that wait; it dies again if it fails
 * again. A process that dies in between leaves it in the list or in the queue, never in neither.
 */
export interface DeadLetters {
  /** The oldest first. @throws Error if the disk cannot be read. */
  list(limit: number, after?: LetterPlace): readonly DeadLetter[];
  /** Has them delivered again. @param ids default: all. @returns how many there were. */
  retry(ids?: readonly string[]): Promise<number>;
  /** Forgets them for good. @param ids default: all. @returns how many there were. */
  drop(ids?: readonly string[]): Promise<number>;
}

/** Made with the first release that has them; also in files of releases before. */
export const deadLetterSchema = `
  CREATE TABLE IF NOT EXISTS dead (
    id TEXT PRIMARY KEY,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    problem TEXT NOT NULL,
    died_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS dead_age ON dead (died_at, id);
`;

const columns = 'id, subject, body, attempts, problem, died_at AS diedAtMs';

export class DeadLetterTable {
  readonly #db: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #remove: StatementSync;
  readonly #list: StatementSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#insert = db.prepare(
      'INSERT OR REPLACE INTO dead (id, subject, body, attempts, problem, died_at) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#remove = db.prepare('DELETE FROM dead WHERE id = ?');
    this.#list = db.prepare(`SELECT ${columns} FROM dead WHERE (died_at, id) > (?, ?) ORDER BY died_at, id LIMIT ?`);
  }

  /** One that is here already is there anew. */
  add({ id, subject, body, attempts, problem, diedAtMs }: DeadLetter): void {
    this.#insert.run(id, subject, body, attempts, problem, Math.trunc(diedAtMs));
  }

  /** Makes room by letting the oldest go. @returns how many. */
  trim(): number {
    const excess = this.count() - maxLetters;
    if (excess <= 0) return 0;
    for (const { id } of this.list(excess)) this.#remove.run(id);
    return excess;
  }

  count(): number {
    return Number(this.#db.prepare('SELECT count(*) AS n FROM dead').get()?.['n']);
  }

  list(limit: number, after: LetterPlace = { diedAtMs: -1, id: '' }): DeadLetter[] {
    return this.#list.all(after.diedAtMs, after.id, limit) as unknown as DeadLetter[];
  }

  /** The oldest of those chosen. */
  chosen(choice: LetterChoice, limit: number): DeadLetter[] {
    const [where, parameters] = condition(choice);
    const statement = this.#db.prepare(
      `SELECT ${columns} FROM dead WHERE ${where} ORDER BY died_at, id LIMIT ${limit}`,
    );
    return statement.all(...parameters) as unknown as DeadLetter[];
  }

  remove(choice: LetterChoice): number {
    const [where, parameters] = condition(choice);
    return Number(this.#db.prepare(`DELETE FROM dead WHERE ${where}`).run(...parameters).changes);
  }
}

function condition(choice: LetterChoice): [where: string, parameters: SQLInputValue[]] {
  if ('untilMs' in choice) return ['died_at <= ?', [choice.untilMs]];
  return ['id IN (SELECT value FROM json_each(?))', [JSON.stringify(choice.ids)]];
}
