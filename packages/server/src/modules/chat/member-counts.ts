/**
 * Tells a crowd how many it has become: what is counted once for many who come and go, not said for each of them.
 * Publications carry no position; who missed one gets the next, or asks for the room.
 */
import type { TimerId } from '../../lib/clock.ts';
import { GatedLogger } from '../../lib/log-gate.ts';
import type { ModuleContext } from '../module.ts';
import { roomChannel } from './channel-names.ts';
import { toRoom } from './mappers.ts';
import type { RoomPublication } from './model.ts';
import type { ChatTables } from './tables.ts';

/** Between two counts of a room that this node tells. */
const pauseMs = 2_000;

export class MemberCounts {
  readonly #context: Pick<ModuleContext, 'clock' | 'logger' | 'publish' | 'store'>;
  readonly #log: GatedLogger;
  readonly #timers = new Map<string, TimerId>();
  #stopped = false;

  constructor(context: Pick<ModuleContext, 'clock' | 'logger' | 'publish' | 'store'>) {
    this.#context = context;
    this.#log = new GatedLogger(context.logger, context.clock);
  }

  /** The room's count of members is another one, and was committed. */
  changed(room: string): void {
    if (this.#stopped || this.#timers.has(room)) return;
    const tell = () => {
      this.#timers.delete(room);
      void this.#tell(room);
    };
    this.#timers.set(room, this.#context.clock.setTimeout(tell, pauseMs));
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers.values()) this.#context.clock.clearTimeout(timer);
    this.#timers.clear();
  }

  async #tell(room: string): Promise<void> {
    try {
      const row = await this.#context.store
        .database<ChatTables>()
        .selectFrom('chat_rooms')
        .selectAll()
        .where('id', '=', room)
        .executeTakeFirst();
      if (!row || row.deleted_at !== null) return;
      const publication: RoomPublication = { type: 'room', room: toRoom(row) };
      await this.#context.publish(roomChannel(room), JSON.stringify(publication));
    } catch (error) {
      this.#log.warn({ err: error, room }, 'the count of members could not be told; the next one will');
    }
  }
}
