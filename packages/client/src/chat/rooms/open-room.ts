/**
 * A room in use: its channel, its timelines, and everything around them. There is one for all handles of the same room,
 * and it stays for a while after the last is closed, so that going back is instant.
 *
 * The channel is entered at the position up to which the cache knows the room. What changed since comes as publications;
 * if that is too much, the server says so once, and everything is read anew.
 */
import type { ChannelPosition, ChannelSubscription } from '../../connection/connection.ts';
import { WritableStore } from '../../store.ts';
import type { ChatContext } from '../chat-context.ts';
import type { ChatOutput } from '../chat.ts';
import { Coalesced } from '../coalesced.ts';
import { maxCachedMessages } from '../cache/chat-cache.ts';
import type { Message, RoomPublication } from '../publications.ts';
import type { ViewParts } from '../timeline/message-views.ts';
import { OptimisticChanges, type Change } from '../timeline/optimistic-changes.ts';
import { OwnStates, type OwnState } from '../timeline/own-states.ts';
import { TimelineState } from '../timeline/timeline-state.ts';
import type { RoomView } from '../views.ts';
import { Members } from './members.ts';
import { Pins } from './pins.ts';
import { ReadMarks } from './read-marks.ts';
import { Receipts } from './receipts.ts';
import type { RoomList } from './room-list.ts';
import { toRoomView } from './room-views.ts';
import { Threads, type ThreadRoom } from './threads.ts';
import { TypingUsers } from './typing-users.ts';

const keepMs = 1_000;
/** Permission denied: what the server says to who may not read the room, or if there is none. */
const deniedCode = 103;

export class OpenRoom implements ThreadRoom {
  readonly id: string;
  readonly main: TimelineState;
  readonly view = new WritableStore<RoomView | undefined>(undefined);
  readonly gone = new WritableStore<{ readonly code: number; readonly message: string } | undefined>(undefined);
  readonly typing: TypingUsers;
  readonly receipts: Receipts;
  readonly members: Members;
  readonly pins: Pins;
  readonly threads: Threads;
  readonly reads: ReadMarks;
  readonly #context: ChatContext;
  readonly #list: RoomList;
  readonly #changes: OptimisticChanges;
  readonly #own = new OwnStates();
  readonly #keep: Coalesced;
  readonly #stops: (() => void)[] = [];
  #subscription: ChannelSubscription | undefined;
  #position: ChannelPosition | undefined;
  /** The cache holds another stretch, which this one does not go on from. */
  #isOtherStretch = true;
  /** The user may have done something on another device that was not heard of. */
  #isOwnDoubtful = false;
  readonly #askOwn: Coalesced;
  #isClosed = false;
  #latestSeq = 0;
  /** All that was ever said is at or before `#latestSeq`: the end was read, and what came since was told. */
  #isEndKnown = false;
  /** The latest message outside of threads that the channel told. */
  #toldSeq = 0;
  /** As the user looked at it last: where "new" is drawn. */
  #readSeqAtOpening: number | undefined;
  /** It was opened before the list of rooms was there, by its address. */
  #isReadSeqUnknown = false;
  /** A room that is not in the list, or not yet. */
  #other: ChatOutput<'room'> | undefined;

  constructor(context: ChatContext, list: RoomList, id: string) {
    this.id = id;
    this.#context = context;
    this.#list = list;
    this.#changes = new OptimisticChanges(() => this.#changed());
    this.#keep = new Coalesced(context.clock, keepMs, () => this.#remember());
    this.#askOwn = new Coalesced(context.clock, 0, () => void this.#readOwn());
    this.typing = new TypingUsers(context.clock);
    this.receipts = new Receipts(context, id, () => this.main.changed());
    this.main = new TimelineState(context, this);
    this.members = new Members(context, id);
    this.pins = new Pins(context, id);
    this.threads = new Threads(context, this);
    this.reads = new ReadMarks(context, list, this);
    this.#stops.push(
      list.rooms.subscribe(() => {
        this.#showView();
        if (this.#isReadSeqUnknown) this.opened();
        this.reads.look();
      }),
      context.outbox.entries.subscribe(() => {
        this.main.show();
        for (const timeline of this.threads.timelines()) timeline.show();
      }),
    );
    this.#showView();
    this.opened();
    void this.#open();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get latestSeq(): number {
    return this.#latestSeq;
  }

  get readSeqAtOpening(): number | undefined {
    return this.#readSeqAtOpening;
  }

  /** Somebody begins to look at it: what is unread now is what is new. */
  opened(): void {
    const membership = this.#list.line(this.id)?.membership;
    this.#isReadSeqUnknown = membership === undefined;
    this.#readSeqAtOpening = membership && membership.unread > 0 ? membership.readSeq : undefined;
    this.main?.changed();
  }

