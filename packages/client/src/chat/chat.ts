/**
 * Chat as an application uses it. Everything shown is a `Store`; everything done is a method that resolves when the server
 * has it, and is shown at once where that can be taken back (`send`, `react`, `edit`, `markRead` …).
 */
import type { Store } from '../store.ts';
import type { ChatApi } from './api.gen.ts';
import type { Attachment, Message, Profile, User } from './publications.ts';
import type {
  MembersView,
  MessagesView,
  PresenceView,
  ReceiptsView,
  RoomsView,
  RoomView,
  ThreadView,
  UnreadView,
  UploadView,
} from './views.ts';

/** Name of a command of chat. */
export type ChatCommandName = keyof ChatApi;
/** What a command of chat takes. */
export type ChatInput<Name extends ChatCommandName> = ChatApi[Name]['input'];
/** What a command of chat answers. */
export type ChatOutput<Name extends ChatCommandName> = ChatApi[Name]['output'];

/** How a command is called. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** Something to tell the person, once however many tabs are open. */
export interface ChatNotice {
  readonly kind: 'message' | 'mention' | 'invite';
  readonly room: RoomView;
  readonly message?: Message;
}

/** The chat of a client: rooms, people, and everything that is done. */
export interface Chat {
  /** Id of the user; undefined for anonymous clients and before the first token. */
  readonly me: Store<string | undefined>;
  readonly rooms: Store<RoomsView>;
  readonly unread: Store<UnreadView>;
  /**
   * The room for use; every caller gets a handle of its own, and closes it. The room stays live until the last handle is
   * closed, and a while longer.
   */
  room(id: string): ChatRoom;
  /** The profile of a user. Asked for when watched, many at once. */
  user(id: string): Store<User | undefined>;
  readonly profile: Store<Profile | undefined>;
  /** Live while watched. */
  presence(user: string): Store<PresenceView>;
  /**
   * Of what comes from the moment the client is made. Not told for the room that the person looks at
   * (`ChatRoom.setVisible`), nor for muted rooms.
   */
  onNotice(listener: (notice: ChatNotice) => void): () => void;

  createRoom(input: ChatInput<'createRoom'>): Promise<RoomView>;
  /** The direct room with this user, made if need be. */
  direct(user: string): Promise<RoomView>;
  findRooms(input: ChatInput<'findRooms'>, options?: CallOptions): Promise<ChatOutput<'findRooms'>>;
  join(room: string): Promise<RoomView>;
  acceptInvite(room: string): Promise<RoomView>;
  declineInvite(room: string): Promise<void>;
  search(input: ChatInput<'search'>, options?: CallOptions): Promise<ChatOutput<'search'>>;
  /** People by name, if the server permits it. */
  findUsers(input: ChatInput<'findUsers'>, options?: CallOptions): Promise<ChatOutput<'findUsers'>>;
  setProfile(input: ChatInput<'setProfile'>): Promise<Profile>;
  /** Any command by its name, as docs/chat.md lists them. */
  call<Name extends ChatCommandName>(
    name: Name,
    input: ChatInput<Name>,
    options?: CallOptions,
  ): Promise<ChatOutput<Name>>;
  /** A link to an attachment that works without a token; renewed before it expires. */
  attachmentUrl(attachment: Attachment): Promise<string>;
  /** How many messages wait to be sent, of all rooms, without those that failed. */
  readonly outgoing: Store<number>;
}

/** What is said, with what goes along. */
export interface Outgoing {
  readonly text?: string;
  readonly data?: unknown;
  readonly replySeq?: number;
  readonly mentions?: Message['mentions'];
  readonly silent?: boolean;
  /** Uploaded before the message is sent, in this order. They wait offline with it. */
  readonly files?: readonly File[];
}

/** What a room and a thread have in common: messages in an order, and writing more. */
export interface Timeline {
  readonly messages: Store<MessagesView>;
  readonly typing: Store<readonly string[]>;
  /** What was begun and not sent, the same on all devices. */
  readonly draft: Store<string>;
  /** Saved after a pause, and at once when the timeline is closed. */
  setDraft(text: string): void;
  /** To be called at every keystroke; tells the others at most every 2 s. Empty text: no longer typing. */
  setTyping(text: string): void;
  loadBefore(): Promise<void>;
  loadAfter(): Promise<void>;
  /** Shows the stretch around this message. */
  jumpTo(seq: number): Promise<void>;
  /** Shows the end. What had failed to load is read again. */
  jumpToLatest(): Promise<void>;
  /**
   * Shows the message at once and sends it when there is a connection, in order, also after a restart.
   * @returns its key at once; `MessagesView` says how it goes.
   * @throws TidingsError `invalid` if there is nothing to say.
   */
  send(outgoing: Outgoing): string;
  retry(key: string): void;
  /** Takes back a message that was not sent. */
  discard(key: string): void;
  edit(seq: number, text: string): Promise<void>;
  delete(seq: number): Promise<void>;
  react(seq: number, emoji: string): Promise<void>;
  unreact(seq: number, emoji: string): Promise<void>;
  /** Up to the latest that is shown, without `seq`. */
  markRead(seq?: number): Promise<void>;
}

export interface ChatRoom extends Timeline, AsyncDisposable {
  readonly id: string;
  /** Undefined while it is not known. */
  readonly view: Store<RoomView | undefined>;
  readonly members: Store<MembersView>;
  loadMoreMembers(): Promise<void>;
  readonly receipts: Store<ReceiptsView>;
  readonly pins: Store<readonly Message[]>;
  readonly threads: Store<readonly ThreadView[]>;
  /** The room is gone for this user: deleted, left, kicked or banned. */
  readonly gone: Store<{ readonly code: number; readonly message: string } | undefined>;
  thread(threadSeq: number): ChatThread;
  /** Whether the person looks at it right now: no notices for it, and it is marked as read as messages come. */
  setVisible(isVisible: boolean): void;
  /** Marks this message and all behind it as unread. */
  markUnread(seq: number): Promise<void>;
  pin(seq: number): Promise<void>;
  unpin(seq: number): Promise<void>;
  change(input: Omit<ChatInput<'changeRoom'>, 'room'>): Promise<void>;
  invite(users: readonly string[], options?: { readonly ask?: boolean }): Promise<void>;
  kick(user: string): Promise<void>;
  leave(): Promise<void>;
  setPinned(isPinned: boolean): Promise<void>;
  setArchived(isArchived: boolean): Promise<void>;
  /** @param until Unix milliseconds; without it for good; false: no longer. */
  setMuted(until?: number | false): Promise<void>;
  vote(seq: number, options: readonly string[]): Promise<void>;
  /** Uploads without sending, for an application that shows its own progress. */
  upload(
    file: File,
    options?: { readonly signal?: AbortSignal; readonly onProgress?: (upload: UploadView) => void },
  ): Promise<Attachment>;
  close(): Promise<void>;
}

export interface ChatThread extends Timeline, AsyncDisposable {
  readonly room: string;
  readonly threadSeq: number;
  readonly view: Store<ThreadView>;
  setFollowing(isFollowing: boolean): Promise<void>;
  setVisible(isVisible: boolean): void;
  close(): Promise<void>;
}
