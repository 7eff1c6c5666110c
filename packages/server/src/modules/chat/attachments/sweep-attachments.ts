/**
 * Removes files that nobody can see any more: uploads that were not finished, attachments that were not sent, and those
 * of deleted messages and rooms. The file goes first and its row last, so that what fails is found again.
 */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { orphanSeq } from '../delete-message.ts';
import type { Store } from '../../../stores/store.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { Logger } from '../../../lib/logger.ts';
import type { ChatTables } from '../tables.ts';
import type { AttachmentStorage } from './attachment-storage.ts';
import { importSuffix } from './open-storage.ts';
import { storageKey, uploadMaxMs } from './uploads.ts';

/** An attachment that was not sent by then goes. */
export const unsentMs = 24 * 3_600_000;
/** Older than this, nobody is writing to it any more. */
const receivedMs = uploadMaxMs + 60_000;
const slice = 100;
/** A storage that fails so often in a row is left alone until the next sweep. */
const maxFailures = 5;

export interface SweepOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly storage: AttachmentStorage;
  readonly incomingFolder: string;
  readonly stopped: () => boolean;
}

/** @returns how many files were removed. @throws StoreUnavailableError and the like; what was begun is taken up by the next. */
export async function sweepAttachments(options: SweepOptions): Promise<number> {
  await sweepIncoming(options);
  return (await sweepUploads(options)) + (await sweepOrphans(options));
}

/**
 * What a process that died was receiving.
 * @param ageMs files younger than this may still be written to; those of an import, which is a process of its own, for as
 * long as any upload may take.
 */
export async function sweepIncoming(
  { incomingFolder, clock }: Pick<SweepOptions, 'incomingFolder' | 'clock'>,
  ageMs = receivedMs,
): Promise<void> {
  const names = await readdir(incomingFolder).catch(() => []);
  for (const name of names) {
    const path = join(incomingFolder, name);
    const found = await stat(path).catch(() => undefined);
    const enoughMs = name.endsWith(importSuffix) ? receivedMs : ageMs;
    if (found && clock.now() - found.mtimeMs >= enoughMs) await rm(path, { force: true });
  }
}

async function sweepUploads(options: SweepOptions): Promise<number> {
  const { store, clock } = options;
  const db = store.database<ChatTables>();
  // Who began in time may still be sending.
  const until = clock.now() - receivedMs;
  return inSlices(options, async (after) => {
    const rows = await db
      .selectFrom('chat_uploads')
      .select('id')
      .where('expires_at', '<=', until)
      .where('id', '>', after)
      .orderBy('id')
      .limit(slice)
      .execute();
    const ids = rows.map(({ id }) => id);
    // From now on it cannot be completed.
    if (ids.length > 0) await db.updateTable('chat_uploads').set({ state: 'gone' }).where('id', 'in', ids).execute();
    return ids.map((id) => ({ id, key: storageKey(id), table: 'chat_uploads' }));
  });
}

async function sweepOrphans(options: SweepOptions): Promise<number> {
  const { store, clock } = options;
  const db = store.database<ChatTables>();
  const unsent = clock.now() - unsentMs;
  await inSlices(options, async () => {
    // Nobody can send it from now on.
    const marked = await db
      .updateTable('chat_attachments')
      .set({ message_seq: orphanSeq })
      .where('id', 'in', (eb) =>
        eb
          .selectFrom('chat_attachments')
          .select('id')
          .where('message_seq', 'is', null)
          .where('created_at', '<=', unsent)
          .limit(slice),
      )
      .where('message_seq', 'is', null)
      .returning('id')
      .execute();
    return marked.map(({ id }) => ({ id }));
  });
  return inSlices(options, async (after) => {
    const rows = await db
      .selectFrom('chat_attachments')
      .select(['id', 'storage_key as key'])
      .where('message_seq', '=', orphanSeq)
      .where('id', '>', after)
      .orderBy('id')
      .limit(slice)
      .execute();
    return rows.map((row) => ({ ...row, table: 'chat_attachments' }));
  });
}

interface Doomed {
  readonly id: string;
  /** Of its file; without one there is nothing more to do. */
  readonly key?: string;
  readonly table?: 'chat_uploads' | 'chat_attachments';
}

/** @param next the rows behind an id. */
async function inSlices(
  { store, storage, logger, stopped }: SweepOptions,
  next: (after: string) => Promise<readonly Doomed[]>,
): Promise<number> {
  const db = store.database<ChatTables>();
  let removed = 0;
  let failures = 0;
  for (let after = ''; !stopped();) {
    const rows = await next(after);
    const done = new Map<'chat_uploads' | 'chat_attachments', string[]>();
    for (const { id, key, table } of rows) {
      if (key === undefined || table === undefined) continue;
      try {
        await storage.delete(key);
        done.set(table, [...(done.get(table) ?? []), id]);
        failures = 0;
      } catch (error) {
        failures++;
        logger.warn(
          { err: error, attachment: id },
          'the file of an attachment could not be removed; it is tried again',
        );
        if (failures >= maxFailures) break;
      }
    }
    for (const [table, ids] of done) {
      await db.deleteFrom(table).where('id', 'in', ids).execute();
      removed += ids.length;
    }
    const last = rows.at(-1);
    if (!last || rows.length < slice || failures >= maxFailures) break;
    after = last.id;
  }
  return removed;
}
