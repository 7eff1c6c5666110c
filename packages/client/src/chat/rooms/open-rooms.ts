/** The rooms in use: one `OpenRoom` for all handles of a room, kept for a while after the last handle is closed. */
import type { ChatContext } from '../chat-context.ts';
import type { ChatRoom } from '../chat.ts';
import type { Drafts } from '../drafts.ts';
import { OpenRoom } from './open-room.ts';
import { RoomHandle, type RoomHandleNeighbours } from './room-handle.ts';
import type { RoomList } from './room-list.ts';

const lingerMs = 60_000;
/** Rooms that stay without a handle; the one closed first goes first. */
const maxLingering = 10;

interface Use {
  readonly room: OpenRoom;
  handles: number;
  timer?: unknown;
}

export class OpenRooms {
  readonly #context: ChatContext;
  readonly #list: RoomList;
  readonly #near: RoomHandleNeighbours;
  readonly #uses = new Map<string, Use>();
  readonly #lingering = new Set<string>();

  constructor(context: ChatContext, list: RoomList, drafts: Drafts) {
    this.#context = context;
    this.#list = list;
    this.#near = { list, drafts, onClosed: ({ id }) => this.#left(id) };
  }

  open(id: string): ChatRoom {
    let use = this.#uses.get(id);
    if (!use) {
      use = { room: new OpenRoom(this.#context, this.#list, id), handles: 0 };
      this.#uses.set(id, use);
    } else if (use.handles === 0) {
      this.#context.clock.clearTimeout(use.timer);
      this.#lingering.delete(id);
      use.room.opened();
    }
    use.handles++;
    return new RoomHandle(this.#context, use.room, this.#near);
  }

  *[Symbol.iterator](): IterableIterator<OpenRoom> {
    for (const { room } of this.#uses.values()) yield room;
  }

  get(id: string): OpenRoom | undefined {
    return this.#uses.get(id)?.room;
  }

  close(): void {
    for (const { room, timer } of this.#uses.values()) {
      this.#context.clock.clearTimeout(timer);
      room.close();
    }
    this.#uses.clear();
  }

  #left(id: string): void {
    const use = this.#uses.get(id);
    if (!use || --use.handles > 0) return;
    this.#lingering.add(id);
    use.timer = this.#context.clock.setTimeout(() => this.#drop(id), lingerMs);
    const [first] = this.#lingering;
    if (this.#lingering.size > maxLingering && first !== undefined) this.#drop(first);
  }

  #drop(id: string): void {
    const use = this.#uses.get(id);
    this.#lingering.delete(id);
    if (!use || use.handles > 0) return;
    this.#context.clock.clearTimeout(use.timer);
    this.#uses.delete(id);
    use.room.close();
  }
}
