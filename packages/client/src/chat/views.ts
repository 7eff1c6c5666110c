/** What chat shows: immutable values, made for rendering. A value that did not change is the same object as before. */
import type { Attachment, Draft, Member, Message, Room, RoomListItem, UserPresence } from './publications.ts';
import type { TidingsError } from '../error.ts';

/**
 * sending: here only, or on its way · sent: on the server's disk · delivered: on a device of everybody else, or of the
 * other one of a direct room · read: by everybody else · failed: the server refused it, `failure` says why; `retry` and
 * `discard` are what can be done · received: of somebody else.
 */
export type MessageState = 'sending' | 'sent' | 'delivered' | 'read' | 'failed' | 'received';

/** A file that goes out with a message. */
export interface UploadView {
  /** Made by the client; the same through retries. */
  readonly key: string;
  readonly name: string;
  readonly contentType: string;
  readonly totalBytes: number;
  readonly sentBytes: number;
  readonly state: 'waiting' | 'uploading' | 'uploaded' | 'failed';
  readonly failure?: TidingsError;
  /** For showing a picture before it is sent; of this device only. */
  readonly localUrl?: string;
}

/** One message of a timeline, whether it has reached the server or not. */
export interface MessageView {
  /** The same from the moment of writing on, so that a list keeps its place: the client id of own messages, else the id. */
  readonly key: string;
  readonly room: string;
  readonly sender: string;
  readonly isOwn: boolean;
  readonly state: MessageState;
  readonly failure?: TidingsError;
  /** Position in the room; absent until the server has it. */
  readonly seq?: number;
  readonly text: string;
  readonly createdAt: number;
  readonly replySeq?: number;
  readonly threadSeq?: number;
  /** As the server has it, with what the user has just done to it; absent until then. */
  readonly message?: Message;
  readonly attachments: readonly Attachment[];
  readonly uploads: readonly UploadView[];
  /** Emoji by the number of people, in the order they came, and whether the user is one of them. */
  readonly reactions: readonly { readonly emoji: string; readonly count: number; readonly isOwn: boolean }[];
  /** Ids of the poll's options that the user chose. */
  readonly ownVotes: readonly string[];
  readonly isEdited: boolean;
  readonly isDeleted: boolean;
}

/** A stretch of a room without holes. */
export interface MessagesView {
  /** Oldest first; what waits to be sent stands at the end. */
  readonly messages: readonly MessageView[];
  readonly hasBefore: boolean;
  /** There is newer than what is shown: somebody jumped to an older place. */
  readonly hasAfter: boolean;
  /** loading: nothing to show yet · cached: from this device, not yet compared with the server · live · failed. */
  readonly status: 'loading' | 'cached' | 'live' | 'failed';
  readonly isLoadingBefore: boolean;
  readonly isLoadingAfter: boolean;
  readonly failure?: TidingsError;
  /**
   * The first message that was unread when the room was opened; where "new" is drawn. It stays until the room is opened
   * anew or marked as unread.
   */
  readonly firstUnreadSeq?: number;
}

/** One line of the room list. */
export interface RoomView {
  readonly id: string;
  readonly kind: Room['kind'];
  /** The room's name; of a direct room, the other one's. Empty while it is not known. */
  readonly title: string;
  readonly peer?: string;
  readonly room: Room;
  /** Absent for rooms that the user looks at without being in them. */
  readonly membership?: RoomListItem['membership'];
  readonly lastMessage?: Message;
  readonly lastAt: number;
  readonly unread: number;
  readonly mentions: number;
  readonly isPinned: boolean;
  readonly isArchived: boolean;
  readonly isMuted: boolean;
  readonly isInvited: boolean;
  readonly draft?: Draft;
}

/** The list of rooms. */
export interface RoomsView {
  /** Pinned first, then the latest active. Archived ones are not among them. */
  readonly rooms: readonly RoomView[];
  readonly archived: readonly RoomView[];
  readonly invites: readonly RoomView[];
  readonly status: 'loading' | 'cached' | 'live' | 'failed';
  readonly failure?: TidingsError;
}

/** For badges. Muted and archived rooms are not counted. */
export interface UnreadView {
  readonly messages: number;
  readonly mentions: number;
  readonly rooms: number;
}

/** The members of a room, as far as they are loaded. */
export interface MembersView {
  readonly members: readonly Member[];
  readonly hasMore: boolean;
  readonly status: 'loading' | 'live' | 'failed';
  readonly failure?: TidingsError;
}

/** Up to which seq each member has read, and has it on a device; without the user's own. Empty where one may not see it. */
export interface ReceiptsView {
  readonly read: ReadonlyMap<string, number>;
  readonly delivered: ReadonlyMap<string, number>;
}

/** `unknown`: not told yet, or not allowed to be seen. */
export interface PresenceView {
  readonly user: string;
  readonly status: UserPresence['status'] | 'unknown';
  readonly lastSeenAt?: number;
}

/** A thread that the user follows. */
export interface ThreadView {
  readonly room: string;
  readonly threadSeq: number;
  /** The message it stands under. */
  readonly root?: MessageView;
  readonly unread: number;
  readonly isFollowing: boolean;
}
