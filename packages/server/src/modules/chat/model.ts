/**
 * Chat as clients and back ends see it: the shapes on the wire. Times are Unix milliseconds; ids are text. Fields that
 * have nothing to say are left out.
 */

export const roomKinds = ['direct', 'group', 'public', 'broadcast', 'livestream'] as const;
/**
 * direct: two users, unique per pair · group: by invitation · public: anybody may find and join it · broadcast: few
 * write, many read · livestream: huge, no receipts, no member list.
 */
export type RoomKind = (typeof roomKinds)[number];

export const roles = ['owner', 'admin', 'moderator', 'member', 'guest'] as const;
export type Role = (typeof roles)[number];

export interface Room {
  readonly id: string;
  readonly kind: RoomKind;
  readonly name?: string;
  readonly topic?: string;
  /** Whatever the application keeps with it. */
  readonly data?: unknown;
  readonly createdBy: string;
  readonly createdAt: number;
  /** The latest message; 0: none yet. */
  readonly lastSeq: number;
  readonly lastAt: number;
  /** Counts every change; the offset of the room's channel. */
  readonly rev: number;
  /** Countable messages so far: unread = `countable` − the member's `readCountable`. */
  readonly countable: number;
  readonly memberCount: number;
  readonly frozen?: boolean;
  readonly slowMs?: number;
  readonly retentionMs?: number;
  readonly deletedAt?: number;
}

export interface Member {
  readonly room: string;
  readonly user: string;
  readonly role: Role;
  readonly joinedAt: number;
  /** `invited` until accepted; `left`, `kicked` afterwards. */
  readonly state: 'member' | 'invited' | 'left' | 'kicked';
}

/** What a member alone sees of a room of theirs. */
export interface Membership extends Member {
  /** Everything up to here was read. */
  readonly readSeq: number;
  readonly deliveredSeq: number;
  readonly readCountable: number;
  readonly unread: number;
  readonly mentions: number;
  readonly pinned?: boolean;
  readonly archived?: boolean;
  /** Unix milliseconds; -1: for good. */
  readonly muteUntil?: number;
  readonly notify?: 'all' | 'mentions' | 'none';
}

/** One line of a user's room list. */
export interface RoomListItem {
  readonly room: Room;
  readonly membership: Membership;
  readonly lastMessage?: Message;
  /** The other one, of a direct room. */
  readonly peer?: string;
}

export interface Mentions {
  readonly users?: readonly string[];
  /** `@here`: members who are online; `@room`: all. */
  readonly here?: boolean;
  readonly room?: boolean;
}

export interface Attachment {
  readonly id: string;
  readonly name: string;
  /** As sniffed from the bytes, not as claimed. */
  readonly contentType: string;
  readonly bytes: number;
  /** Of a picture, in pixels, as shown. Both or none. */
  readonly width?: number;
  readonly height?: number;
  /** Path to read it at; access by the room's rules. */
  readonly url: string;
}

export interface LinkPreview {
  readonly url: string;
  readonly title?: string;
  readonly description?: string;
  readonly siteName?: string;
}

export interface Poll {
  readonly question: string;
  readonly options: readonly { readonly id: string; readonly text: string; readonly votes: number }[];
  readonly multiple?: boolean;
  readonly anonymous?: boolean;
  readonly closesAt?: number;
  readonly closedAt?: number;
  readonly voters: number;
}

export interface Message {
  readonly room: string;
  /** Dense within the room, from 1. */
  readonly seq: number;
  readonly id: string;
  /** Empty: the system. */
  readonly sender: string;
  /** As the sender made it; only the sender's first message with it counts. */
  readonly clientId?: string;
  /** `hidden`: what others see of a message that is for its sender alone. */
  readonly kind: 'text' | 'system' | 'poll' | 'hidden';
  readonly text?: string;
  readonly data?: unknown;
  /** It belongs to the thread under this message. */
  readonly threadSeq?: number;
  readonly replySeq?: number;
  /** The thread under it. */
  readonly thread?: { readonly count: number; readonly lastSeq: number; readonly lastAt: number };
  readonly mentions?: Mentions;
  readonly attachments?: readonly Attachment[];
  readonly reactions?: Readonly<Record<string, number>>;
  readonly poll?: Poll;
  readonly previews?: readonly LinkPreview[];
  readonly silent?: boolean;
  readonly pinnedAt?: number;
  /** Above 1: it was edited. */
  readonly version: number;
  readonly createdAt: number;
  readonly editedAt?: number;
  /** A tombstone: everything it said is gone. */
  readonly deletedAt?: number;
  /** The room's revision of its latest change. */
  readonly rev: number;
}

/** What is published on `chat:room:{room}`. With an offset (the room's revision): state to keep, the latest wins. */
export type RoomPublication =
  | { readonly type: 'message'; readonly message: Message }
  /** Somebody came, went, or has another role; `memberCount` as of then. Crowds (broadcast, livestream) are only counted. */
  | { readonly type: 'member'; readonly member: Member; readonly memberCount: number }
  | { readonly type: 'room'; readonly room: Room }
  /** Shown until 7 s after the latest; ends with the message. Has no offset and is never stored. */
  | { readonly type: 'typing'; readonly user: string; readonly threadSeq?: number; readonly stopped?: boolean }
  /** Markers of users that moved. Have no offset. */
  | {
      readonly type: 'receipts';
      readonly read?: Readonly<Record<string, number>>;
      readonly delivered?: Readonly<Record<string, number>>;
    };

