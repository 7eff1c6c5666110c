/**
 * Imports chat from elsewhere: lines of users, rooms, members, messages, reactions and read marks. What a line names
 * stands before it, or is in the database; messages of a room stand in their order. Doing it twice is doing it once:
 * everything is known by the id that the file gives it.
 *
 * Whoever had read everything of a room has read everything after an import too; `read` lines behind the messages say
 * otherwise. Clients that are looking on get one reset.
 */
import type { ChatConfig } from '../../config/chat-schema.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Store } from '../../stores/store.ts';
import { ImportBatch } from './import-batch.ts';
import { ImportError, parseLine, type ImportLine } from './import-lines.ts';
import type { ChatTables } from './tables.ts';

export { ImportError } from './import-lines.ts';

/** Lines of one transaction. */
const batchLines = 500;

export interface ImportCounts {
  /** Lines gone through. */
  lines: number;
  users: number;
  rooms: number;
  members: number;
  messages: number;
  reactions: number;
  /** Lines of what was there already. */
  known: number;
}

export interface ImportOptions {
  /** Started, with the migrations of chat. */
  readonly store: Store;
  readonly clock: Clock;
  readonly config: Pick<ChatConfig, 'limits'>;
  /** The file, line by line; empty lines are passed over. */
  readonly lines: AsyncIterable<string> | Iterable<string>;
  /** After every transaction. */
  readonly onProgress?: (counts: Readonly<ImportCounts>) => void;
}

/**
 * @returns how much was new.
 * @throws ImportError for a line that cannot be imported; the batches before it stay, and importing the repaired file
 * goes on from there. StoreUnavailableError and the like.
 */
export async function importChat(options: ImportOptions): Promise<ImportCounts> {
  const counts: ImportCounts = { lines: 0, users: 0, rooms: 0, members: 0, messages: 0, reactions: 0, known: 0 };
  let batch: (ImportLine & { readonly line: number })[] = [];
  let line = 0;
  const write = async () => {
    if (batch.length > 0) {
      const done = await options.store.transaction<ChatTables, Omit<ImportCounts, 'lines'>>((tx) =>
        new ImportBatch(tx, options).write(batch),
      );
      for (const [name, count] of Object.entries(done)) counts[name as keyof ImportCounts] += count;
    }
    counts.lines = line;
    batch = [];
    options.onProgress?.(counts);
  };
  try {
    for await (const said of options.lines) {
      line++;
      if (said.trim() === '') continue;
      batch.push(parseLine(said, line));
      if (batch.length >= batchLines) await write();
    }
    await write();
  } catch (error) {
    if (!(error instanceof ImportError)) throw error;
    const imported = counts.lines === 0 ? 'nothing was imported' : `lines 1 to ${counts.lines} are imported`;
    throw new ImportError(error.line, `${error.message.replace(/^line \d+: /, '')} (${imported})`);
  }
  return counts;
}
