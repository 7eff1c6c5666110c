/**
 * A chat that a test writes, for what components do in states that are hard to bring about with a server: failures at a
 * given moment, ten thousand messages at once. It has stores and no logic; tests/browser shows the components on the
 * real client.
 */
import {
  TidingsError,
  WritableStore,
  type Attachment,
  type Chat,
  type ChatCommandName,
  type ChatInput,
  type ChatNotice,
  type ChatOutput,
  type ChatRoom,
  type ChatThread,
  type ConnectionState,
  type Member,
  type MembersView,
  type Message,
  type PresenceView,
  type Profile,
  type ReceiptsView,
  type RoomsView,
  type RoomView,
  type ThreadView,
  type UnreadView,
  type User,
} from '@tidings/client';
import type { TidingsSource } from '../context.ts';
import { ScriptedTimeline, type TimelineScript } from './scripted-timeline.ts';

export interface ChatScript {
  readonly me: string;
  readonly users?: readonly User[];
}

type Answers = { [Name in ChatCommandName]?: (input: ChatInput<Name>) => ChatOutput<Name> | Promise<ChatOutput<Name>> };

export class ScriptedChat implements Chat, TidingsSource {
  readonly chat = this;
  readonly connection = { state: new WritableStore<ConnectionState>({ status: 'online', sinceMs: 0 }) };
  readonly me: WritableStore<string | undefined>;
  readonly rooms = new WritableStore<RoomsView>({ rooms: [], archived: [], invites: [], status: 'live' });
  readonly unread = new WritableStore<UnreadView>({ messages: 0, mentions: 0, rooms: 0 });
  readonly profile = new WritableStore<Profile | undefined>(undefined);
  readonly outgoing = new WritableStore(0);
  /** What `call` and the like answer. */
  readonly answers: Answers = {};
  /** Handles that are open. */
  openHandles = 0;
  readonly #rooms = new Map<string, ScriptedRoom>();
  readonly #users = new Map<string, WritableStore<User | undefined>>();
  readonly #presence = new Map<string, WritableStore<PresenceView>>();
  readonly #listeners = new Set<(notice: ChatNotice) => void>();

  constructor({ me, users = [] }: ChatScript) {
    this.me = new WritableStore<string | undefined>(me);
    for (const user of users) this.user(user.id).set(user);
  }

  addRoom(view: RoomView, script: TimelineScript, members: readonly Member[] = []): ScriptedRoom {
    const room = new ScriptedRoom(this, view, script, members);
    this.#rooms.set(view.id, room);
    this.rooms.update((rooms) => ({ ...rooms, rooms: [...rooms.rooms, view] }));
    return room;
  }

  room(id: string): ScriptedRoom {
    const room = this.#rooms.get(id);
    if (room === undefined) throw new Error(`the script has no room ${id}`);
    this.openHandles++;
    return room;
  }

