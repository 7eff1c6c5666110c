/** What an application holds of a thread. */
import type { Store } from '../../store.ts';
import type { ChatContext } from '../chat-context.ts';
import type { ChatThread } from '../chat.ts';
import { Coalesced } from '../coalesced.ts';
import type { Drafts } from '../drafts.ts';
import type { ThreadView } from '../views.ts';
import type { OpenRoom } from './open-room.ts';
import { TimelineHandle } from './timeline-handle.ts';

const readMs = 500;

export class ThreadHandle extends TimelineHandle implements ChatThread {
  readonly room: string;
  readonly threadSeq: number;
  readonly view: Store<ThreadView>;
  readonly #read: Coalesced;
  readonly #stop: () => void;
  readonly #onClosed: (handle: ThreadHandle) => void;
  #isVisible = false;
  #readSeq = 0;
  #isClosed = false;

  constructor(
    context: ChatContext,
    open: OpenRoom,
    drafts: Drafts,
    threadSeq: number,
    onClosed: (handle: ThreadHandle) => void,
  ) {
    const thread = open.threads.enter(threadSeq);
    super(context, open, thread.timeline, drafts);
    this.#onClosed = onClosed;
    this.room = open.id;
    this.threadSeq = threadSeq;
    this.view = thread.view;
    this.#read = new Coalesced(context.clock, readMs, () => void this.markRead().catch(() => undefined));
    this.#stop = this.messages.subscribe(() => this.#look());
  }

  async markRead(seq?: number): Promise<void> {
    const { stretch } = this.timeline;
    const upTo = seq ?? stretch.messages.at(-1)?.seq;
    if (upTo === undefined || upTo <= this.#readSeq) return;
    const { room, threadSeq } = this;
    const state = await this.context.call('markThreadRead', { room, threadSeq, seq: upTo });
    this.#readSeq = state.readSeq;
    this.open.threads.told(state);
  }

  async setFollowing(isFollowing: boolean): Promise<void> {
    const { room, threadSeq } = this;
    const state = await this.context.call(isFollowing ? 'followThread' : 'unfollowThread', { room, threadSeq });
    this.open.threads.told(state);
  }

  setVisible(isVisible: boolean): void {
    this.#isVisible = isVisible;
    this.timeline.setVisible(this, isVisible);
    this.#look();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.leaveTimeline();
    this.timeline.setVisible(this, false);
    this.#stop();
    this.#read.cancel();
    this.open.threads.leave(this.threadSeq);
    this.#onClosed(this);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #look(): void {
    const { stretch, isCurrent } = this.timeline;
    if (!this.#isVisible || !isCurrent || stretch.hasAfter) return;
    if ((stretch.messages.at(-1)?.seq ?? 0) > this.#readSeq) this.#read.want();
  }
}
