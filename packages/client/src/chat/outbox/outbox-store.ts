/**
 * Where the outbox keeps what waits. Several tabs write into the same one: each method is one transaction.
 *
 * Implementations: `memory-outbox-store.ts`, `indexed-db-outbox-store.ts`. Both pass `testing/outbox-store-suite.ts`.
 */
import type { Outgoing } from '../chat.ts';
import type { Attachment, Message } from '../publications.ts';

export interface OutboxFile {
  readonly key: string;
  readonly name: string;
  readonly contentType: string;
  readonly totalBytes: number;
  /** Once it is uploaded. */
  readonly attachment?: Attachment;
}

export interface OutboxRecord {
  readonly clientId: string;
  readonly room: string;
  readonly threadSeq?: number;
  readonly createdAt: number;
  readonly content: Omit<Outgoing, 'files'>;
  readonly files: readonly OutboxFile[];
  /** Of everything, about. */
  readonly bytes: number;
  /** Higher after each change. */
  readonly revision: number;
  /** `file`: the key of the one that was refused. */
  readonly failure?: { readonly code: number; readonly message: string; readonly file?: string };
  /** The server has it. It stays for a moment, so that every tab hears of it. */
  readonly sent?: Message;
}

export interface OutboxStore extends AsyncDisposable {
  /** Without the bytes of the files. What cannot be understood is left out. */
  all(): Promise<readonly OutboxRecord[]>;
  /** With the bytes of its files, by key. */
  add(record: OutboxRecord, files: ReadonlyMap<string, Blob>): Promise<void>;
  /** The bytes of one file. */
  file(clientId: string, key: string): Promise<Blob | undefined>;
  /** Does nothing if it is not there; a record that was removed does not come back. */
  change(clientId: string, change: (record: OutboxRecord) => OutboxRecord): Promise<void>;
  /** With its files. */
  remove(clientId: string): Promise<void>;
  clear(): Promise<void>;
}
