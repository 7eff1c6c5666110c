/** What the commands of chat work with. Made once by `chat-module.ts`. */
import type { Kysely } from 'kysely';
import type { ChatAction, ChatConfig } from '../../config/chat-schema.ts';
import type { ModuleActor, ModuleContext } from '../module.ts';
import type { Attachments } from './attachments/attachments.ts';
import type { MemberCounts } from './member-counts.ts';
import type { Content } from './message-content.ts';
import type { ChatWriter, MemberRow, MessageRow, RoomRow } from './chat-writer.ts';
import type { UserPresence } from './model.ts';
import type { SearchIndex } from './search/search-index.ts';
import type { ChatTables } from './tables.ts';

export interface Chat {
  readonly config: ChatConfig;
  readonly context: ModuleContext;
  readonly writer: ChatWriter;
  readonly permissions: Permissions;
  readonly moderation: Moderation;
  readonly memberCounts: MemberCounts;
  readonly attachments: Attachments;
  readonly search: SearchIndex;
  /** For reading outside of the writer's transactions. */
  readonly db: Kysely<ChatTables>;
  readonly receipts: Receipts;
  readonly typing: Typing;
  readonly presence: UserPresences;
}

/** Tells a room, live, how far its members have read. */
export interface Receipts {
  /**
   * A mark has moved. Told if everybody who is subscribed to the room may see receipts.
   * @param actor whose mark it is.
   */
  note(actor: ModuleActor, room: RoomRow, member: MemberRow, moved: { read?: number; delivered?: number }): void;
}

export interface TypingInput {
  readonly room: string;
  readonly threadSeq?: number | undefined;
  readonly stopped?: boolean | undefined;
}

/** Tells a room, live, who is typing. */
export interface Typing {
  /** @throws ChatError invalid, roomNotFound, notMember, forbidden, banned, frozen, muted. */
  typing(chat: Chat, actor: ModuleActor, input: TypingInput): Promise<void>;
  /** The user has sent: what they type from now on is told at once. */
  ended(room: string, user: string): void;
}

/** Who is online, over all nodes. */
export interface UserPresences {
  /** As others see them, in the order asked. */
  states(users: readonly string[]): Promise<UserPresence[]>;
  /** The user became invisible, or visible again; after it was written. */
  visibilityChanged(user: string): Promise<void>;
  /** A device of the user came to this node, or left it. */
  device(user: string, client: string, isHere: boolean): void;
  /** Somebody on this node watches the user, or one of those who did no longer does. */
  watched(user: string): void;
}

/** What became of a message that was looked at. */
export interface Reviewed {
  /** To be stored. */
  readonly content: Content;
  /** Why it is to be reported. */
  readonly report?: string;
}

/** What looks at a message before it is stored. */
export interface Moderation {
  /**
   * At once where nobody else is asked.
   * @throws ChatError rejected, notChecked.
   */
  review(actor: ModuleActor, room: string, content: Content): Reviewed | Promise<Reviewed>;
}

/** What a permission may depend on. */
export interface PermissionSubject {
  readonly room?: RoomRow | undefined;
  /** The actor's own membership, whatever its state. */
  readonly member?: MemberRow | undefined;
  readonly message?: MessageRow | undefined;
  /** Whom it is done to. */
  readonly target?: MemberRow | undefined;
  /** … if they have no membership in the room, or it is about no room. */
  readonly targetUser?: string | undefined;
  /** The role that is given, or the kind of room that is made. */
  readonly value?: string | undefined;
}

/** Every permission of chat is a rule; `permissions.ts` has the defaults. The system (a back end without `as`) may do everything. */
export interface Permissions {
  allows(action: ChatAction, actor: ModuleActor, subject: PermissionSubject): boolean;
  /** Whether two users of the same role and state in a room may be given different answers about it. */
  dependsOnUser(action: ChatAction): boolean;
  /**
   * @throws ChatError roomNotFound for a room the actor may not even find, notMember, or forbidden.
   */
  require(action: ChatAction, actor: ModuleActor, subject: PermissionSubject): void;
}
