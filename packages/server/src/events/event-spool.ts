/**
 * Events on disk until they are delivered, in SQLite. Knows nothing of delivery: `webhook-events.ts` writes groups of
 * events and reads them back in order.
 *
 * It also keeps what the application was told is open (clients connected, channels occupied). What is still there when
 * a process starts was open when the last one died, and gets its closing event then.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { deadLetterSchema, DeadLetterTable, type DeadLetter, type LetterChoice } from './dead-letters.ts';

export interface NewEvent {
  readonly id: string;
  /** Events of one subject are delivered in order. */
  readonly subject: string;
  /** The JSON to deliver. */
  readonly body: string;
}

export interface SpooledEvent extends NewEvent {
  /** Grows with every event, never used twice. */
  readonly seq: number;
}

/** One step of a group: an event to deliver (unless filtered out), and what it says of its subject. */
export interface SpoolEntry {
  readonly event?: NewEvent | undefined;
  /** Text to find again if the process dies while the subject is open. */
  readonly opens?: { readonly subject: string; readonly closing: string } | undefined;
  readonly closes?: string | undefined;
}

/** What becomes of an event that is given up. */
export interface Death extends Pick<DeadLetter, 'attempts' | 'problem' | 'diedAtMs'> {
  readonly event: SpooledEvent;
}

/** The tables that came later are made when they are missing. */
const schemaVersion = 1;
const schema = `
  CREATE TABLE queue (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX queue_subject ON queue (subject, seq);
  CREATE TABLE open (
    subject TEXT PRIMARY KEY,
    closing TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  PRAGMA user_version = ${schemaVersion};
`;

export class EventSpool {
  readonly #db: DatabaseSync;
  readonly #dead: DeadLetterTable;
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;
  readonly #open: StatementSync;
  readonly #close: StatementSync;
  readonly #scan: StatementSync;
  readonly #next: StatementSync;

