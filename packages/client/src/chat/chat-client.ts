/**
 * Chat, put together: the parts know each other only through what is given to them here. It begins as soon as the user is
 * known, with what the device remembers; the connection may come later.
 */
import type { Clock } from '../clock.ts';
import type { Connection } from '../connection/connection.ts';
import { deferred } from '../deferred.ts';
import { TidingsError } from '../error.ts';
import { isPageVisible, onPageHidden } from '../page.ts';
import { WritableStore, type Store } from '../store.ts';
import { NoticeOnce } from '../tabs/notice-once.ts';
import type { ChatCache } from './cache/chat-cache.ts';
import type { ChatContext } from './chat-context.ts';
import { DeferredOutbox, type ChatStorage } from './chat-storage.ts';
import type { CallOptions, Chat, ChatCommandName, ChatInput, ChatNotice, ChatOutput, ChatRoom } from './chat.ts';
import { Drafts } from './drafts.ts';
import { Presences } from './presences.ts';
import type { Attachment, Message, Profile, RoomListItem, User, UserPublication } from './publications.ts';
import { DeliveredMarks } from './rooms/delivered-marks.ts';
import { Notices } from './rooms/notices.ts';
import { OpenRooms } from './rooms/open-rooms.ts';
import { RoomList } from './rooms/room-list.ts';
import { toRoomView } from './rooms/room-views.ts';
import { AttachmentUrls } from './uploads/attachment-urls.ts';
import { UserChannel } from './user-channel.ts';
import { Users } from './users.ts';
import type { PresenceView, RoomsView, RoomView, UnreadView } from './views.ts';

export interface ChatClientParts {
  readonly connection: Connection;
  readonly clock: Clock;
  /** Opens what is kept for this user; empty: of nobody. It must not fail: where nothing can be kept, memory will do. */
  openStorage(user: string): Promise<ChatStorage>;
}

/** Tabs tell each other that what the device keeps is cleared. */
const clearTopic = 'chat-clear';

/** No longer in the room; as the server's error of this name. */
const notMember = { code: 603, message: 'not a member of the room' };

export class ChatClient implements Chat, AsyncDisposable {
  readonly me: Store<string | undefined>;
  readonly rooms: Store<RoomsView>;
  readonly unread: Store<UnreadView>;
  readonly profile = new WritableStore<Profile | undefined>(undefined);
  readonly outgoing = new WritableStore(0);
  readonly #connection: Connection;
  readonly #parts: ChatClientParts;
  readonly #context: ChatContext;
  readonly #outbox: DeferredOutbox;
  readonly #users: Users;
  readonly #drafts: Drafts;
  readonly #presences: Presences;
  readonly #list: RoomList;
  readonly #open: OpenRooms;
  readonly #delivered: DeliveredMarks;
  readonly #notices: Notices;
  readonly #urls: AttachmentUrls;
  readonly #stops: (() => void)[] = [];
  readonly #storage = deferred<ChatStorage | undefined>();
  #once: NoticeOnce | undefined;
  #channel: UserChannel | undefined;
  #startedFor: string | undefined;
  /** It may have become another one that was not told. */
  #isProfileStale = true;
  /** Writes to the device, one after the other. */
  #writes: Promise<unknown> = Promise.resolve();
  #isWriting = false;
  /** Nothing more is written: it is closed, or the user has signed out, here or in another tab. */
  #isForgetful = false;
  #closing: Promise<void> | undefined;

