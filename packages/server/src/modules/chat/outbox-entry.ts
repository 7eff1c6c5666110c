/**
 * What is told of a transaction, and to whom; and the rows of the outbox that hold it: many entries in one row, because a
 * row costs what an entry costs, and they come and go together.
 */
import type { ChatEventName } from './chat-writer.ts';
import type { ChatTables } from './tables.ts';

export type EntryTarget =
  /** On the room's channel at offset `rev`, and to the application as `event`. */
  | {
      readonly to: 'room';
      readonly id: string;
      readonly rev: number;
      readonly epoch: string;
      readonly event: ChatEventName;
      readonly by: string;
    }
  | { readonly to: 'user'; readonly id: string }
  /** Whoever is subscribed to the room's channel, or this user of them, is asked anew whether they may be; of `everyRoom` always a user. */
  | { readonly to: 'access'; readonly id: string; readonly user?: string }
  /** Whoever of `user` watches whether the user `id` is online is asked anew what they may see. */
  | { readonly to: 'watcher'; readonly id: string; readonly user: string }
  | { readonly to: 'application'; readonly id: string; readonly event: ChatEventName };

export interface OutboxEntry {
  readonly id: string;
  readonly target: EntryTarget;
  /** The content: it goes out as it stands, without being parsed. */
  readonly json: string;
}

/** Some entries of one transaction, in their order. */
export interface OutboxRow {
  readonly id: string;
  readonly entries: readonly OutboxEntry[];
}

/** Entries of one row at most, and about so much text. */
const maxEntries = 100;
const maxChars = 64 * 1024;

/** Parts what a transaction tells into rows, in its order. */
export function toOutboxRows(entries: readonly OutboxEntry[]): OutboxRow[] {
  const rows: { id: string; entries: OutboxEntry[] }[] = [];
  let chars = 0;
  for (const entry of entries) {
    const last = rows.at(-1);
    if (last && last.entries.length < maxEntries && chars < maxChars) {
      last.entries.push(entry);
      chars += entry.json.length;
    } else {
      rows.push({ id: entry.id, entries: [entry] });
      chars = entry.json.length;
    }
  }
  return rows;
}

/** @param number of the row in this process: orders those of one millisecond. */
export function encodeRow({ id, entries }: OutboxRow, number: number, createdAt: number): ChatTables['chat_outbox'] {
  const entry = entries.map((one) => `${one.id}\n${JSON.stringify(one.target)}\n${one.json}`).join('\n');
  return { id, room_id: '', rev: number, entry, created_at: createdAt };
}

export function decodeRow({ id, entry }: Pick<ChatTables['chat_outbox'], 'id' | 'entry'>): OutboxRow {
  const lines = entry.split('\n');
  // Rows of versions before hold one entry: target and content.
  if (entry.startsWith('{')) lines.unshift(id);
  const entries: OutboxEntry[] = [];
  for (let at = 0; at + 2 < lines.length; at += 3) {
    const [entryId = '', target = '', json = ''] = lines.slice(at, at + 3);
    entries.push({ id: entryId, target: JSON.parse(target) as EntryTarget, json });
  }
  return { id, entries };
}

/** When its transaction was, from its id (a version 7 UUID). @returns Unix milliseconds. */
export function timeOfEntry(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
