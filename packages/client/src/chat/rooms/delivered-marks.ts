/** Tells senders that their messages are on a device of the user: many rooms in one call, a moment after they came. */
import type { ChatContext } from '../chat-context.ts';
import { Coalesced } from '../coalesced.ts';
import type { RoomListItem } from '../publications.ts';
import type { RoomList } from './room-list.ts';

const gatherMs = 1_000;
const maxRooms = 100;

export class DeliveredMarks {
  readonly #context: ChatContext;
  readonly #list: RoomList;
  readonly #soon: Coalesced;
  /** What was told, by room: what the server does not take is not told again. */
  readonly #told = new Map<string, number>();

  constructor(context: ChatContext, list: RoomList) {
    this.#context = context;
    this.#list = list;
    this.#soon = new Coalesced(context.clock, gatherMs, () => void this.#tell());
  }

  /** There may be something to tell. */
  look(): void {
    this.#soon.want();
  }

  close(): void {
    this.#soon.cancel();
  }

  async #tell(): Promise<void> {
    if (this.#context.connection.state.get().status !== 'online') return;
    const rooms: { room: string; seq: number }[] = [];
    for (const line of this.#list.lines()) {
      const seq = this.#arrived(line);
      if (seq > (this.#told.get(line.room.id) ?? 0)) rooms.push({ room: line.room.id, seq });
      if (rooms.length === maxRooms) break;
    }
    if (rooms.length === 0) return;
    for (const { room, seq } of rooms) this.#told.set(room, seq);
    try {
      const { delivered } = await this.#context.call('markDelivered', { rooms });
      this.#list.delivered(delivered);
    } catch {
      for (const { room, seq } of rooms) if (this.#told.get(room) === seq) this.#told.delete(room);
      return;
    }
    if (rooms.length === maxRooms) this.look();
  }

  /** Up to which message it is to be told; 0: nothing. */
  #arrived({ room, membership, lastMessage }: RoomListItem): number {
    const isTold = room.kind !== 'broadcast' && room.kind !== 'livestream' && membership.state === 'member';
    if (!isTold || !lastMessage || lastMessage.sender === this.#context.me.get()) return 0;
    const { seq } = lastMessage;
    return seq > membership.deliveredSeq && seq > membership.readSeq ? seq : 0;
  }
}
