/**
 * Sends what waits: one lane for each room, in order, one message after the other; files first, then the message. Lanes
 * do not wait for each other. A message that fails for now is tried again, and holds up its own room; one that is refused
 * for good is marked so, and the next one goes.
 */
import type { Clock } from '../../clock.ts';
import type { Connection } from '../../connection/connection.ts';
import { clientErrors, TidingsError } from '../../error.ts';
import type { ChatInput, ChatOutput } from '../chat.ts';
import type { Message } from '../publications.ts';
import { uploadFile } from '../uploads/upload.ts';
import type { EntryView } from './entry-view.ts';
import type { OutboxEntries } from './outbox-entries.ts';
import type { OutboxFile } from './outbox-store.ts';

const [firstDelayMs, maxDelayMs] = [1_000, 30_000];
/** Progress is told this often. */
const progressEveryMs = 200;
/** The server's code for an attachment that is no longer there. */
const attachmentNotFoundCode = 617;

export interface OutboxSenderOptions {
  readonly entries: OutboxEntries;
  readonly connection: Connection;
  readonly clock: Clock;
  /** Whether this tab sends for all of them. */
  readonly isLeader: () => boolean;
}

export class OutboxSender {
  readonly #options: OutboxSenderOptions;
  readonly #lanes = new Set<string>();
  /** What is being sent, by client id. */
  readonly #sending = new Map<string, AbortController>();
  /** Lanes that wait before they try again. */
  readonly #waiting = new Set<() => void>();
  /** Messages whose files were uploaded a second time, because the first had expired. */
  readonly #uploadedAgain = new Set<string>();
  #isStopped = false;

  constructor(options: OutboxSenderOptions) {
    this.#options = options;
  }

  /** Something changed: new messages, the connection, who leads. */
  look(): void {
    const { entries } = this.#options;
    for (const [clientId, sending] of this.#sending) if (!entries.has(clientId)) sending.abort();
    for (const room of entries.rooms) if (!this.#lanes.has(room)) void this.#runLane(room);
  }

  /** Nobody waits any longer to try again. */
  hurry(): void {
    for (const wake of [...this.#waiting]) wake();
    this.look();
  }

  stop(): void {
    this.#isStopped = true;
    for (const sending of this.#sending.values()) sending.abort();
    for (const wake of [...this.#waiting]) wake();
  }

  /** Never rejects. */
  async #runLane(room: string): Promise<void> {
    const { entries } = this.#options;
    this.#lanes.add(room);
    let attempts = 0;
    for (let entry = this.#next(room); entry; entry = this.#next(room)) {
      const { clientId } = entry.record;
      try {
        entries.settle(clientId, await this.#send(entry));
        attempts = 0;
      } catch (error) {
        const failure = error instanceof TidingsError ? error : TidingsError.of('invalid', String(error));
        if (this.#isStopped || failure.code === clientErrors.closed.code) break;
        if (!entries.has(clientId)) continue;
        // A page that is left aborts what is on its way; that refuses nothing.
        if (failure.isTemporary || failure.code === clientErrors.aborted.code) await this.#pause((attempts += 1));
        else await this.#refuse(clientId, failure);
      }
    }
    this.#lanes.delete(room);
  }

  /** The first that waits, if it is for this tab to send it now. */
  #next(room: string): EntryView | undefined {
    const { entries, connection, isLeader } = this.#options;
    if (this.#isStopped || connection.state.get().status !== 'online') return undefined;
    const [first] = entries.waiting(room).filter(({ where }) => where === 'here' || isLeader());
    return first?.where === 'adding' ? undefined : first;
  }

  async #send(entry: EntryView): Promise<Message> {
    const { clientId, room, threadSeq, content, files } = entry.record;
    const { connection } = this.#options;
    const { signal } = this.#begin(clientId);
    try {
      const attachments: string[] = [];
      for (const file of files) attachments.push(file.attachment?.id ?? (await this.#upload(entry, file, signal)));
      const input: ChatInput<'send'> = {
        ...{ room, clientId, ...content },
        ...(threadSeq !== undefined && { threadSeq }),
        ...(attachments.length > 0 && { attachments }),
      };
      const { message } = await connection.call<ChatOutput<'send'>>('chat.send', input, { signal });
      this.#uploadedAgain.delete(clientId);
      return message;
    } catch (error) {
      throw await this.#reconsider(entry, error);
    } finally {
      this.#sending.delete(clientId);
    }
  }

  #begin(clientId: string): AbortController {
    const sending = new AbortController();
    this.#sending.set(clientId, sending);
    return sending;
  }

  /** @returns the id of the attachment. */
  async #upload(entry: EntryView, { key, name, contentType }: OutboxFile, signal: AbortSignal): Promise<string> {
    const { entries, connection, clock } = this.#options;
    const { clientId, room } = entry.record;
    try {
      const bytes = await entries.file(entry, key);
      if (!bytes) throw TidingsError.of('storage', `${name} is no longer on this device`);
      let toldAt = 0;
      const onProgress = (sentBytes: number): void => {
        if (clock.now() - toldAt < progressEveryMs) return;
        toldAt = clock.now();
        entries.setProgress(clientId, key, sentBytes);
      };
      onProgress(0);
      const attachment = await uploadFile(connection, { room, name, contentType, bytes }, { signal, onProgress });
      await entries.change(clientId, (record) => ({
        ...record,
        files: record.files.map((file) => (file.key === key ? { ...file, attachment } : file)),
      }));
      return attachment.id;
    } catch (error) {
      if (error instanceof TidingsError && !error.isTemporary) throw new FileRefused(key, error);
      throw error;
    }
  }

  /** Uploads expire: what was uploaded long before it could be sent is uploaded once more. */
  async #reconsider({ record }: EntryView, error: unknown): Promise<unknown> {
    const { clientId, files } = record;
    const isGone = error instanceof TidingsError && error.code === attachmentNotFoundCode && files.length > 0;
    if (!isGone || this.#uploadedAgain.has(clientId)) return error;
    this.#uploadedAgain.add(clientId);
    await this.#options.entries.change(clientId, (known) => ({ ...known, files: known.files.map(withoutAttachment) }));
    return new TidingsError(error.code, error.message, { isTemporary: true, cause: error });
  }

  #refuse(clientId: string, failure: TidingsError): Promise<void> {
    const { code, message } = failure;
    const file = failure instanceof FileRefused ? failure.file : undefined;
    return this.#options.entries.change(clientId, (record) => ({
      ...record,
      failure: { code, message, ...(file !== undefined && { file }) },
    }));
  }

  /** Twice as long each time, and not all devices at once. */
  async #pause(attempts: number): Promise<void> {
    const { clock } = this.#options;
    const longestMs = Math.min(maxDelayMs, firstDelayMs * 2 ** (attempts - 1));
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clock.clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = clock.setTimeout(wake, longestMs * (0.5 + Math.random() / 2));
      this.#waiting.add(wake);
    });
  }
}

function withoutAttachment(file: OutboxFile): OutboxFile {
  const { attachment: _, ...rest } = file;
  return rest;
}

/** Which of the files it was. */
class FileRefused extends TidingsError {
  readonly file: string;

  constructor(file: string, error: TidingsError) {
    super(error.code, error.message, { cause: error });
    this.file = file;
  }
}
