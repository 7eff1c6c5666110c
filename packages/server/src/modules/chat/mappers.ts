/** Rows of the database as clients see them. Fields that have nothing to say are left out. */
import type { MemberRow, MessageRow, RoomRow } from './chat-writer.ts';
import type {
  Attachment,
  LinkPreview,
  Member,
  Membership,
  Mentions,
  Message,
  Poll,
  Role,
  Room,
  RoomKind,
} from './model.ts';

/** What stands in `chat_messages.body`. */
export interface MessageBody {
  readonly text?: string;
  readonly data?: unknown;
  readonly mentions?: Mentions;
  readonly attachments?: readonly Attachment[];
  readonly previews?: readonly LinkPreview[];
}

export function toRoom(row: RoomRow): Room {
  return {
    id: row.id,
    kind: row.kind as RoomKind,
    ...(row.name !== null && { name: row.name }),
    ...(row.topic !== null && { topic: row.topic }),
    ...(row.data !== null && { data: JSON.parse(row.data) as unknown }),
    createdBy: row.created_by,
    createdAt: row.created_at,
    lastSeq: row.last_seq,
    lastAt: row.last_at,
    rev: row.rev,
    countable: row.ucount,
    memberCount: row.member_count,
    ...(row.frozen === 1 && { frozen: true }),
    ...(row.slow_ms > 0 && { slowMs: row.slow_ms }),
    ...(row.retention_ms !== null && { retentionMs: row.retention_ms }),
    ...(row.deleted_at !== null && { deletedAt: row.deleted_at }),
  };
}

export function toMember(row: MemberRow): Member {
  return {
    room: row.room_id,
    user: row.user_id,
    role: row.role as Role,
    joinedAt: row.joined_at,
    state: row.state as Member['state'],
  };
}

/** A member's own view; unread follows from the two counters, nothing is counted. */
export function toMembership(row: MemberRow, room: Pick<RoomRow, 'ucount'>): Membership {
  return {
    ...toMember(row),
    readSeq: row.read_seq,
    deliveredSeq: row.delivered_seq,
    readCountable: row.read_ucount,
    unread: row.state === 'member' ? Math.max(0, room.ucount - row.read_ucount) : 0,
    mentions: row.mention_count,
    ...(row.pinned === 1 && { pinned: true }),
    ...(row.archived === 1 && { archived: true }),
    ...(row.mute_until !== null && { muteUntil: row.mute_until }),
    ...(row.notify !== 'all' && { notify: row.notify as 'mentions' | 'none' }),
  };
}

/** Columns of a message that are shown. */
export const shownColumns = [
  'room_id',
  'seq',
  'id',
  'sender_id',
  'client_id',
  'rev',
  'kind',
  'thread_seq',
  'reply_seq',
  'body',
  'reactions',
  'poll',
  'thread_count',
  'thread_last_seq',
  'thread_last_at',
  'silent',
  'shadow',
  'version',
  'pinned_at',
  'created_at',
  'edited_at',
  'deleted_at',
] as const satisfies readonly (keyof MessageRow)[];
export type ShownRow = Pick<MessageRow, (typeof shownColumns)[number]>;

/**
 * @param viewer who will see it; a message for its sender alone is `hidden` to everybody else. Undefined: for all.
 * @param known the body, where it need not be parsed.
 */
export function toMessage(row: ShownRow, viewer?: string, known?: MessageBody): Message {
  const frame = {
    room: row.room_id,
    seq: row.seq,
    id: row.id,
    version: row.version,
    createdAt: row.created_at,
    rev: row.rev,
  };
  if (row.shadow === 1 && (viewer === undefined || viewer !== row.sender_id)) {
    return { ...frame, sender: '', kind: 'hidden' };
  }
  const whole = {
    ...frame,
    sender: row.sender_id,
    ...(row.client_id !== null && { clientId: row.client_id }),
    kind: row.kind as Message['kind'],
    ...(row.thread_seq !== null && { threadSeq: row.thread_seq }),
    ...(row.reply_seq !== null && { replySeq: row.reply_seq }),
    ...(row.thread_count > 0 && {
      thread: { count: row.thread_count, lastSeq: row.thread_last_seq, lastAt: row.thread_last_at },
    }),
  };
  if (row.deleted_at !== null) return { ...whole, deletedAt: row.deleted_at };
  const body = known ?? (JSON.parse(row.body) as MessageBody);
  return {
    ...whole,
    ...body,
    ...(row.reactions !== null && { reactions: JSON.parse(row.reactions) as Record<string, number> }),
    ...(row.poll !== null && { poll: JSON.parse(row.poll) as Poll }),
    ...(row.silent === 1 && { silent: true }),
    ...(row.pinned_at !== null && { pinnedAt: row.pinned_at }),
    ...(row.edited_at !== null && { editedAt: row.edited_at }),
  };
}
