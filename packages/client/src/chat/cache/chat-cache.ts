/**
 * What the device remembers of chat, so that a screen is there at once and without network. It is a copy: the server
 * decides, and whatever is here may be thrown away. Several tabs write into the same one, so that every write is a merge
 * that may be repeated and come late: of two versions of a message or a room, the one with the higher `rev` stays.
 *
 * Implementations: `memory.ts`, `indexed-db.ts`. Both pass `testing/cache-suite.ts`.
 */
import type { ChannelPosition } from '../../connection/connection.ts';
import type { Draft, Message, Profile, RoomListItem, User } from '../publications.ts';

/** The latest messages of a room, without holes from the first of `messages` to the position. */
export interface CachedTimeline {
  /** The room's epoch and revision up to which the messages are as the server has them. */
  readonly position: ChannelPosition;
  /** Of no thread, oldest first. Of more than `maxCachedMessages` the latest are kept. */
  readonly messages: readonly Message[];
  /** There are older ones on the server. */
  readonly hasBefore: boolean;
  /** Own reactions by seq. */
  readonly ownReactions: Readonly<Record<number, readonly string[]>>;
}

/** A draft with how far it has come. */
export interface CachedDraft extends Draft {
  /** The server does not have it yet. */
  readonly unsaved?: true;
  /** The server has refused this text. It is shown, and not tried again. */
  readonly refused?: true;
}

/** Everything that the device remembers beside messages. */
export interface CachedState {
  readonly rooms: readonly RoomListItem[];
  readonly drafts: readonly CachedDraft[];
  readonly users: readonly User[];
  readonly profile?: Profile;
  /** Position in the user's own channel. */
  readonly position?: ChannelPosition;
}

/** Messages kept of a room, the latest. */
export const maxCachedMessages = 200;
/** Rooms of which messages are kept, those opened last. */
export const maxCachedTimelines = 100;
/** Beyond so many rooms, drafts or users, what is kept of them starts anew. */
export const maxCachedItems = 5_000;

/**
 * Every method may reject with TidingsError `storage`; callers go on without a cache then. What cannot be read any more
 * is as if it were not there.
 */
export interface ChatCache extends AsyncDisposable {
  /** Of this user; what another user left on the device is not seen. */
  load(): Promise<CachedState>;
  /** Also says that the room was opened: timelines opened least recently go first. */
  timeline(room: string): Promise<CachedTimeline | undefined>;
  /** Merges: lines with a lower `rev` than what is there are left out, except for the membership, which is the caller's. */
  putRooms(items: readonly RoomListItem[]): Promise<void>;
  /** What belongs to the room goes with it. */
  removeRooms(rooms: readonly string[]): Promise<void>;
  /**
   * `timeline` is whole, as `CachedTimeline` says, not only what has changed; callers gather changes for a moment.
   *
   * `replace`: instead of what is there, after a reset. `merge`: the stretch with the higher position stays, with messages
   * of the other one where their `rev` is higher; at the same position, the older messages of the other one are kept too.
   * (Those of a lower position might have changed since, and nobody would tell.) The position rises, never falls, within
   * an epoch; another epoch replaces.
   */
  putTimeline(room: string, timeline: CachedTimeline, how: 'merge' | 'replace'): Promise<void>;
  /** Empty text removes, once it is saved. An older `updatedAt` is left out, also after a removal. */
  putDraft(draft: CachedDraft): Promise<void>;
  putUsers(users: readonly User[]): Promise<void>;
  putProfile(profile: Profile): Promise<void>;
  /** Rises, never falls, within an epoch. */
  putPosition(position: ChannelPosition): Promise<void>;
  /** Forgets everything of this user; at signing out. */
  clear(): Promise<void>;
}
