/** What the parts of one transaction of an import share. */
import type { Transaction } from 'kysely';
import type { ChatConfig } from '../../../config/chat-schema.ts';
import type { StoreDialect } from '../../../stores/store.ts';
import { ChatError } from '../chat-error.ts';
import { toStoredJson } from '../stored-json.ts';
import type { ChatTables } from '../tables.ts';
import { ImportError } from './import-lines.ts';

/** What is new of each kind, and what was there. */
export interface BatchCounts {
  users: number;
  blocks: number;
  rooms: number;
  members: number;
  messages: number;
  polls: number;
  attachments: number;
  reactions: number;
  votes: number;
  /** Lines of what was there already. */
  known: number;
}

export const noCounts: Readonly<BatchCounts> = {
  users: 0,
  blocks: 0,
  rooms: 0,
  members: 0,
  messages: 0,
  polls: 0,
  attachments: 0,
  reactions: 0,
  votes: 0,
  known: 0,
};

export interface ImportWork {
  readonly tx: Transaction<ChatTables>;
  readonly dialect: StoreDialect;
  readonly config: Pick<ChatConfig, 'limits'>;
  /** Of this transaction, for what the file gives no time. */
  readonly nowMs: number;
  readonly counts: BatchCounts;
}

/** Rows or keys in one statement. */
const statementRows = 500;

/** Parts that fit into one statement each. */
export function* inStatements<T>(all: readonly T[]): Iterable<readonly T[]> {
  for (let at = 0; at < all.length; at += statementRows) yield all.slice(at, at + statementRows);
}

/** @throws ImportError in place of a ChatError of `work`. */
export function ofLine<T>(line: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof ChatError) throw new ImportError(line, error.message);
    throw error;
  }
}

/** @throws ImportError for data that is too large. */
export function jsonOf({ config }: ImportWork, line: number, data: unknown): string | null {
  return ofLine(line, () => toStoredJson(data, config.limits.messageSize));
}
