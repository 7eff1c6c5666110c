/**
 * Messages that wait to be sent. What is added survives a reload; each room's messages are sent in the order they were
 * written, one after the other, by one tab; a message that was sent is removed after the server has answered. If the tab
 * dies in between, it is sent again with the same client id, which the server answers with the message it has.
 *
 * So two tabs that send at once for a moment do no harm: a message goes out only after the server has answered the one
 * before it in its room, and twice is once.
 *
 * What fails for now (no network, slow mode, a database that is away) is tried again, longer and longer after each other.
 * Implementation: `persistent-outbox.ts`.
 */
import type { TidingsError } from '../../error.ts';
import type { Store } from '../../store.ts';
import type { Outgoing } from '../chat.ts';
import type { Message } from '../publications.ts';
import type { UploadView } from '../views.ts';

/** One message that waits to be sent. */
export interface OutboxEntry {
  readonly room: string;
  readonly threadSeq?: number;
  readonly clientId: string;
  /** Unix milliseconds of this device; also the order, with `clientId` where two are equal. */
  readonly createdAt: number;
  readonly content: Omit<Outgoing, 'files'>;
  readonly uploads: readonly UploadView[];
  /** Refused by the server for good; it waits for `retry` or `discard`, and does not hold up what comes behind it. */
  readonly failure?: TidingsError;
}

/** Messages that wait at most, sent or refused. */
export const maxOutboxEntries = 500;
/** Bytes that wait at most, with files. */
export const maxOutboxBytes = 500_000_000;

/** Messages that wait to be sent, of all rooms of a user. */
export interface Outbox extends AsyncDisposable {
  /** Of all rooms, in order. Also what other tabs have added. */
  readonly entries: Store<readonly OutboxEntry[]>;
  /**
   * Shown in `entries` at once; resolves when it would survive a reload. Rejects with `storage` if it would not: it is sent
   * all the same, as long as this tab lives.
   * @throws TidingsError `storage` at once, not as a rejection, if more waits than may; nothing is added then.
   */
  add(room: string, clientId: string, outgoing: Outgoing, threadSeq?: number): Promise<void>;
  /** Tries once more what was refused, with the same client id. */
  retry(clientId: string): void;
  /** Sends it no more. If it is on its way just now, it may arrive all the same. */
  discard(clientId: string): void;
  /** Called before the entry leaves `entries`, in every tab, so that the message never vanishes from a screen. */
  onSent(listener: (message: Message) => void): () => void;
  /**
   * Forgets everything, in every tab; at signing out. Those that are open go on, keep nothing on the device any more, and
   * leave alone what is there from then on.
   */
  clear(): Promise<void>;
}