  user(id: string): WritableStore<User | undefined> {
    return stored(this.#users, id, () => undefined);
  }

  presence(user: string): WritableStore<PresenceView> {
    return stored(this.#presence, user, () => ({ user, status: 'unknown' }));
  }

  onNotice(listener: (notice: ChatNotice) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  tell(notice: ChatNotice): void {
    for (const listener of this.#listeners) listener(notice);
  }

  async call<Name extends ChatCommandName>(name: Name, input: ChatInput<Name>): Promise<ChatOutput<Name>> {
    const answer = this.answers[name];
    if (answer === undefined) throw TidingsError.of('offline');
    return answer(input);
  }

  search(input: ChatInput<'search'>): Promise<ChatOutput<'search'>> {
    return this.call('search', input);
  }

  findRooms(input: ChatInput<'findRooms'>): Promise<ChatOutput<'findRooms'>> {
    return this.call('findRooms', input);
  }

  findUsers(input: ChatInput<'findUsers'>): Promise<ChatOutput<'findUsers'>> {
    return this.call('findUsers', input);
  }

  async attachmentUrl({ url }: Attachment): Promise<string> {
    return url;
  }

  createRoom(): Promise<RoomView> {
    return unscripted();
  }

  direct(): Promise<RoomView> {
    return unscripted();
  }

  async join(id: string): Promise<RoomView> {
    return this.#known(id);
  }

  async acceptInvite(id: string): Promise<RoomView> {
    return this.#known(id);
  }

  async declineInvite(): Promise<void> {}

  setProfile(): Promise<Profile> {
    return unscripted();
  }

  #known(id: string): RoomView {
    const { rooms, invites } = this.rooms.get();
    const view = [...rooms, ...invites].find((room) => room.id === id);
    if (view === undefined) throw TidingsError.of('invalid', `no room ${id}`);
    return view;
  }
}

export class ScriptedRoom extends ScriptedTimeline implements ChatRoom {
  readonly id: string;
  readonly view: WritableStore<RoomView | undefined>;
  readonly members: WritableStore<MembersView>;
  readonly receipts = new WritableStore<ReceiptsView>({ read: new Map(), delivered: new Map() });
  readonly pins = new WritableStore<readonly Message[]>([]);
  readonly threads = new WritableStore<readonly ThreadView[]>([]);
  readonly gone = new WritableStore<{ readonly code: number; readonly message: string } | undefined>(undefined);
  readonly visible = new WritableStore(false);
  readonly #chat: ScriptedChat;
  readonly #threads = new Map<number, ScriptedThread>();

  constructor(chat: ScriptedChat, view: RoomView, script: TimelineScript, members: readonly Member[]) {
    super(view.id, chat.me.get() ?? '', script);
    this.#chat = chat;
    this.id = view.id;
    this.view = new WritableStore<RoomView | undefined>(view);
    this.members = new WritableStore<MembersView>({ members, hasMore: false, status: 'live' });
  }

  addThread(view: ThreadView, script: TimelineScript): ScriptedThread {
    const thread = new ScriptedThread(this.#chat, view, script);
    this.#threads.set(view.threadSeq, thread);
    return thread;
  }

  thread(threadSeq: number): ScriptedThread {
    const thread = this.#threads.get(threadSeq);
    if (thread === undefined) throw new Error(`the script has no thread ${threadSeq}`);
    this.#chat.openHandles++;
    return thread;
  }

  setVisible(isVisible: boolean): void {
    this.visible.set(isVisible);
  }

  async loadMoreMembers(): Promise<void> {}
  async markUnread(seq: number): Promise<void> {
    this.done.push(['markUnread', seq]);
  }
  async pin(seq: number): Promise<void> {
    this.done.push(['pin', seq]);
  }
  async unpin(seq: number): Promise<void> {
    this.done.push(['unpin', seq]);
  }
  async vote(seq: number, options: readonly string[]): Promise<void> {
    this.done.push(['vote', seq, options]);
    this.replace(seq, (message) => ({ ...message, ownVotes: options }));
  }
  async change(): Promise<void> {}
  async invite(): Promise<void> {}
  async kick(): Promise<void> {}
  async leave(): Promise<void> {}
  async setPinned(): Promise<void> {}
  async setArchived(): Promise<void> {}
  async setMuted(): Promise<void> {}
  upload(): Promise<Attachment> {
    return unscripted();
  }
  async close(): Promise<void> {
    this.#chat.openHandles--;
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

export class ScriptedThread extends ScriptedTimeline implements ChatThread {
  readonly threadSeq: number;
  readonly view: WritableStore<ThreadView>;
  readonly #chat: ScriptedChat;

  constructor(chat: ScriptedChat, view: ThreadView, script: TimelineScript) {
    super(view.room, chat.me.get() ?? '', script);
    this.#chat = chat;
    this.threadSeq = view.threadSeq;
    this.view = new WritableStore(view);
  }

  async setFollowing(isFollowing: boolean): Promise<void> {
    this.view.update((view) => ({ ...view, isFollowing }));
  }
  setVisible(): void {}
  async close(): Promise<void> {
    this.#chat.openHandles--;
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** A line of the list of rooms from what matters about it. */
export function roomView(parts: Partial<RoomView> & { readonly id: string }): RoomView {
  const { id, kind = 'group', title = id } = parts;
  const room = {
    id,
    kind,
    name: title,
    createdBy: 'ann',
    createdAt: 0,
    lastSeq: 0,
    lastAt: parts.lastAt ?? 0,
    rev: 0,
    countable: 0,
    memberCount: 3,
  };
  const membership = {
    room: id,
    user: 'me',
    role: 'member',
    joinedAt: 0,
    state: 'member',
    readSeq: 0,
    deliveredSeq: 0,
    readCountable: 0,
    unread: 0,
    mentions: 0,
  } as const;
  return {
    kind,
    title,
    room,
    membership,
    lastAt: 0,
    unread: 0,
    mentions: 0,
    isPinned: false,
    isArchived: false,
    isMuted: false,
    isInvited: false,
    ...parts,
    id,
  };
}

function stored<T>(stores: Map<string, WritableStore<T>>, key: string, first: () => T): WritableStore<T> {
  let store = stores.get(key);
  if (store === undefined) stores.set(key, (store = new WritableStore(first())));
  return store;
}

function unscripted(): Promise<never> {
  return Promise.reject(TidingsError.of('offline'));
}