/** What is published on `chat:user:{user}`, for that user alone. */
export type UserPublication =
  /** Something in one of the user's rooms moved; at most four a second and room. */
  | {
      readonly type: 'activity';
      readonly room: string;
      readonly rev: number;
      readonly lastSeq: number;
      readonly lastAt: number;
      readonly countable: number;
      /** For who has sent: sending reads. */
      readonly read?: ReadState;
      /** The room was changed, or one of its latest messages edited or deleted: its line in the list may read otherwise. */
      readonly changed?: boolean;
    }
  | { readonly type: 'mention'; readonly message: Message }
  /** Joined, left, read elsewhere, pinned, muted …: the whole line as it is now. */
  | { readonly type: 'room'; readonly item: RoomListItem }
  | { readonly type: 'roomGone'; readonly room: string }
  | { readonly type: 'draft'; readonly draft: Draft }
  /** Followed, no longer followed, or read on another device. */
  | {
      readonly type: 'thread';
      readonly room: string;
      readonly threadSeq: number;
      readonly readSeq: number;
      readonly following: boolean;
    }
  /** The user's own message that others do not see. */
  | { readonly type: 'message'; readonly message: Message }
  | { readonly type: 'block'; readonly user: string; readonly blocked: boolean }
  /** The user was banned or muted, or no longer is (`lifted`). A shadow ban is never told. */
  | { readonly type: 'restriction'; readonly restriction: Restriction; readonly lifted?: true }
  /** A message to be sent later: as it is now, or, with `state`, that it is no longer there. */
  | { readonly type: 'scheduled'; readonly scheduled: Scheduled; readonly state?: 'sent' | 'cancelled' }
  /** Marked as read, or as unread, on another device. */
  | ({ readonly type: 'read' } & ReadState)
  /** What the user did with a message on another device. `rev` is the message's then: the higher one holds. */
  | ({ readonly type: 'own'; readonly room: string; readonly rev: number } & OwnState)
  /** Changed on another device. */
  | { readonly type: 'profile'; readonly profile: Profile };

/** What a user did with one message: all of it, as it is now. */
export interface OwnState {
  readonly seq: number;
  /** Emoji. */
  readonly reactions: readonly string[];
  /** Ids of the poll's options. */
  readonly votes: readonly string[];
}

/** How far a user has read a room. `unread` is as of then: it grows with the room's `countable`. */
export interface ReadState {
  readonly room: string;
  readonly readSeq: number;
  readonly readCountable: number;
  readonly deliveredSeq: number;
  readonly unread: number;
  readonly mentions: number;
}

/** Empty text: there is none any more. */
export interface Draft {
  readonly room: string;
  readonly threadSeq?: number;
  readonly text: string;
  readonly updatedAt: number;
}

/** What keeps a user from a room, or from all of them. */
export interface Restriction {
  /** Absent: everywhere. */
  readonly room?: string;
  readonly user: string;
  /** ban: out of the room · mute: may not write · shadow: nobody but the user sees what they write. */
  readonly kind: 'ban' | 'mute' | 'shadow';
  readonly reason?: string;
  /** Unix milliseconds; absent: until lifted. */
  readonly until?: number;
  readonly createdBy: string;
  readonly createdAt: number;
}

/** A report for moderators to look at. */
export interface Report {
  readonly id: string;
  readonly room: string;
  /** The message it is about, and that message as it is now, if it still is. */
  readonly seq?: number;
  readonly message?: Message;
  /** Whom it is about. */
  readonly user?: string;
  /** Empty: the word filter. */
  readonly reporter: string;
  readonly reason: string;
  readonly state: 'open' | 'resolved';
  readonly resolution?: string;
  readonly resolvedBy?: string;
  readonly createdAt: number;
  readonly resolvedAt?: number;
}

/** A message to be sent later. */
export interface Scheduled {
  readonly id: string;
  readonly room: string;
  readonly sendAt: number;
  readonly text?: string;
  readonly data?: unknown;
  readonly mentions?: Mentions;
  /** Ids of uploads. */
  readonly attachments?: readonly string[];
  readonly replySeq?: number;
  readonly threadSeq?: number;
  readonly silent?: boolean;
  /** Why it could not be sent; it stays until cancelled or given another time. */
  readonly error?: { readonly code: number; readonly message: string };
  readonly createdAt: number;
}

/** What is published on `chat:presence:{user}`. */
export interface UserPresence {
  readonly user: string;
  readonly status: 'online' | 'offline';
  /** Unix milliseconds; absent for who is online, and for who is invisible. */
  readonly lastSeenAt?: number;
}

/** A user's own profile. */
export interface Profile extends User {
  /** Seen as offline by others. */
  readonly invisible?: boolean;
}

export interface User {
  readonly id: string;
  readonly name?: string;
  readonly avatar?: string;
  readonly data?: unknown;
  readonly locale?: string;
  readonly timeZone?: string;
  readonly lastSeenAt?: number;
  readonly deletedAt?: number;
}