  constructor(parts: ChatClientParts) {
    const { connection, clock } = parts;
    this.#parts = parts;
    this.#connection = connection;
    this.me = connection.user;
    this.#outbox = new DeferredOutbox(() => clock.now());
    const context: ChatContext = {
      connection,
      clock,
      me: connection.user,
      outbox: this.#outbox,
      call: (name, input, options) => connection.call(`chat.${name}`, input, options),
      recall: (read) => this.#recall(read),
      remember: (write) => this.#remember(write),
    };
    this.#context = context;
    this.#users = new Users(context, () => this.#list.changed());
    this.#drafts = new Drafts(context, () => this.#list.changed());
    this.#presences = new Presences(context);
    this.#list = new RoomList(context, {
      user: (id) => this.#users.get(id),
      wantUser: (id) => this.#users.want(id),
      draft: (room) => this.#drafts.of(room),
      onLine: (line, before, isNews) => this.#onLine(line, before, isNews),
      onMessage: (message) => this.#notices.message(message),
      onGone: (room) => {
        this.#drafts.gone(room);
        this.#open.get(room)?.leave(notMember);
      },
      onSynced: (snapshot) => this.#onSynced(snapshot),
    });
    this.rooms = this.#list.rooms;
    this.unread = this.#list.unread;
    this.#delivered = new DeliveredMarks(context, this.#list);
    this.#notices = new Notices(context, this.#list, {
      decide: async (key, room) => {
        await this.#storage.promise;
        return this.#once?.decide(key, room) ?? false;
      },
    });
    this.#open = new OpenRooms(context, this.#list, this.#drafts);
    this.#urls = new AttachmentUrls(connection, clock);
    this.#stops.push(
      connection.user.subscribe(() => this.#start()),
      connection.state.subscribe(() => this.#connectionChanged()),
      this.#outbox.entries.subscribe(() => {
        this.outgoing.set(this.#outbox.entries.get().filter(({ failure }) => !failure).length);
      }),
      this.#outbox.onSent((message) => this.#receive(message)),
      onPageHidden(() => this.#flush()),
    );
    this.#start();
  }

  room(id: string): ChatRoom {
    return this.#open.open(id);
  }

  user(id: string): Store<User | undefined> {
    return this.#users.user(id);
  }

  presence(user: string): Store<PresenceView> {
    return this.#presences.presence(user);
  }

  onNotice(listener: (notice: ChatNotice) => void): () => void {
    return this.#notices.on(listener);
  }

  call<Name extends ChatCommandName>(
    name: Name,
    input: ChatInput<Name>,
    options?: CallOptions,
  ): Promise<ChatOutput<Name>> {
    return this.#context.call(name, input, options);
  }

  async createRoom(input: ChatInput<'createRoom'>): Promise<RoomView> {
    return this.#enter(undefined, this.#create(input));
  }

  direct(user: string): Promise<RoomView> {
    return this.createRoom({ kind: 'direct', peer: user });
  }

  findRooms(input: ChatInput<'findRooms'>, options?: CallOptions): Promise<ChatOutput<'findRooms'>> {
    return this.call('findRooms', input, options);
  }

  async join(room: string): Promise<RoomView> {
    return this.#enter(
      room,
      this.call('join', { room }).then(({ item }) => item),
    );
  }

  async acceptInvite(room: string): Promise<RoomView> {
    return this.#enter(
      room,
      this.call('acceptInvite', { room }).then(({ item }) => item),
    );
  }

  async declineInvite(room: string): Promise<void> {
    await this.call('declineInvite', { room });
    this.#list.gone(room);
  }

  search(input: ChatInput<'search'>, options?: CallOptions): Promise<ChatOutput<'search'>> {
    return this.call('search', input, options);
  }

  async findUsers(input: ChatInput<'findUsers'>, options?: CallOptions): Promise<ChatOutput<'findUsers'>> {
    const found = await this.call('findUsers', input, options);
    this.#users.heard(found.users);
    return found;
  }

  async setProfile(input: ChatInput<'setProfile'>): Promise<Profile> {
    const { profile } = await this.call('setProfile', input);
    this.#heardProfile(profile);
    return profile;
  }

  attachmentUrl(attachment: Attachment): Promise<string> {
    return this.#urls.url(attachment);
  }

  /** Forgets everything of this user on this device, and writes nothing there any more. */
  async clear(): Promise<void> {
    this.#isForgetful = true;
    if (this.#startedFor === undefined) return;
    const storage = await this.#storage.promise;
    storage?.tabs.send(clearTopic, undefined);
    await this.#writes;
    await Promise.all([storage?.outbox.clear(), storage?.cache.clear()]);
  }

  /** Another tab has cleared what the device keeps. This one goes on, and writes nothing there any more. */
  async #clearedElsewhere({ cache }: ChatStorage): Promise<void> {
    this.#isForgetful = true;
    if (!this.#isWriting) return;
    // What was on its way may have come behind the clearing.
    await this.#writes;
    await cache.clear().catch(() => undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    for (const stop of this.#stops) stop();
    this.#flush();
    this.#open.close();
    this.#channel?.close();
    this.#list.close();
    this.#users.close();
    this.#presences.close();
    this.#delivered.close();
    this.#notices.close();
    this.#once?.[Symbol.dispose]();
    await this.#writes;
    this.#isForgetful = true;
    if (this.#startedFor === undefined) this.#storage.resolve(undefined);
    await (await this.#storage.promise)?.[Symbol.asyncDispose]();
  }

  /** What waits for a moment before it is written down or saved is not to wait any longer. */
  #flush(): void {
    for (const room of this.#open) room.flush();
    this.#list.keep();
    this.#channel?.flush();
    this.#drafts.flushAll();
  }

  /** With the first user there is; if there is none when it is online, for nobody. */
  #start(): void {
    const me = this.me.get() ?? (this.#connection.state.get().status === 'online' ? '' : undefined);
    if (me === undefined || this.#startedFor !== undefined) return;
    this.#startedFor = me;
    void this.#begin(me);
  }

  async #begin(me: string): Promise<void> {
    try {
      const storage = await this.#parts.openStorage(me);
      this.#stops.push(storage.tabs.onMessage(clearTopic, () => void this.#clearedElsewhere(storage)));
      this.#outbox.open(storage.outbox);
      this.#once = new NoticeOnce({
        tabs: storage.tabs,
        clock: this.#parts.clock,
        isVisible: isPageVisible,
        showsRoom: (room) => this.#open.get(room)?.reads.isVisible === true,
      });
      this.#storage.resolve(storage);
    } catch {
      // One of the application's own; nothing can be sent, and the rest works.
      this.#storage.resolve(undefined);
    }
    const state = await this.#recall((cache) => cache.load());
    if (state) {
      this.#users.recall(state.users);
      this.#drafts.recall(state.drafts);
      if (state.profile && !this.profile.get()) {
        this.profile.set(state.profile);
        this.#isProfileStale = false;
      }
      this.#list.recall(state.rooms);
    }
    if (this.#closing) return;
    if (me === '') {
      const why = 'chat knows no user: the token has no `sub`, and the client was given no `user`';
      this.#list.fail(TidingsError.of('invalid', why));
      return;
    }
    this.#channel = new UserChannel(this.#context, me, state?.position, {
      live: (isWhole) => {
        this.#list.live(isWhole && state !== undefined);
        if (!isWhole) {
          this.#isProfileStale = true;
          for (const room of this.#open) room.doubtOwn();
        }
        if (this.#isProfileStale) void this.#readProfile();
      },
      heard: (publication) => this.#heard(publication),
      isCurrent: () => this.#list.isCurrent,
      keep: () => this.#list.keep(),
      ended: ({ code, message }) =>
        this.#list.fail(new TidingsError(code, `the server has no chat for this user: ${message}`)),
    });
  }

  #connectionChanged(): void {
    if (this.#connection.state.get().status !== 'online') return;
    this.#start();
    this.#users.online();
    this.#presences.online();
    this.#drafts.online();
    this.#delivered.look();
  }

  async #readProfile(): Promise<void> {
    try {
      const { profile } = await this.call('profile', {});
      // What was heard meanwhile may be later.
      if (this.#isProfileStale) this.#heardProfile(profile);
    } catch {
      // With the next connection.
    }
  }

  #heardProfile(profile: Profile): void {
    this.#isProfileStale = false;
    this.profile.set(profile);
    this.#users.heard([profile]);
    this.#remember((cache) => cache.putProfile(profile));
  }

  #heard(publication: UserPublication): void {
    switch (publication.type) {
      case 'activity':
        return this.#list.activity(publication);
      case 'mention':
        this.#list.want(publication.message.room);
        return this.#notices.message(publication.message, 'mention');
      case 'room':
        return this.#list.told(publication.item);
      case 'roomGone':
        return this.#list.gone(publication.room);
      case 'read': {
        const { type: _, ...read } = publication;
        return this.#list.read(read);
      }
      case 'message':
        return this.#receive(publication.message);
      case 'own':
        return this.#open.get(publication.room)?.heardOwn(publication.seq, publication.rev, publication);
      case 'draft':
        return this.#drafts.heard(publication.draft);
      case 'thread':
        return this.#open.get(publication.room)?.threads.told(publication);
      case 'profile':
        return this.#heardProfile(publication.profile);
      case 'block':
      case 'restriction':
      case 'scheduled':
        // Whoever shows these asks for them by `call`.
        return undefined;
    }
  }

  #receive(message: Message): void {
    const room = this.#open.get(message.room);
    if (room) room.receive([message]);
    else this.#list.message(message);
  }

  #onLine(line: RoomListItem, before: RoomListItem | undefined, isNews: boolean): void {
    this.#notices.line(line, before, isNews);
    if (line.membership.state === 'member') this.#open.get(line.room.id)?.comeBack();
    this.#delivered.look();
  }

  #onSynced({ at, drafts, moreDrafts = false }: ChatOutput<'sync'>): void {
    this.#notices.serverAheadMs = at - this.#context.clock.now();
    this.#drafts.synced(drafts, !moreDrafts);
    this.#delivered.look();
  }

  async #create(input: ChatInput<'createRoom'>): Promise<RoomListItem> {
    const { room, item } = await this.call('createRoom', input);
    const line = item ?? (await this.call('rooms', { rooms: [room.id] })).rooms[0];
    if (!line) throw new TidingsError(notMember.code, notMember.message);
    return line;
  }

  async #enter(room: string | undefined, answer: Promise<RoomListItem>): Promise<RoomView> {
    const line = await this.#list.answered(room, answer);
    this.#list.show();
    return this.#list.view(line.room.id) ?? toRoomView({ line, peer: undefined, draft: undefined, isMuted: false });
  }

  async #recall<T>(read: (cache: ChatCache) => Promise<T>): Promise<T | undefined> {
    const storage = await this.#storage.promise;
    try {
      return storage && (await read(storage.cache));
    } catch {
      return undefined;
    }
  }

  #remember(write: (cache: ChatCache) => Promise<unknown>): void {
    if (this.#isForgetful) return;
    this.#writes = this.#writes.then(async () => {
      if (this.#isForgetful) return;
      this.#isWriting = true;
      await this.#recall(write);
      this.#isWriting = false;
    });
  }
}
