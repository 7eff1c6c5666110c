/**
 * The threads of a room: those the user follows, and the timelines of those that are open. Replies come on the channel of
 * the room. How many are unread only the server knows: it is asked again, a moment after something moved.
 */
import { WritableStore } from '../../store.ts';
import { WatchedStore } from '../../watched-store.ts';
import type { ChatContext } from '../chat-context.ts';
import { Coalesced } from '../coalesced.ts';
import type { Message, UserPublication } from '../publications.ts';
import { MessageViews, type ViewParts } from '../timeline/message-views.ts';
import { newerOf } from '../timeline/stretch.ts';
import { TimelineState, type TimelineRoom } from '../timeline/timeline-state.ts';
import type { ThreadView } from '../views.ts';

type Told = Extract<UserPublication, { type: 'thread' }>;

const againMs = 500;
const maxFollowed = 100;

export interface ThreadRoom extends TimelineRoom {
  message(seq: number): Message | undefined;
  partsOf(message: Message): ViewParts;
}

interface Followed {
  readonly unread: number;
  readonly isFollowing: boolean;
}

export interface OpenThread {
  readonly timeline: TimelineState;
  readonly view: WritableStore<ThreadView>;
  handles: number;
}

export class Threads {
  readonly view: WatchedStore<readonly ThreadView[]>;
  readonly #context: ChatContext;
  readonly #room: ThreadRoom;
  readonly #open = new Map<number, OpenThread>();
  readonly #roots = new Map<number, Message>();
  readonly #views = new MessageViews();
  readonly #again: Coalesced;
  /** The thread with the latest reply first. */
  #followed = new Map<number, Followed>();
  #isAsking = false;

  constructor(context: ChatContext, room: ThreadRoom) {
    this.#context = context;
    this.#room = room;
    this.#again = new Coalesced(context.clock, againMs, () => void this.#ask());
    this.view = new WatchedStore<readonly ThreadView[]>([], () => void this.#ask());
  }

  /** One more handle uses it; `leave` gives it back. */
  enter(threadSeq: number): OpenThread {
    let thread = this.#open.get(threadSeq);
    if (!thread) {
      const timeline = new TimelineState(this.#context, this.#room, threadSeq);
      thread = { timeline, view: new WritableStore(this.#viewOf(threadSeq)), handles: 0 };
      this.#open.set(threadSeq, thread);
      void timeline.reload();
      void this.#readRoot(threadSeq);
      this.#again.want();
    }
    thread.handles++;
    return thread;
  }

  leave(threadSeq: number): void {
    const thread = this.#open.get(threadSeq);
    if (!thread || --thread.handles > 0) return;
    thread.timeline.close();
    this.#open.delete(threadSeq);
  }

  *timelines(): IterableIterator<TimelineState> {
    for (const { timeline } of this.#open.values()) yield timeline;
  }

  /** The room is live again. */
  online(): void {
    this.#moved();
    for (const threadSeq of this.#open.keys()) void this.#readRoot(threadSeq);
  }

  receive(messages: readonly Message[]): void {
    for (const message of messages) {
      const root = this.#roots.get(message.seq);
      if (root) this.#roots.set(message.seq, newerOf(root, message));
    }
    if (messages.some(({ threadSeq, thread }) => threadSeq !== undefined || thread)) this.#moved();
    this.show();
  }

  /** Followed, no longer followed, or read, here or on another device. */
  told({ threadSeq, following }: Pick<Told, 'threadSeq' | 'following'>): void {
    const unread = this.#followed.get(threadSeq)?.unread ?? 0;
    this.#followed.set(threadSeq, { unread, isFollowing: following });
    this.show();
    this.#moved();
  }

  show(): void {
    for (const [threadSeq, { view }] of this.#open) setIfOther(view, this.#viewOf(threadSeq));
    const before = this.view.get();
    const views = [...this.#followed].flatMap(([threadSeq, { isFollowing }]) => {
      if (!isFollowing) return [];
      const view = this.#viewOf(threadSeq);
      const old = before.find((other) => other.threadSeq === threadSeq);
      return old && isSameThread(old, view) ? old : view;
    });
    if (views.length !== before.length || views.some((view, at) => view !== before[at])) this.view.set(views);
  }

  close(): void {
    this.#again.cancel();
    for (const { timeline } of this.#open.values()) timeline.close();
    this.#open.clear();
  }

  #moved(): void {
    if (this.view.isWatched || this.#open.size > 0) this.#again.want();
  }

  async #ask(): Promise<void> {
    this.#again.cancel();
    if (this.#isAsking) return this.#again.want();
    this.#isAsking = true;
    try {
      const { threads } = await this.#context.call('threads', { room: this.#room.id, limit: maxFollowed });
      this.#followed = new Map(
        threads.map(({ threadSeq, unread, following }) => [threadSeq, { unread, isFollowing: following }]),
      );
      for (const { message } of threads) this.#keepRoot(message);
      this.show();
    } catch {
      // Asked again when something moves, or the room is live again.
    } finally {
      this.#isAsking = false;
    }
  }

  async #readRoot(threadSeq: number): Promise<void> {
    const known = this.#room.message(threadSeq);
    if (known) this.#keepRoot(known);
    else {
      try {
        this.#keepRoot((await this.#context.call('message', { room: this.#room.id, seq: threadSeq })).message);
      } catch {
        return;
      }
    }
    this.show();
  }

  #keepRoot(message: Message): void {
    const known = this.#roots.get(message.seq);
    this.#roots.set(message.seq, known ? newerOf(known, message) : message);
  }

  #viewOf(threadSeq: number): ThreadView {
    const root = this.#roots.get(threadSeq);
    const { unread = 0, isFollowing = false } = this.#followed.get(threadSeq) ?? {};
    return {
      room: this.#room.id,
      threadSeq,
      ...(root && { root: this.#views.of(this.#room.partsOf(root)) }),
      unread,
      isFollowing,
    };
  }
}

function isSameThread(a: ThreadView, b: ThreadView): boolean {
  return a.root === b.root && a.unread === b.unread && a.isFollowing === b.isFollowing;
}

function setIfOther(store: WritableStore<ThreadView>, view: ThreadView): void {
  if (!isSameThread(store.get(), view)) store.set(view);
}
