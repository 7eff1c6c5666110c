/**
 * Files of imported messages, on their way into the storage. A row of an upload is written before the first byte and goes
 * in the transaction that makes the message, as when a client sends: whatever dies in between, the row tells the sweep
 * what may lie around. What no transaction has taken goes at once.
 *
 * Path of a file: **reader of the caller → temporary file → storage** → row of the message's transaction.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { ChatConfig } from '../../../config/chat-schema.ts';
import type { Clock } from '../../../lib/clock.ts';
import { newSortableId } from '../../../lib/ids.ts';
import type { Store } from '../../../stores/store.ts';
import type { AttachmentStorage } from '../attachments/attachment-storage.ts';
import { cleanFileName } from '../attachments/file-name.ts';
import { attachmentFolders, importSuffix, openStorage } from '../attachments/open-storage.ts';
import { receiveFile } from '../attachments/receive-file.ts';
import { sweepIncoming } from '../attachments/sweep-attachments.ts';
import { storageKey, uploadMaxMs } from '../attachments/uploads.ts';
import { ChatError, chatErrors } from '../chat-error.ts';
import { attachmentUrl } from '../claim-attachments.ts';
import type { Attachment } from '../model.ts';
import { rowKey } from '../row-cache.ts';
import type { ChatTables } from '../tables.ts';
import { ImportError, type ImportLine, type LineOf } from './import-lines.ts';
import { inStatements } from './import-work.ts';

/** State of an upload that no client sends. */
export const importingState = 'importing';
/** A batch is written by then, or its files are given up. */
const batchMs = 86_400_000;
/** Who reads no byte for so long is given up. */
const stallMs = 60_000;
/** Files on their way at once. */
const atOnce = 8;

/** A file that is open. */
export interface ImportFile {
  readonly bytes: number;
  readonly stream: Readable;
}

/** Opens the file at a path, as a line names it: relative, without `..`. What it rejects with is told with the line. */
export type ReadImportFile = (path: string) => Promise<ImportFile>;

/** Attachments of messages, by line, in their order. */
export type StoredFiles = ReadonlyMap<number, readonly Attachment[]>;

export interface FileStoreOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly config: Pick<ChatConfig, 'limits' | 'uploads'>;
  /** Folder of the configuration. */
  readonly dataDir: string;
  readonly read: ReadImportFile;
}

interface Wanted {
  readonly line: number;
  readonly id: string;
  readonly file: string;
  readonly name: string;
}

export class FileStore {
  readonly #options: FileStoreOptions;
  readonly #storage: AttachmentStorage;
  readonly #incoming: string;
  #isSwept = false;

  constructor(options: FileStoreOptions) {
    this.#options = options;
    this.#storage = openStorage(options.config.uploads, options.dataDir, options.clock);
    this.#incoming = attachmentFolders(options.dataDir).incoming;
  }