  partsOf(message: Message): ViewParts {
    const { seq, sender, threadSeq } = message;
    const isOwn = sender !== '' && sender === this.#context.me.get();
    const state = threadSeq === undefined ? this.receipts.stateOf(seq) : 'sent';
    return {
      message,
      own: this.#own.of(seq),
      changes: this.#changes.of(seq),
      state: isOwn ? state : 'received',
    };
  }

  onPage({ messages, own }: ChatOutput<'messages'>): void {
    this.#own.heardPage(messages, own);
    this.#latestSeq = Math.max(this.#latestSeq, messages.at(-1)?.seq ?? 0);
  }

  onShown(timeline: TimelineState): void {
    if (timeline !== this.main) return;
    if (timeline.isCurrent && !timeline.stretch.hasAfter) this.#isEndKnown = true;
    this.#keep.want();
    this.reads.look();
  }

  async markUnread(seq: number): Promise<void> {
    await this.reads.unread(seq);
    this.#readSeqAtOpening = seq - 1;
    this.main.show();
  }

  /** Shows a change at once, and takes it back if the server refuses it. */
  change(seq: number, change: Change, work: () => Promise<{ readonly message: Message }>): Promise<void> {
    return this.#changes.during(seq, change, async () => this.receive([(await work()).message]));
  }

