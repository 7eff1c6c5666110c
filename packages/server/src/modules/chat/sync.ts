/**
 * Coming back after whatever time: one call says where every room of the user stands. What happened in the rooms that are
 * open comes by recovery of their channels, so no messages are here.
 */
import type { ModuleActor } from '../module.ts';
import { actingUser } from './acting-user.ts';
import type { Chat } from './chat.ts';
import { listDrafts } from './drafts.ts';
import type { Draft } from './model.ts';

/** Text of drafts in one answer, the latest first. */
const maxDraftChars = 32_768;
const maxBlocks = 1_000;

export interface SyncInput {
  readonly since?:
    | {
        /** Rooms the client knows, as it knows them. */
        readonly rooms: readonly {
          readonly room: string;
          readonly rev: number;
          readonly epoch?: string | undefined;
        }[];
      }
    | undefined;
}

/** Numbers of 0 and flags that do not hold are left out. What `readCountable` is elsewhere is `countable` − `unread`. */
export interface RoomCounters {
  readonly room: string;
  readonly rev: number;
  readonly epoch: string;
  readonly lastSeq?: number;
  readonly lastAt: number;
  readonly countable?: number;
  readonly readSeq?: number;
  readonly unread?: number;
  readonly mentions?: number;
  readonly invited?: boolean;
  readonly pinned?: boolean;
  readonly archived?: boolean;
  readonly muteUntil?: number;
  readonly notify?: 'mentions' | 'none';
  /** What changed since `since` can no longer be had one by one: read the room anew. */
  readonly reset?: boolean;
}

export interface Snapshot {
  /** Time of the server, Unix milliseconds. */
  readonly at: number;
  readonly rooms: RoomCounters[];
  /** Of the rooms in `since`, those that the user is no longer in. */
  readonly gone: string[];
  readonly drafts: Draft[];
  /** There are more drafts than fit in here: `drafts` has them all. */
  readonly moreDrafts?: boolean;
  /** Users blocked by this one. */
  readonly blocks: string[];
  readonly invisible: boolean;
}

/** @throws ChatError invalid. */
export async function sync(chat: Chat, actor: ModuleActor, input: SyncInput): Promise<Snapshot> {
  const user = actingUser(actor);
  const [rooms, drafts, blocks, profile] = await Promise.all([
    readCounters(chat, user),
    listDrafts(chat, actor),
    chat.db
      .selectFrom('chat_blocks')
      .select('blocked_id')
      .where('user_id', '=', user)
      .orderBy('blocked_id')
      .limit(maxBlocks)
      .execute(),
    chat.db.selectFrom('chat_users').select('invisible').where('id', '=', user).executeTakeFirst(),
  ]);
  const known = new Map((input.since?.rooms ?? []).map((room) => [room.room, room]));
  const here = new Set(rooms.map(({ room_id }) => room_id));
  const fitting = firstOf(drafts);
  return {
    at: chat.context.clock.now(),
    rooms: rooms.map((row) => toCounters(row, known.get(row.room_id))),
    gone: [...known.keys()].filter((room) => !here.has(room)),
    drafts: fitting,
    ...(fitting.length < drafts.length && { moreDrafts: true }),
    blocks: blocks.map(({ blocked_id }) => blocked_id),
    invisible: profile?.invisible === 1,
  };
}

type CounterRow = Awaited<ReturnType<typeof readCounters>>[number];

function readCounters({ db }: Chat, user: string) {
  return db
    .selectFrom('chat_members as member')
    .innerJoin('chat_rooms as room', 'room.id', 'member.room_id')
    .select(['room.rev', 'room.epoch', 'room.min_rev', 'room.last_seq', 'room.last_at', 'room.ucount'])
    .select(['member.room_id', 'member.state', 'member.read_seq', 'member.read_ucount', 'member.mention_count'])
    .select(['member.pinned', 'member.archived', 'member.mute_until', 'member.notify'])
    .where('member.user_id', '=', user)
    .where('member.state', 'in', ['member', 'invited'])
    .where('room.deleted_at', 'is', null)
    .execute();
}

function toCounters(
  row: CounterRow,
  known: { readonly rev: number; readonly epoch?: string | undefined } | undefined,
): RoomCounters {
  const isMember = row.state === 'member';
  const unread = isMember ? Math.max(0, row.ucount - row.read_ucount) : 0;
  const otherEpoch = known?.epoch !== undefined && known.epoch !== row.epoch;
  const reset = known && (otherEpoch || known.rev < row.min_rev || known.rev > row.rev);
  return {
    room: row.room_id,
    rev: row.rev,
    epoch: row.epoch,
    lastAt: row.last_at,
    ...(row.last_seq > 0 && { lastSeq: row.last_seq }),
    ...(row.ucount > 0 && { countable: row.ucount }),
    ...(row.read_seq > 0 && { readSeq: row.read_seq }),
    ...(unread > 0 && { unread }),
    ...(row.mention_count > 0 && { mentions: row.mention_count }),
    ...(!isMember && { invited: true }),
    ...(row.pinned === 1 && { pinned: true }),
    ...(row.archived === 1 && { archived: true }),
    ...(row.mute_until !== null && { muteUntil: row.mute_until }),
    ...(row.notify !== 'all' && { notify: row.notify as 'mentions' | 'none' }),
    ...(reset && { reset: true }),
  };
}

function firstOf(drafts: readonly Draft[]): Draft[] {
  const fitting: Draft[] = [];
  let chars = 0;
  for (const draft of drafts) {
    chars += draft.text.length + 100;
    if (chars > maxDraftChars) break;
    fitting.push(draft);
  }
  return fitting;
}
