/**
 * Reads what activity tells of rooms and senders. Rooms that are asked for in one turn of the event loop are read
 * together: where much is said they are hundreds a second, and what a statement costs is hardly what it reads.
 */
import { sql, type Kysely } from 'kysely';
import type { Store } from '../../stores/store.ts';
import type { MemberRow, RoomRow } from './chat-writer.ts';
import type { ChatTables } from './tables.ts';

/** Of one statement. */
const maxRooms = 64;
const maxMembers = 256;

export interface SeenRoom extends Pick<
  RoomRow,
  'kind' | 'rev' | 'last_seq' | 'last_at' | 'ucount' | 'member_count' | 'deleted_at'
> {
  /** The latest revision of a member. */
  readonly members_rev: number | null;
}

interface Seen {
  /** undefined: it is gone. */
  readonly room: SeenRoom | undefined;
  /** Those who sent and are members. */
  readonly senders: readonly MemberRow[];
}

interface Question {
  readonly room: string;
  readonly senders: readonly string[];
  readonly resolve: (seen: Seen) => void;
  readonly reject: (error: unknown) => void;
}

export class ActivityLook {
  readonly #db: Kysely<ChatTables>;
  readonly #store: Pick<Store, 'dialect'>;
  #asked: Question[] = [];

  constructor(db: Kysely<ChatTables>, store: Pick<Store, 'dialect'>) {
    this.#db = db;
    this.#store = store;
  }

  read(room: string, senders: readonly string[]): Promise<Seen> {
    return new Promise((resolve, reject) => {
      this.#asked.push({ room, senders, resolve, reject });
      if (this.#asked.length === 1) setImmediate(() => void this.#readAll());
    });
  }

  async #readAll(): Promise<void> {
    const asked = this.#asked;
    this.#asked = [];
    try {
      const pairs = asked.flatMap(({ room, senders }) => senders.map((user) => [room, user] as const));
      const [rooms, members] = await Promise.all([
        inSlices(
          asked.map(({ room }) => room),
          maxRooms,
          (ids) => this.#rooms(ids),
        ),
        inSlices(pairs, maxMembers, (some) => this.#members(some)),
      ]);
      const byId = new Map(rooms.map((room) => [room.id, room]));
      const byRoom = Map.groupBy(members, ({ room_id }) => room_id);
      for (const { room, resolve } of asked) resolve({ room: byId.get(room), senders: byRoom.get(room) ?? [] });
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }

  #rooms(ids: readonly string[]): Promise<(SeenRoom & { readonly id: string })[]> {
    return this.#db
      .selectFrom('chat_rooms as room')
      .select(['id', 'kind', 'rev', 'last_seq', 'last_at', 'ucount', 'member_count', 'deleted_at'])
      .select((eb) =>
        eb
          .selectFrom('chat_members')
          .select((inner) => inner.fn.max('rev').as('rev'))
          .whereRef('room_id', '=', 'room.id')
          .as('members_rev'),
      )
      .where('id', 'in', ids)
      .execute();
  }

  async #members(pairs: readonly (readonly [room: string, user: string])[]): Promise<MemberRow[]> {
    if (this.#store.dialect === 'sqlite') {
      const tuples = sql.join(pairs.map(([room, user]) => sql`(${room}, ${user})`));
      const { rows } = await sql<MemberRow>`select * from chat_members
        where (room_id, user_id) in (${tuples}) and state = 'member'`.execute(this.#db);
      return rows;
    }
    // Which PostgreSQL would make a long condition of, and not look for one after the other.
    const { rows } =
      await sql<MemberRow>`select member.* from json_to_recordset(${JSON.stringify(pairs.map(([r, u]) => ({ r, u })))}) as pair(r text, u text)
      cross join lateral (select * from chat_members where room_id = r and user_id = u and state = 'member' offset 0) as member`.execute(
        this.#db,
      );
    return rows;
  }
}

async function inSlices<Key, Row>(
  keys: readonly Key[],
  max: number,
  read: (keys: readonly Key[]) => Promise<Row[]>,
): Promise<Row[]> {
  const slices = Array.from({ length: Math.ceil(keys.length / max) }, (_, at) => keys.slice(at * max, (at + 1) * max));
  return (await Promise.all(slices.map((slice) => read(padded(slice))))).flat();
}

/** Repeats the last up to the next power of two: so there are few different statements, and they can be kept prepared. */
function padded<Key>(keys: readonly Key[]): readonly Key[] {
  const length = 2 ** Math.ceil(Math.log2(keys.length));
  return Array.from({ length }, (_, at) => keys[Math.min(at, keys.length - 1)] as Key);
}
