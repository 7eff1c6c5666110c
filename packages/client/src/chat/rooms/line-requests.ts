/** Lines of the room list that are to be asked for: many in a call, one call at a time, with a pause between them. */
import type { ChatContext } from '../chat-context.ts';
import { Coalesced } from '../coalesced.ts';
import type { RoomListItem } from '../publications.ts';

const linesPerCall = 50;
const pauseMs = 200;
const retryMs = 2_000;

export interface LineListener {
  /** Rises with whatever is heard of what the user has with a room. */
  heardOf(room: string): number;
  /**
   * @param line undefined: the user has nothing with this room.
   * @param isCurrent nothing was heard of it while the answer was on its way.
   */
  answered(room: string, line: RoomListItem | undefined, isCurrent: boolean): void;
  /** All lines of an answer have been told. */
  settled(): void;
}

export class LineRequests {
  readonly #context: ChatContext;
  readonly #listener: LineListener;
  readonly #wanted = new Set<string>();
  readonly #next: Coalesced;
  #isAsking = false;
  #nextAtMs = 0;
  #timer: unknown;

  constructor(context: ChatContext, listener: LineListener) {
    this.#context = context;
    this.#listener = listener;
    this.#next = new Coalesced(context.clock, 0, () => void this.#ask());
  }

  get isIdle(): boolean {
    return this.#wanted.size === 0 && !this.#isAsking;
  }

  /** In this order, behind those that are wanted already. */
  want(rooms: readonly string[]): void {
    for (const room of rooms) this.#wanted.add(room);
    this.#askSoon();
  }

  close(): void {
    this.#wanted.clear();
    this.#next.cancel();
    this.#context.clock.clearTimeout(this.#timer);
  }

  #askSoon(): void {
    if (this.#isAsking || this.#wanted.size === 0) return;
    const waitMs = this.#nextAtMs - this.#context.clock.now();
    if (waitMs <= 0) {
      this.#next.want();
      return;
    }
    this.#context.clock.clearTimeout(this.#timer);
    this.#timer = this.#context.clock.setTimeout(() => this.#next.want(), waitMs);
  }

  async #ask(): Promise<void> {
    if (this.#isAsking || this.#context.connection.state.get().status !== 'online') return;
    const asked = [...this.#wanted].slice(0, linesPerCall);
    if (asked.length === 0) return;
    this.#isAsking = true;
    for (const room of asked) this.#wanted.delete(room);
    const heard = asked.map((room) => this.#listener.heardOf(room));
    let lines: Map<string, RoomListItem> | undefined;
    try {
      const { rooms } = await this.#context.call('rooms', { rooms: asked });
      lines = new Map(rooms.map((line) => [line.room.id, line]));
    } catch {
      for (const room of asked) this.#wanted.add(room);
    }
    this.#nextAtMs = this.#context.clock.now() + (lines ? pauseMs : retryMs);
    if (lines) {
      for (const [at, room] of asked.entries()) {
        this.#listener.answered(room, lines.get(room), this.#listener.heardOf(room) === heard[at]);
      }
    }
    this.#isAsking = false;
    this.#listener.settled();
    this.#askSoon();
  }
}