  heardVotes(seq: number, rev: number, votes: readonly string[]): void {
    this.heardOwn(seq, rev, { ...this.#own.of(seq), votes });
  }

  heardOwn(seq: number, rev: number, own: OwnState): void {
    if (this.#own.heard(seq, rev, own)) this.#changed();
  }

  /** The user's channel had a gap: what they did on other devices meanwhile was not told. */
  doubtOwn(): void {
    this.#isOwnDoubtful = true;
    if (this.#subscription?.isLive) this.#askOwn.want();
  }

  /** A message of the room as it is loaded. */
  message(seq: number): Message | undefined {
    for (const timeline of [this.main, ...this.threads.timelines()]) {
      const found = timeline.stretch.messages.find((message) => message.seq === seq);
      if (found) return found;
    }
    return undefined;
  }

  /** Messages as answers, other tabs and the user's own channel tell them. */
  receive(messages: readonly Message[]): void {
    this.main.receive(messages);
    for (const timeline of this.threads.timelines()) timeline.receive(messages);
    this.threads.receive(messages);
    this.pins.receive(messages);
    for (const message of messages) {
      this.#latestSeq = Math.max(this.#latestSeq, message.seq);
      this.#list.message(message);
    }
  }

  /** Writes to the device what waits for a moment. */
  flush(): void {
    this.#keep.flush();
  }

  close(): void {
    if (this.#isClosed) return;
    this.flush();
    this.#isClosed = true;
    this.#subscription?.unsubscribe();
    for (const stop of this.#stops) stop();
    this.#askOwn.cancel();
    this.main.close();
    this.threads.close();
    this.receipts.close();
    this.reads.close();
    this.typing.clear();
  }

  async #open(): Promise<void> {
    const cached = await this.#context.recall((cache) => cache.timeline(this.id));
    if (this.#isClosed || this.#subscription) return;
    if (cached) {
      this.#position = cached.position;
      this.#isOtherStretch = false;
      this.#isOwnDoubtful = true;
      const { messages, hasBefore, ownReactions } = cached;
      for (const { seq, rev } of messages) {
        this.#own.heard(seq, rev, { reactions: ownReactions[seq] ?? [], votes: [] });
      }
      this.main.showCached({ messages, hasBefore, hasAfter: false });
    }
    this.#subscribe();
  }

  #subscribe(): void {
    this.#subscription = this.#context.connection.subscribe(
      `chat:room:${this.id}`,
      {
        publication: (data, offset) => this.#heard(data as RoomPublication, offset),
        subscribed: ({ recovered, position }) => this.#live(recovered, position),
        interrupted: () => this.typing.clear(),
        ended: (reason) => this.leave(reason),
      },
      this.#position,
    );
  }

  /** There is nothing more to be had of this room. */
  leave(reason: { readonly code: number; readonly message: string }): void {
    if (this.gone.get()) return;
    this.#subscription?.unsubscribe();
    this.#position = undefined;
    this.gone.set(reason);
    this.main.fail(reason);
    this.#keep.cancel();
    this.#context.remember((cache) => cache.removeRooms([this.id]));
    if (reason.code === deniedCode && this.#list.line(this.id)) this.#list.want(this.id);
  }

  /** The user is in it again, or wants to know whether they are: its channel says so. */
  comeBack(): void {
    if (!this.gone.get() || this.#isClosed) return;
    this.gone.set(undefined);
    this.main.anew();
    this.#subscribe();
  }

  #live(recovered: boolean, position: ChannelPosition | undefined): void {
    if (position) this.#position = position;
    this.gone.set(undefined);
    if (recovered) {
      this.main.onRecovered();
      for (const timeline of this.threads.timelines()) timeline.onRecovered();
      if (this.#isOwnDoubtful) this.#askOwn.want();
    } else {
      this.#isOtherStretch = true;
      this.#isOwnDoubtful = false;
      this.#isEndKnown = false;
      void this.main.reload();
      for (const timeline of this.threads.timelines()) void timeline.reload();
      this.pins.reload();
    }
    void this.receipts.reload(!recovered);
    this.members.online(!recovered);
    this.threads.online();
    const line = this.#list.line(this.id);
    if (!line) void this.#look();
    else if (position && !recovered && line.room.rev < position.offset) this.#list.want(this.id);
  }

  #heard(publication: RoomPublication, offset: number | undefined): void {
    if (offset !== undefined && this.#position) this.#position = { ...this.#position, offset };
    switch (publication.type) {
      case 'message': {
        const { message } = publication;
        const { sender, seq } = message;
        this.typing.ended(sender);
        if (message.threadSeq === undefined) {
          if (this.#isNew(seq)) this.receipts.sent(sender, seq);
          // A page was faster, or it is not known whether it is new; the reading of receipts may have been before it.
          else if (seq > this.#toldSeq) this.receipts.doubt();
          this.#toldSeq = Math.max(this.#toldSeq, seq);
        }
        this.receive([message]);
        return;
      }
      case 'member':
        this.members.told(publication.member);
        this.receipts.member(publication.member);
        this.#list.counted(this.id, publication.memberCount, offset ?? 0);
        return;
      case 'room':
        this.#list.room(publication.room);
        if (this.#other) this.#other = { ...this.#other, room: publication.room };
        this.#showView();
        return;
      case 'typing':
        if (publication.user === this.#context.me.get()) return;
        if (publication.stopped) this.typing.ended(publication.user);
        else this.typing.began(publication.user, publication.threadSeq);
        return;
      case 'receipts':
        this.receipts.told(publication);
    }
  }

  /** False also where that is not known. */
  #isNew(seq: number): boolean {
    const { isCurrent, stretch } = this.main;
    if (!isCurrent) return false;
    const isBehind = stretch.hasAfter && seq > (stretch.messages.at(-1)?.seq ?? 0);
    return isBehind ? this.#isEndKnown && seq > this.#latestSeq : this.main.lacks(seq);
  }

  async #readOwn(): Promise<void> {
    this.#isOwnDoubtful = false;
    try {
      for (const timeline of [this.main, ...this.threads.timelines()]) {
        const doubtful = timeline.stretch.messages.filter((message) => this.#own.isDoubtful(message));
        const [first, last] = [doubtful[0], doubtful.at(-1)];
        if (first && last) await timeline.reread(first.seq, last.seq);
      }
      this.#changed();
    } catch {
      this.#isOwnDoubtful = true;
    }
  }

  /** A room that is not in the list of the user. */
  async #look(): Promise<void> {
    try {
      this.#other = await this.#context.call('room', { room: this.id });
      this.#showView();
    } catch {
      // Its channel says why.
    }
  }

  #showView(): void {
    const listed = this.#list.view(this.id);
    const other = this.#other;
    if (listed) this.view.set(listed);
    else if (other && this.view.get()?.room !== other.room) {
      const { room, membership } = other;
      this.view.set(
        membership
          ? toRoomView({ line: { room, membership }, peer: undefined, draft: undefined, isMuted: false })
          : {
              ...{ id: this.id, kind: room.kind, title: room.name ?? '', room, lastAt: room.lastAt },
              ...{ unread: 0, mentions: 0, isPinned: false, isArchived: false, isMuted: false, isInvited: false },
            },
      );
    }
  }

  /** Of what the user does: shown at once. */
  #changed(): void {
    this.main.show();
    for (const timeline of this.threads.timelines()) timeline.show();
    this.threads.show();
  }

  #remember(): void {
    const { stretch, isCurrent } = this.main;
    const position = this.#position;
    if (!position || !isCurrent || stretch.hasAfter || this.gone.get()) return;
    const messages = stretch.messages.slice(-maxCachedMessages);
    const hasBefore = stretch.hasBefore || messages.length < stretch.messages.length;
    const timeline = { position, messages, hasBefore, ownReactions: this.#own.reactions(messages) };
    const how = this.#isOtherStretch ? 'replace' : 'merge';
    this.#isOtherStretch = false;
    this.#context.remember((cache) => cache.putTimeline(this.id, timeline, how));
  }
}
