/**
 * The history of a room's channel is the database: the stream's offset is the room's revision, and what a client missed
 * are the rows changed since, each once and as it is now. There is no second log that could disagree.
 *
 * A row that changes again while this reads is missing from the page; its change comes live, behind the position.
 */
import type { Payload, Publication } from '@tidings/protocol';
import type { HistoryPage, HistoryQuery, HistoryReader } from '../../brokers/broker.ts';
import type { Store } from '../../stores/store.ts';
import { roomOfChannel } from './channel-names.ts';
import type { MessageRow } from './chat-writer.ts';
import { toMember, toMessage, toRoom } from './mappers.ts';
import type { RoomPublication } from './model.ts';
import type { ChatTables } from './tables.ts';

/** Changes in one page, whoever asks. */
const maxPage = 10_000;

const encoder = new TextEncoder();

export class RoomHistory implements HistoryReader {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async read(channel: string, query: HistoryQuery): Promise<HistoryPage> {
    const db = this.#store.database<ChatTables>();
    const id = roomOfChannel(channel) ?? '';
    const room = await db.selectFrom('chat_rooms').selectAll().where('id', '=', id).executeTakeFirst();
    // A channel without a room: nothing will ever be published on it.
    if (!room) return { publications: [], position: { offset: 0, epoch: 'none' }, complete: query.since === undefined };
    const position = { offset: room.rev, epoch: room.epoch };
    if (query.limit === 0) return { publications: [], position };
    const { since, reverse } = query;
    const sameStream = since === undefined || since.epoch === room.epoch;
    if (!sameStream) return { publications: [], position, complete: false };
    const limit = query.limit < 0 ? maxPage : Math.min(query.limit, maxPage);
    const [above, below] = reverse ? [0, since ? since.offset - 1 : room.rev] : [since?.offset ?? 0, room.rev];
    const [messages, members] = await Promise.all([
      this.#readMessages(id, above, below, limit, reverse === true),
      db
        .selectFrom('chat_members')
        .selectAll()
        .where('room_id', '=', id)
        .where('rev', '>', above)
        .where('rev', '<=', below)
        .orderBy('rev', reverse ? 'desc' : 'asc')
        .limit(limit)
        .execute(),
    ]);
    const changes: [rev: number, publication: RoomPublication][] = [
      ...messages.map((row): [number, RoomPublication] => [row.rev, { type: 'message', message: toMessage(row) }]),
      ...members.map((row): [number, RoomPublication] => [
        row.rev,
        { type: 'member', member: toMember(row), memberCount: room.member_count },
      ]),
    ];
    if (room.changed_rev > above && room.changed_rev <= below) {
      changes.push([room.changed_rev, { type: 'room', room: toRoom(room) }]);
    }
    changes.sort(([a], [b]) => (reverse ? b - a : a - b));
    return {
      publications: changes.slice(0, limit).map(([rev, publication]) => encode(rev, publication)),
      position,
      complete: changes.length <= limit && above >= room.min_rev && above <= room.rev,
    };
  }

  /**
   * Messages that changed within `above` < rev <= `below`. Those that are as they were sent have no entry in the index of
   * revisions: their order is that of `seq`, so they are read from the end, or from the message that stands at `above`.
   */
  async #readMessages(
    room: string,
    above: number,
    below: number,
    limit: number,
    reverse: boolean,
  ): Promise<MessageRow[]> {
    const db = this.#store.database<ChatTables>();
    const order = reverse ? 'desc' : 'asc';
    const within = db
      .selectFrom('chat_messages')
      .selectAll()
      .where('room_id', '=', room)
      .where('rev', '>', above)
      .where('rev', '<=', below)
      .limit(limit);
    const [changed, unchanged] = await Promise.all([
      within
        .where('rev', '<>', (eb) => eb.ref('first_rev'))
        .orderBy('rev', order)
        .execute(),
      within
        // Every message took a revision, so none of these lies before.
        .where('seq', '>', await this.#lastSeqAt(room, above))
        .where('rev', '=', (eb) => eb.ref('first_rev'))
        .orderBy('seq', order)
        .execute(),
    ]);
    return [...changed, ...unchanged];
  }

  /** A message that was sent at or before revision `rev`: halves the stretch that is left, by primary key. */
  async #lastSeqAt(room: string, rev: number): Promise<number> {
    const db = this.#store.database<ChatTables>();
    const last = await db
      .selectFrom('chat_messages')
      .select(['seq', 'first_rev'])
      .where('room_id', '=', room)
      .orderBy('seq', 'desc')
      .executeTakeFirst();
    if (!last) return 0;
    if (last.first_rev <= rev) return last.seq;
    // Behind `rev` there can be no more messages than revisions.
    let low = Math.max(0, last.seq - (last.first_rev - rev));
    let high = last.seq;
    while (high - low > 64) {
      const middle = Math.floor((low + high) / 2);
      const row = await db
        .selectFrom('chat_messages')
        .select(['seq', 'first_rev'])
        .where('room_id', '=', room)
        .where('seq', '<=', middle)
        .orderBy('seq', 'desc')
        .executeTakeFirst();
      if (row && row.first_rev > rev) high = middle;
      else low = middle;
    }
    return low;
  }

  /** Messages are deleted by the commands of chat, never by those of channels. */
  async remove(): Promise<void> {}
}

function encode(offset: number, publication: RoomPublication): Publication {
  return { offset, data: encoder.encode(JSON.stringify(publication)) as Payload };
}