  /**
   * Opens the file, or makes it.
   * @throws Error naming the file if it cannot be used.
   */
  constructor(file: string) {
    try {
      mkdirSync(dirname(file), { recursive: true });
      // A short wait for a lock: waiting stops the whole process, and nobody else should write here.
      this.#db = new DatabaseSync(file, { timeout: 250 });
    } catch (cause) {
      throw new Error(`the event spool ${file} cannot be opened: ${(cause as Error).message}`, { cause });
    }
    try {
      // NORMAL: a killed process loses nothing that was committed; a power cut may take the last moments.
      this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
      const version = this.#db.prepare('PRAGMA user_version').get()?.['user_version'];
      if (version === 0) this.#transaction(() => this.#db.exec(schema));
      else if (version !== schemaVersion) throw new Error(`its version is ${String(version)}, not ${schemaVersion}`);
      this.#db.exec(deadLetterSchema);
      this.#dead = new DeadLetterTable(this.#db);
      this.#insert = this.#db.prepare('INSERT INTO queue (id, subject, body) VALUES (?, ?, ?)');
      this.#delete = this.#db.prepare('DELETE FROM queue WHERE seq = ?');
      this.#open = this.#db.prepare('INSERT OR REPLACE INTO open (subject, closing) VALUES (?, ?)');
      this.#close = this.#db.prepare('DELETE FROM open WHERE subject = ?');
      this.#scan = this.#db.prepare('SELECT seq, id, subject, body FROM queue WHERE seq > ? ORDER BY seq LIMIT ?');
      this.#next = this.#db.prepare(
        'SELECT seq, id, subject, body FROM queue WHERE subject = ? AND seq > ? ORDER BY seq LIMIT 1',
      );
    } catch (cause) {
      this.#db.close();
      throw new Error(`the event spool ${file} cannot be used: ${(cause as Error).message}`, { cause });
    }
  }

  /**
   * Writes a group: all of it or, when this throws, nothing.
   * @param delivered events to forget, by `seq`.
   * @param dead events that become dead letters.
   * @returns by how many events the queue grew (negative: shrank), and how many dead letters had to go.
   */
  write(
    entries: readonly SpoolEntry[],
    delivered: readonly number[],
    dead: readonly Death[] = [],
  ): { readonly grown: number; readonly forgotten: number } {
    let grown = 0;
    let forgotten = 0;
    this.#transaction(() => {
      for (const { event, opens, closes } of entries) {
        if (opens) this.#open.run(opens.subject, opens.closing);
        if (closes !== undefined) this.#close.run(closes);
        if (event) grown += Number(this.#insert.run(event.id, event.subject, event.body).changes);
      }
      for (const seq of delivered) grown -= Number(this.#delete.run(seq).changes);
      for (const { event, ...death } of dead) {
        // Not if it was dropped meanwhile.
        const { changes } = this.#delete.run(event.seq);
        if (changes === 0) continue;
        grown--;
        this.#dead.add({ ...event, ...death });
      }
      if (dead.length > 0) forgotten = this.#dead.trim();
    });
    return { grown, forgotten };
  }

  /** Keeps an event that was never in the queue. @returns how many of the oldest dead letters had to go. */
  bury(letter: DeadLetter): number {
    let forgotten = 0;
    this.#transaction(() => {
      this.#dead.add(letter);
      forgotten = this.#dead.trim();
    });
    return forgotten;
  }

  /** Dead letters, to be read and counted. */
  get dead(): Pick<DeadLetterTable, 'list' | 'chosen' | 'count' | 'remove'> {
    return this.#dead;
  }

  /** Puts dead letters, the oldest first, behind everything in the queue. @returns how many. */
  revive(choice: LetterChoice, limit: number): number {
    let revived = 0;
    this.#transaction(() => {
      const letters = this.#dead.chosen(choice, limit);
      for (const { id, subject, body } of letters) this.#insert.run(id, subject, body);
      this.#dead.remove({ ids: letters.map(({ id }) => id) });
      revived = letters.length;
    });
    return revived;
  }

  /**
   * Turns everything left open into closing events, at once.
   * @param toEvent makes the event of a subject out of the text kept by `opens`.
   * @returns how many there were.
   */
  closeAll(toEvent: (subject: string, closing: string) => NewEvent): number {
    let closed = 0;
    this.#transaction(() => {
      for (const row of this.#db.prepare('SELECT subject, closing FROM open').all()) {
        const event = toEvent(row['subject'] as string, row['closing'] as string);
        this.#insert.run(event.id, event.subject, event.body);
        closed++;
      }
      this.#db.exec('DELETE FROM open');
    });
    return closed;
  }

  /** Events behind `seq`, oldest first. */
  scan(seq: number, limit: number): SpooledEvent[] {
    return this.#scan.all(seq, limit) as unknown as SpooledEvent[];
  }

  /** The event that follows in the subject of this one. */
  next(event: SpooledEvent): SpooledEvent | undefined {
    return this.#next.get(event.subject, event.seq) as SpooledEvent | undefined;
  }

  count(): number {
    return Number(this.#db.prepare('SELECT count(*) AS n FROM queue').get()?.['n']);
  }

  /**
   * Forgets the oldest events.
   * @returns how many, and the `seq` of the last.
   */
  dropOldest(count: number): { readonly dropped: number; readonly upTo: number } {
    const last = this.#db.prepare('SELECT seq FROM queue ORDER BY seq LIMIT 1 OFFSET ?').get(count - 1);
    if (!last) return { dropped: 0, upTo: 0 };
    const upTo = Number(last['seq']);
    return { dropped: Number(this.#db.prepare('DELETE FROM queue WHERE seq <= ?').run(upTo).changes), upTo };
  }

  close(): void {
    this.#db.close();
  }

  #transaction(fn: () => void): void {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      fn();
      this.#db.exec('COMMIT');
    } catch (error) {
      // Some failures (a full disk) roll back by themselves.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }
}
