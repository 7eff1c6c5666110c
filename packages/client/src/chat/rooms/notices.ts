/**
 * What the person is to be told of: once for each room and moment, not for the room they look at, not for muted ones, and
 * nothing that is old, so that coming back after a time away is not a storm.
 */
import type { ChatContext } from '../chat-context.ts';
import type { ChatNotice } from '../chat.ts';
import { Coalesced } from '../coalesced.ts';
import type { Message, RoomListItem } from '../publications.ts';
import type { RoomList } from './room-list.ts';

const gatherMs = 300;
const freshMs = 120_000;
/** Messages that were told, so that one that comes by two ways is told once. */
const maxTold = 500;

interface Waiting {
  readonly kind: ChatNotice['kind'];
  readonly message?: Message;
}

export interface NoticeNeighbours {
  /** Whether this tab is the one to tell it, and no tab shows the room. */
  decide(key: string, room: string): Promise<boolean>;
}

export class Notices {
  readonly #context: ChatContext;
  readonly #list: RoomList;
  readonly #near: NoticeNeighbours;
  readonly #listeners = new Set<(notice: ChatNotice) => void>();
  readonly #waiting = new Map<string, Waiting>();
  readonly #told = new Set<string>();
  readonly #soon: Coalesced;
  /** By the clock of this device: since then the application listens. */
  readonly #sinceMs: number;
  /** The clock of the server, as far ahead of this device's. */
  serverAheadMs = 0;

  constructor(context: ChatContext, list: RoomList, near: NoticeNeighbours) {
    this.#context = context;
    this.#list = list;
    this.#near = near;
    this.#sinceMs = context.clock.now();
    this.#soon = new Coalesced(context.clock, gatherMs, () => this.#tell());
  }

  on(listener: (notice: ChatNotice) => void): () => void {
    const own = (notice: ChatNotice): void => listener(notice);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /**
   * The line became another one.
   * @param isNews by something that happened just now; or else it is read for the first time, and what happened between
   *   the start and that is news too.
   */
  line({ room, membership, lastMessage }: RoomListItem, before: RoomListItem | undefined, isNews: boolean): void {
    if (membership.state === 'invited') {
      if (isNews && before?.membership.state !== 'invited') this.#wait(room.id, { kind: 'invite' });
    } else if (lastMessage && lastMessage.seq > (before?.lastMessage?.seq ?? 0)) {
      if (isNews || lastMessage.createdAt >= this.#sinceMs + this.serverAheadMs) this.message(lastMessage);
    }
  }

  /** It is new. */
  message(message: Message, kind: 'message' | 'mention' = 'message'): void {
    if (this.#listeners.size === 0 || this.#told.has(message.id)) return;
    const isNothing = message.silent || message.kind === 'system' || message.kind === 'hidden' || message.deletedAt;
    if (isNothing || message.sender === this.#context.me.get()) return;
    if (message.createdAt < this.#context.clock.now() + this.serverAheadMs - freshMs) return;
    const waiting = this.#waiting.get(message.room);
    const isLater = message.seq >= (waiting?.message?.seq ?? 0);
    if (waiting?.kind === 'mention' && kind === 'message') return;
    if (isLater || kind === 'mention') this.#wait(message.room, { kind, message });
  }

  close(): void {
    this.#soon.cancel();
    this.#listeners.clear();
  }

  #wait(room: string, waiting: Waiting): void {
    this.#waiting.set(room, waiting);
    this.#soon.want();
  }

  #tell(): void {
    this.#list.show();
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const [id, { kind, message }] of waiting) {
      const room = this.#list.view(id);
      const { notify = 'all', readSeq = 0 } = room?.membership ?? {};
      if (!room || room.isMuted || room.isArchived) continue;
      if (notify === 'none' || (notify === 'mentions' && kind === 'message')) continue;
      if (message && message.threadSeq === undefined && message.seq <= readSeq) continue;
      if (message) this.#remember(message.id);
      const key = message ? message.id : `${kind}:${id}:${room.room.rev}`;
      void this.#near.decide(key, id).then((isOurs) => {
        if (!isOurs) return;
        for (const listener of [...this.#listeners]) listener({ kind, room, ...(message && { message }) });
      });
    }
  }

  #remember(id: string): void {
    this.#told.add(id);
    const [oldest] = this.#told;
    if (this.#told.size > maxTold && oldest !== undefined) this.#told.delete(oldest);
  }
}
