/** What stands in a row of the outbox: to whom something is told, and what. */
import type { ChatEventName } from './chat-writer.ts';

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
  | { readonly to: 'application'; readonly id: string; readonly event: ChatEventName };

/** A row as it is written, and as it is told when its transaction has committed. */
export interface OutboxRow {
  readonly id: string;
  readonly room: string;
  readonly rev: number;
  readonly target: EntryTarget;
  /** The content: it goes out as it stands, without being parsed. */
  readonly json: string;
  readonly createdAt: number;
}

/** JSON of the target, a line feed, JSON of the content. */
export function encodeEntry({ target, json }: Pick<OutboxRow, 'target' | 'json'>): string {
  return `${JSON.stringify(target)}\n${json}`;
}

export function decodeEntry(entry: string): Pick<OutboxRow, 'target' | 'json'> {
  const end = entry.indexOf('\n');
  return { target: JSON.parse(entry.slice(0, end)) as EntryTarget, json: entry.slice(end + 1) };
}

/** When its transaction was, from its id (a version 7 UUID). @returns Unix milliseconds. */
export function timeOfEntry(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
