/** One message that waits: its record, and how it is shown. A change of what is shown makes a new one. */
import { TidingsError } from '../../error.ts';
import type { UploadView } from '../views.ts';
import type { OutboxEntry } from './outbox.ts';
import type { OutboxFile, OutboxRecord } from './outbox-store.ts';

export class EntryView {
  readonly record: OutboxRecord;
  /** adding: on its way into the storage · stored · here: it could not be stored, so that this tab sends it by itself. */
  where: 'adding' | 'stored' | 'here';
  /** Those that were added in this tab, by key. */
  readonly files: ReadonlyMap<string, Blob>;
  readonly view: OutboxEntry;
  readonly #sentBytes: ReadonlyMap<string, number>;
  readonly #localUrls: ReadonlyMap<string, string>;

  constructor(
    record: OutboxRecord,
    where: EntryView['where'],
    files: ReadonlyMap<string, Blob>,
    sentBytes: ReadonlyMap<string, number> = new Map(),
    localUrls: ReadonlyMap<string, string> = urlsOf(record, files),
  ) {
    this.record = record;
    this.where = where;
    this.files = files;
    this.#sentBytes = sentBytes;
    this.#localUrls = localUrls;
    const { room, threadSeq, clientId, createdAt, content, failure } = record;
    this.view = {
      ...{ room, clientId, createdAt, content },
      ...(threadSeq !== undefined && { threadSeq }),
      uploads: record.files.map((file) => this.#uploadOf(file)),
      ...(failure && { failure: new TidingsError(failure.code, failure.message) }),
    };
  }

  with(record: OutboxRecord): EntryView {
    return new EntryView(record, this.where, this.files, this.#sentBytes, this.#localUrls);
  }

  withProgress(key: string, sentBytes: number): EntryView {
    const progress = new Map(this.#sentBytes).set(key, sentBytes);
    return new EntryView(this.record, this.where, this.files, progress, this.#localUrls);
  }

  withFile(key: string, bytes: Blob): EntryView {
    const urls = new Map(this.#localUrls).set(key, URL.createObjectURL(bytes));
    return new EntryView(this.record, this.where, new Map(this.files).set(key, bytes), this.#sentBytes, urls);
  }

  /** When the message is gone from the outbox. */
  dispose(): void {
    for (const url of this.#localUrls.values()) URL.revokeObjectURL(url);
  }

  #uploadOf({ key, name, contentType, totalBytes, attachment }: OutboxFile): UploadView {
    const { failure } = this.record;
    const sentBytes = attachment ? totalBytes : Math.min(this.#sentBytes.get(key) ?? 0, totalBytes);
    const localUrl = this.#localUrls.get(key);
    const isFailed = failure?.file === key;
    const state = attachment ? 'uploaded' : isFailed ? 'failed' : this.#sentBytes.has(key) ? 'uploading' : 'waiting';
    return {
      ...{ key, name, contentType, totalBytes, sentBytes, state },
      ...(isFailed && failure && { failure: new TidingsError(failure.code, failure.message) }),
      ...(localUrl !== undefined && { localUrl }),
    };
  }
}

/** Of pictures, where the runtime can show any. */
function urlsOf({ files }: OutboxRecord, bytes: ReadonlyMap<string, Blob>): ReadonlyMap<string, string> {
  const urls = new Map<string, string>();
  if (typeof document === 'undefined') return urls;
  for (const { key, contentType } of files) {
    const blob = bytes.get(key);
    if (blob && contentType.startsWith('image/')) urls.set(key, URL.createObjectURL(blob));
  }
  return urls;
}
