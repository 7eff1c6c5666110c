/**
 * Imports chat from elsewhere: lines of users, rooms, members, messages, what hangs on them, and read marks. What a line
 * names stands before it, or is in the database; messages of a room stand in their order. Doing it twice is doing it
 * once: everything is known by the id that the file gives it.
 *
 * Whoever had read everything of a room has read everything after an import too; `read` lines behind the messages say
 * otherwise. Clients that are looking on get one reset.
 */
import type { ChatConfig } from '../../../config/chat-schema.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { Store } from '../../../stores/store.ts';
import type { ChatTables } from '../tables.ts';
import { writeBatch } from './import-batch.ts';
import { ImportError, parseLine, type ImportLine } from './import-lines.ts';
import { noCounts, type BatchCounts } from './import-work.ts';
import { FileStore, type ReadImportFile, type StoredFiles } from './store-files.ts';

export { ImportError } from './import-lines.ts';

/** Lines of one transaction … */
const batchLines = 500;
/** … and files, which are all stored before it begins. */
const batchFiles = 64;

/** How much was new, and how much was there. */
export interface ImportCounts extends BatchCounts {
  /** Lines gone through. */
  lines: number;
}

export interface ImportOptions {
  /** Started, with the migrations of chat. */
  readonly store: Store;
  readonly clock: Clock;
  readonly config: Pick<ChatConfig, 'limits' | 'uploads'>;
  /** The file, line by line; empty lines are passed over. */
  readonly lines: AsyncIterable<string> | Iterable<string>;
  /** Where attachments of messages come from; without it a line that has some is an error. `filesIn` reads from a folder. */
  readonly files?: ReadImportFile;
  /** `dataDir` of the configuration; needed with `files`. */
  readonly dataDir?: string;
  /** After every transaction. */
  readonly onProgress?: (counts: Readonly<ImportCounts>) => void;
}

type NumberedLine = ImportLine & { readonly line: number };

/**
 * @returns how much was new.
 * @throws ImportError for a line that cannot be imported; the batches before it stay, and importing the repaired file
 * goes on from there. StoreUnavailableError and the like; TypeError for `files` without `dataDir`.
 */
export async function importChat(options: ImportOptions): Promise<ImportCounts> {
  const files = fileStoreOf(options);
  const counts: ImportCounts = { lines: 0, ...noCounts };
  let batch: NumberedLine[] = [];
  let batched = 0;
  let line = 0;
  const write = async () => {
    if (batch.length > 0) {
      const done = await importBatch(options, files, batch);
      for (const [name, count] of Object.entries(done)) counts[name as keyof BatchCounts] += count;
    }
    counts.lines = line;
    batch = [];
    batched = 0;
    options.onProgress?.(counts);
  };
  try {
    for await (const said of options.lines) {
      line++;
      if (said.trim() === '') continue;
      const parsed = parseLine(said, line);
      batched += attachmentsOf(parsed, files !== undefined);
      batch.push(parsed);
      if (batch.length >= batchLines || batched >= batchFiles) await write();
    }
    await write();
  } catch (error) {
    if (!(error instanceof ImportError)) throw error;
    const imported = counts.lines === 0 ? 'nothing was imported' : `lines 1 to ${counts.lines} are imported`;
    throw new ImportError(error.line, `${error.message.replace(/^line \d+: /, '')} (${imported})`);
  } finally {
    files?.stop();
  }
  return counts;
}

function fileStoreOf({ store, clock, config, dataDir, files: read }: ImportOptions): FileStore | undefined {
  if (!read) return undefined;
  if (dataDir === undefined) throw new TypeError('importing files needs dataDir');
  return new FileStore({ store, clock, config, dataDir, read });
}

/** @throws ImportError if there are some and nothing to read them with. */
function attachmentsOf(line: NumberedLine, canRead: boolean): number {
  if (line.type !== 'message' || !line.attachments) return 0;
  if (!canRead) throw new ImportError(line.line, 'attachments: this import was given nothing to read files with');
  return line.attachments.length;
}

/** Files first, so that no message names one that is not there; then, in one transaction, everything else. */
async function importBatch(
  { store, clock, config }: ImportOptions,
  files: FileStore | undefined,
  batch: readonly NumberedLine[],
): Promise<BatchCounts> {
  const stored: StoredFiles = (await files?.store(batch)) ?? new Map();
  try {
    return await store.transaction<ChatTables, BatchCounts>(async (tx) => {
      const counts = { ...noCounts };
      await writeBatch({ tx, dialect: store.dialect, config, nowMs: clock.now(), counts }, batch, stored);
      return counts;
    });
  } finally {
    await files?.release([...stored.values()].flatMap((all) => all.map(({ id }) => id)));
  }
}
