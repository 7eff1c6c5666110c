/** Marks a room as read while the person looks at its latest messages, and as unread when asked. */
import { TidingsError } from '../../error.ts';
import type { ChatContext } from '../chat-context.ts';
import { Coalesced } from '../coalesced.ts';
import type { Message } from '../publications.ts';
import { isCountable } from './room-lines.ts';
import type { RoomList } from './room-list.ts';

/** Between two marks, however fast messages come. */
const everyMs = 500;

export interface ReadMarksRoom {
  readonly id: string;
  /** The latest message of the room that is here, in a thread or not. */
  readonly latestSeq: number;
  readonly main: {
    readonly isCurrent: boolean;
    readonly stretch: { readonly messages: readonly Message[]; readonly hasAfter: boolean };
  };
}

export class ReadMarks {
  readonly #context: ChatContext;
  readonly #list: RoomList;
  readonly #room: ReadMarksRoom;
  readonly #lookers = new Set<object>();
  readonly #soon: Coalesced;
  /** The person marked it as unread while looking, or the server refused: it stays so until they look anew. */
  #isHeld = false;
  #nextAtMs = 0;
  #isMarking = false;

  constructor(context: ChatContext, list: RoomList, room: ReadMarksRoom) {
    this.#context = context;
    this.#list = list;
    this.#room = room;
    this.#soon = new Coalesced(context.clock, everyMs, () => this.look());
  }

  get isVisible(): boolean {
    return this.#lookers.size > 0;
  }

  setVisible(looker: object, isVisible: boolean): void {
    if (!isVisible) this.#lookers.delete(looker);
    else if (!this.#lookers.has(looker)) {
      this.#lookers.add(looker);
      this.#isHeld = false;
      this.look();
    }
  }

  /** Something moved: if the person looks at it, it is read. */
  look(): void {
    const { main, latestSeq } = this.#room;
    const { stretch, isCurrent } = main;
    const membership = this.#list.line(this.#room.id)?.membership;
    if (!this.isVisible || this.#isHeld || !isCurrent || stretch.hasAfter || membership?.state !== 'member') return;
    const shownSeq = stretch.messages.at(-1)?.seq ?? 0;
    if (shownSeq <= membership.readSeq && membership.unread + membership.mentions === 0) return;
    if (this.#context.connection.state.get().status !== 'online') return;
    if (this.#isMarking || this.#context.clock.now() < this.#nextAtMs) {
      this.#soon.want();
      return;
    }
    this.#nextAtMs = this.#context.clock.now() + everyMs;
    this.#isMarking = true;
    this.read(latestSeq)
      .catch((error: unknown) => {
        // What is refused for good is not tried again and again.
        if (!(error instanceof TidingsError && error.isTemporary)) this.#isHeld = true;
      })
      .finally(() => {
        this.#isMarking = false;
      });
  }

  /** @param seq of the message up to which it was read; the latest that is here without it. */
  async read(seq: number = this.#room.latestSeq): Promise<void> {
    if (seq <= 0) return;
    const { id } = this.#room;
    await this.#list.marked(id, seq, this.#unreadAbove(seq), () => this.#context.call('markRead', { room: id, seq }));
  }

  async unread(seq: number): Promise<void> {
    this.#isHeld = true;
    const { id } = this.#room;
    await this.#list.marked(id, seq, undefined, () => this.#context.call('markUnread', { room: id, seq }));
  }

  close(): void {
    this.#soon.cancel();
    this.#lookers.clear();
  }

  /** As far as this device can tell; the answer says it. */
  #unreadAbove(seq: number): number {
    const { messages, hasAfter } = this.#room.main.stretch;
    const first = messages[0]?.seq;
    if (hasAfter || first === undefined || seq < first) {
      return this.#list.line(this.#room.id)?.membership.unread ?? 0;
    }
    return messages.filter((message) => message.seq > seq && isCountable(message)).length;
  }
}
