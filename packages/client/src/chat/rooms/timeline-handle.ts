/** What an application holds of a timeline; `RoomHandle` and `ThreadHandle` are ones. */
import { TidingsError } from '../../error.ts';
import type { Store } from '../../store.ts';
import type { ChatContext } from '../chat-context.ts';
import type { Outgoing, Timeline } from '../chat.ts';
import { newClientId } from '../client-id.ts';
import type { Drafts } from '../drafts.ts';
import type { TimelineState } from '../timeline/timeline-state.ts';
import type { MessagesView } from '../views.ts';
import type { OpenRoom } from './open-room.ts';
import { TypingSignal } from './typing-signal.ts';

export abstract class TimelineHandle implements Timeline {
  readonly messages: Store<MessagesView>;
  readonly typing: Store<readonly string[]>;
  readonly draft: Store<string>;
  protected readonly context: ChatContext;
  protected readonly open: OpenRoom;
  protected readonly timeline: TimelineState;
  readonly #drafts: Drafts;
  readonly #signal: TypingSignal;

  constructor(context: ChatContext, open: OpenRoom, timeline: TimelineState, drafts: Drafts) {
    this.context = context;
    this.open = open;
    this.timeline = timeline;
    this.#drafts = drafts;
    this.messages = timeline.messages;
    this.typing = open.typing.in(timeline.threadSeq);
    this.draft = drafts.in(open.id, timeline.threadSeq);
    this.#signal = new TypingSignal(context, open.id, timeline.threadSeq);
  }

  abstract markRead(seq?: number): Promise<void>;

  setDraft(text: string): void {
    this.#drafts.set(this.open.id, this.timeline.threadSeq, text);
  }

  setTyping(text: string): void {
    this.#signal.set(text);
  }

  loadBefore(): Promise<void> {
    return this.timeline.loadBefore();
  }

  loadAfter(): Promise<void> {
    return this.timeline.loadAfter();
  }

  jumpTo(seq: number): Promise<void> {
    return this.timeline.jumpTo(seq);
  }

  jumpToLatest(): Promise<void> {
    this.open.comeBack();
    return this.timeline.jumpToLatest();
  }

  send(outgoing: Outgoing): string {
    const { text = '', data, files = [] } = outgoing;
    if (text.trim() === '' && data === undefined && files.length === 0) {
      throw TidingsError.of('invalid', 'a message has text, data or files');
    }
    const clientId = newClientId();
    this.#signal.sent();
    // What waits to be sent is shown at the end.
    this.timeline.jumpToLatest().catch(() => undefined);
    // It is shown all the same if the device cannot keep it.
    this.context.outbox.add(this.open.id, clientId, outgoing, this.timeline.threadSeq).catch(() => undefined);
    return clientId;
  }

  retry(key: string): void {
    this.context.outbox.retry(key);
  }

  discard(key: string): void {
    this.context.outbox.discard(key);
  }

  edit(seq: number, text: string): Promise<void> {
    const version = this.open.message(seq)?.version ?? 0;
    const input = { room: this.open.id, seq, text };
    return this.open.change(seq, { kind: 'edit', text, version, at: this.context.clock.now() }, () =>
      this.context.call('edit', input),
    );
  }

  delete(seq: number): Promise<void> {
    return this.open.change(seq, { kind: 'delete', at: this.context.clock.now() }, () =>
      this.context.call('delete', { room: this.open.id, seq }),
    );
  }

  react(seq: number, emoji: string): Promise<void> {
    return this.#react(seq, emoji, true);
  }

  unreact(seq: number, emoji: string): Promise<void> {
    return this.#react(seq, emoji, false);
  }

  protected leaveTimeline(): void {
    this.#signal.set('');
    this.#drafts.flush(this.open.id, this.timeline.threadSeq);
  }

  async #react(seq: number, emoji: string, isOn: boolean): Promise<void> {
    const { id } = this.open;
    const count = this.open.message(seq)?.reactions?.[emoji] ?? 0;
    await this.open.change(seq, { kind: 'react', emoji, isOn, count }, async () => {
      const { message, own } = await this.context.call(isOn ? 'react' : 'unreact', { room: id, seq, emoji });
      this.open.heardOwn(seq, message.rev, own);
      return { message };
    });
  }
}