  /**
   * Stores the files of those messages that are not there yet.
   * @throws ImportError for a file that cannot be read or would be refused as an upload; errors of storage and database.
   * Nothing is left then, or the sweep finds it.
   */
  async store(lines: readonly (ImportLine & { readonly line: number })[]): Promise<StoredFiles> {
    const wanted = await this.#find(lines);
    if (wanted.length > 0) await this.#sweepOnce();
    const stored = new Map<number, Attachment[]>();
    try {
      for (let at = 0; at < wanted.length; at += atOnce) {
        const some = wanted.slice(at, at + atOnce);
        await this.#announce(some);
        // All of them end before one failure is told: none goes on behind what is taken back.
        const outcomes = await Promise.allSettled(some.map((one) => this.#storeOne(one)));
        const failed = outcomes.find((outcome) => outcome.status === 'rejected');
        if (failed) throw failed.reason;
        for (const [index, outcome] of outcomes.entries()) {
          const { line } = some[index] as Wanted;
          if (outcome.status === 'fulfilled') stored.set(line, [...(stored.get(line) ?? []), outcome.value]);
        }
      }
      return stored;
    } catch (error) {
      await this.release(wanted.map(({ id }) => id));
      throw error;
    }
  }

  /**
   * Removes of these files what no transaction has taken. Asked of the database, because whether a transaction that failed
   * was written need not be known here. Never throws: the sweep removes what this cannot.
   */
  async release(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const db = this.#options.store.database<ChatTables>();
    try {
      const left = await db
        .updateTable('chat_uploads')
        .set({ state: 'gone', expires_at: 0 })
        .where('id', 'in', ids)
        .where('state', '=', importingState)
        .returning('id')
        .execute();
      for (const { id } of left) {
        await this.#storage.delete(storageKey(id));
        await db.deleteFrom('chat_uploads').where('id', '=', id).execute();
      }
    } catch {
      // The rows are there.
    }
  }

  stop(): void {
    this.#storage.stop();
  }

  async #find(lines: readonly (ImportLine & { readonly line: number })[]): Promise<readonly Wanted[]> {
    const messages = new Map<string, LineOf<'message'>>();
    for (const line of lines) {
      if (line.type !== 'message' || !line.attachments || line.deletedAt !== undefined) continue;
      const { attachments: limit } = this.#options.config.limits;
      const { length } = line.attachments;
      if (length > limit) throw new ImportError(line.line, `attachments: ${length} of them; at most ${limit}`);
      const key = rowKey(line.room, line.id);
      if (!messages.has(key)) messages.set(key, line);
    }
    for (const some of inStatements([...messages.values()])) {
      const there = await this.#options.store
        .database<ChatTables>()
        .selectFrom('chat_import_ids')
        .select(['room_id', 'id'])
        .where((eb) =>
          eb(
            eb.refTuple('room_id', 'id'),
            'in',
            some.map(({ room, id }) => eb.tuple(room, id)),
          ),
        )
        .execute();
      for (const { room_id, id } of there) messages.delete(rowKey(room_id, id));
    }
    const now = this.#options.clock.now();
    return [...messages.values()].flatMap(({ line, attachments = [] }) =>
      attachments.map(({ file, name = file }) => ({
        line,
        id: newSortableId(now),
        file,
        name: cleanFileName(name).slice(0, 255).toWellFormed(),
      })),
    );
  }

  async #announce(some: readonly Wanted[]): Promise<void> {
    const { store, clock } = this.#options;
    await store
      .database<ChatTables>()
      .insertInto('chat_uploads')
      .values(
        some.map(({ id, name }) => ({
          id,
          // It becomes part of a room with its message; until then it counts against nobody.
          room_id: '',
          user_id: '',
          name,
          bytes: 0,
          secret_hash: '',
          state: importingState,
          claim: null,
          expires_at: clock.now() + batchMs,
        })),
      )
      .execute();
  }

  async #storeOne({ line, id, file, name }: Wanted): Promise<Attachment> {
    const { config, clock } = this.#options;
    const said = (problem: string): ImportError => new ImportError(line, `attachments: ${file}: ${problem}`);
    const { bytes, stream } = await this.#options.read(file).catch((error: unknown) => {
      throw said(error instanceof Error ? error.message : String(error));
    });
    const path = join(this.#incoming, `${id}${importSuffix}`);
    try {
      if (bytes < 1) throw said('the file is empty');
      const { uploadSize } = config.limits;
      if (bytes > uploadSize) throw said(`${bytes} bytes; at most ${uploadSize}`);
      await mkdir(this.#incoming, { recursive: true });
      const { contentTypes } = config.uploads;
      const received = await receiveFile(stream, { path, bytes, contentTypes, clock, stallMs, maxMs: uploadMaxMs });
      await this.#storage.put(storageKey(id), received);
      return { id, name, contentType: received.contentType, bytes, ...received.size, url: attachmentUrl(id) };
    } catch (error) {
      // Except for a disk that is full, it is the file.
      throw error instanceof ChatError && error.code !== chatErrors.full.code ? said(error.message) : error;
    } finally {
      stream.destroy();
      await rm(path, { force: true });
    }
  }

  /** What an import that died was reading, if no server sweeps here. */
  async #sweepOnce(): Promise<void> {
    if (this.#isSwept) return;
    this.#isSwept = true;
    await sweepIncoming({ incomingFolder: this.#incoming, clock: this.#options.clock });
  }
}
