/**
 * Erasing a user. Their profile goes at once; everything else is gone through by a job, in slices that each stand by
 * themselves, with how far it is written down in the same transaction. Where somebody has to stand (as sender of a
 * message, in a direct room) stands a pseudonym that nobody can lead back.
 *
 * `delete`: their messages become tombstones, their reactions and votes go. `anonymise`: these stay, under the pseudonym.
 * Gone in both: profile, memberships, drafts, blocks, restrictions, uploads that were not sent, messages to be sent
 * later, and the user's name in mentions. What others wrote about them in words stays.
 */
import { sql, type RawBuilder, type Selectable } from 'kysely';
import { newSecret } from '../../lib/ids.ts';
import type { ModuleActor } from '../module.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import type { ChatTransaction, MessageRow } from './chat-writer.ts';
import { orphanSeq, makeTombstone } from './delete-message.ts';
import { eraseMentions, mayMention } from './erase-mentions.ts';
import { passOwnership } from './leave-room.ts';
import { toRoom } from './mappers.ts';
import { endMembership } from './membership.ts';
import { changeMessage } from './message-access.ts';
import type { Poll } from './model.ts';
import { directKey } from './room-list-item.ts';
import { scanMessages, type MessageKey } from './scan-messages.ts';
import type { ChatTables } from './tables.ts';
import { writeUserWords } from './user-words.ts';

export type EraseMode = 'anonymise' | 'delete';
type Erasure = Selectable<ChatTables['chat_erasures']>;

const roomsAtOnce = 1_000;
const rowsAtOnce = 100;

/**
 * Begins to erase a user. Again while it goes on, it does nothing.
 * @throws ChatError forbidden for anybody but back ends.
 */
export async function eraseUser(
  chat: Chat,
  actor: ModuleActor,
  { user, mode }: { readonly user: string; readonly mode: EraseMode },
): Promise<{ readonly replayed?: boolean }> {
  if (!actor.system) throw new ChatError('forbidden', 'users are erased by back ends');
  return chat.writer.run({ alone: true }, async (tx) => {
    const going = await tx.read
      .selectFrom('chat_erasures')
      .select('mode')
      .where('user_id', '=', user)
      .executeTakeFirst();
    if (going) return { replayed: true };
    const pseudonym = `deleted-${newSecret().slice(0, 16)}`;
    const profile = {
      name: null,
      avatar: null,
      data: null,
      locale: null,
      time_zone: null,
      invisible: 1,
      last_seen_at: null,
      deleted_at: tx.nowMs,
    } as const;
    await tx.write
      .insertInto('chat_users')
      .values([user, pseudonym].map((id) => ({ ...profile, id, created_at: tx.nowMs })))
      .onConflict((conflict) => conflict.column('id').doUpdateSet(profile))
      .execute();
    await writeUserWords(tx.write, [{ id: user, name: null }]);
    await tx.write
      .insertInto('chat_erasures')
      .values({ user_id: user, mode, pseudonym, stage: 'memberships', cursor: '', created_at: tx.nowMs })
      .execute();
    return {};
  });
}

export async function isErasureDue({ db }: Chat): Promise<boolean> {
  return (await db.selectFrom('chat_erasures').select('user_id').limit(1).executeTakeFirst()) !== undefined;
}

/** Does a part of the oldest erasure. @returns whether there is more to do. */
export async function eraseSlice(chat: Chat): Promise<boolean> {
  const erasure = await chat.db
    .selectFrom('chat_erasures')
    .selectAll()
    .orderBy('created_at')
    .orderBy('user_id')
    .limit(1)
    .executeTakeFirst();
  if (!erasure) return false;
  switch (erasure.stage) {
    case 'memberships':
      await eraseMemberships(chat, erasure);
      break;
    case 'rooms':
      await eraseFromRooms(chat, erasure);
      break;
    case 'messages':
      await eraseFromMessages(chat, erasure, sql`message.sender_id = ${erasure.user_id}`, eraseOwn, 'mentions');
      break;
    case 'mentions':
      await eraseFromMessages(chat, erasure, mayMention(erasure.user_id), eraseMentions, 'reactions');
      break;
    case 'reactions':
      await eraseReactions(chat, erasure);
      break;
    case 'votes':
      await eraseVotes(chat, erasure);
      break;
    default:
      await eraseRest(chat, erasure);
  }
  return true;
}

async function goOn(tx: ChatTransaction, { user_id }: Erasure, stage: string, cursor = ''): Promise<void> {
  await tx.write.updateTable('chat_erasures').set({ stage, cursor }).where('user_id', '=', user_id).execute();
}

/** A slice of a stage that goes through all messages: those that are wanted, room by room. */
async function eraseFromMessages(
  chat: Chat,
  erasure: Erasure,
  wanted: RawBuilder<unknown>,
  erase: (chat: Chat, erasure: Erasure, room: string, seqs: readonly number[]) => Promise<void>,
  nextStage: string,
): Promise<void> {
  const { stage, cursor } = erasure;
  const after = cursor === '' ? undefined : (JSON.parse(cursor) as MessageKey);
  const { found, next } = await scanMessages(chat.db, wanted, after, rowsAtOnce);
  for (const [room, rows] of Map.groupBy(found, ({ room_id }) => room_id)) {
    const seqs = rows.map(({ seq }) => seq);
    await erase(chat, erasure, room, seqs);
  }
  await chat.writer.run({}, (tx) =>
    next === undefined ? goOn(tx, erasure, nextStage) : goOn(tx, erasure, stage, JSON.stringify(next)),
  );
}

/** First of all, so that nothing new is written. */
async function eraseMemberships(chat: Chat, erasure: Erasure): Promise<void> {
  const { user_id: user } = erasure;
  const rows = await chat.db
    .selectFrom('chat_members')
    .select(['room_id', 'state'])
    .where('user_id', '=', user)
    .orderBy('room_id')
    .limit(rowsAtOnce)
    .execute();
  for (const { room_id: id, state } of rows) {
    const isIn = state === 'member' || state === 'invited';
    await chat.writer.run({ rooms: [id], members: [[id, user]], alone: true }, async (tx) => {
      const room = await tx.findRoom(id);
      const member = await tx.member(id, user);
      if (!member) return;
      if (isIn && room?.deleted_at === null) {
        await endMembership(tx, member, 'left', 'member.left', '');
        if (member.state === 'member' && member.role === 'owner') await passOwnership(tx, member);
        return;
      }
      await tx.write.deleteFrom('chat_members').where('room_id', '=', id).where('user_id', '=', user).execute();
      // Who was away since can no longer be told that they left: one reset.
      if (room && member.rev > room.min_rev) tx.changeRoom(id, { min_rev: member.rev });
    });
  }
  if (rows.length === 0) await chat.writer.run({}, (tx) => goOn(tx, erasure, 'rooms'));
}

/** The user's name on rooms. */
async function eraseFromRooms(chat: Chat, erasure: Erasure): Promise<void> {
  const { user_id: user, cursor } = erasure;
  const rooms = await chat.db
    .selectFrom('chat_rooms')
    .select(['id', 'created_by', 'dm_key'])
    .where('id', '>', cursor)
    .orderBy('id')
    .limit(roomsAtOnce)
    .execute();
  for (const { id, created_by, dm_key } of rooms) {
    if (created_by === user || dm_key?.split('\u0001').includes(user)) await eraseFromRoom(chat, erasure, id);
  }
  const last = rooms.at(-1)?.id;
  await chat.writer.run({}, (tx) => (last ? goOn(tx, erasure, 'rooms', last) : goOn(tx, erasure, 'messages')));
}

/** Messages of the user, whoever's room it is. */
function eraseOwn(
  chat: Chat,
  { user_id: user, pseudonym, mode }: Erasure,
  id: string,
  seqs: readonly number[],
): Promise<void> {
  return chat.writer.run({ rooms: [id], messages: seqs.map((seq) => [id, seq]), alone: true }, async (tx) => {
    for (const seq of seqs) {
      const before = await tx.message(id, seq);
      if (before?.sender_id !== user) continue;
      const row = tx.changeMessage(id, seq, { sender_id: pseudonym, client_id: null, client_hash: null });
      if (mode === 'delete' && row.deleted_at === null) await makeTombstone(tx, row, '');
      else changeMessage(tx, row, {}, 'message.changed', '');
    }
    await tx.write
      .updateTable('chat_message_versions')
      .set({ edited_by: pseudonym })
      .where('room_id', '=', id)
      .where('seq', 'in', seqs)
      .where('edited_by', '=', user)
      .execute();
  });
}

function eraseFromRoom(chat: Chat, { user_id: user, pseudonym }: Erasure, id: string): Promise<void> {
  return chat.writer.run({ rooms: [id] }, async (tx) => {
    const before = await tx.findRoom(id);
    if (!before) return;
    const peers = before.dm_key?.split('\u0001').map((name) => (name === user ? pseudonym : name));
    const rev = tx.nextRev(id);
    const room = tx.changeRoom(id, {
      changed_rev: rev,
      ...(before.created_by === user && { created_by: pseudonym }),
      ...(peers && { dm_key: directKey(peers[0] ?? pseudonym, peers[1] ?? pseudonym) }),
    });
    tx.publish(id, rev, { type: 'room', room: toRoom(room) }, 'room.changed', '');
  });
}

async function eraseReactions(chat: Chat, erasure: Erasure): Promise<void> {
  const { user_id: user, pseudonym, mode } = erasure;
  const found = await chat.db
    .selectFrom('chat_reactions')
    .select(['room_id', 'seq', 'emoji'])
    .where('user_id', '=', user)
    .limit(rowsAtOnce)
    .execute();
  for (const [id, inRoom] of Map.groupBy(found, ({ room_id }) => room_id)) {
    for (const [seq, some] of Map.groupBy(inRoom, (row) => row.seq)) {
      const emojis = some.map(({ emoji }) => emoji);
      await chat.writer.run({ rooms: [id], messages: [[id, seq]], alone: true }, async (tx) => {
        if (mode === 'anonymise') {
          await tx.write
            .updateTable('chat_reactions')
            .set({ user_id: pseudonym })
            .where((eb) => eb.and({ room_id: id, seq, user_id: user }))
            .execute();
          return;
        }
        const removed = await tx.write
          .deleteFrom('chat_reactions')
          .where((eb) => eb.and({ room_id: id, seq, user_id: user }))
          .where('emoji', 'in', emojis)
          .returning('emoji')
          .execute();
        await tx.findRoom(id);
        const row = await tx.message(id, seq);
        if (row?.reactions) {
          const gone = removed.map(({ emoji }) => emoji);
          changeMessage(tx, row, { reactions: lessReactions(row.reactions, gone) }, 'message.reacted', '');
        }
      });
    }
  }
  if (found.length === 0) await chat.writer.run({}, (tx) => goOn(tx, erasure, 'votes'));
}

function lessReactions(json: string, gone: readonly string[]): string | null {
  const counts = Object.entries(JSON.parse(json) as Record<string, number>)
    .map(([emoji, count]): [string, number] => [emoji, count - Number(gone.includes(emoji))])
    .filter(([, count]) => count > 0);
  return counts.length === 0 ? null : JSON.stringify(Object.fromEntries(counts));
}

async function eraseVotes(chat: Chat, erasure: Erasure): Promise<void> {
  const { user_id: user, pseudonym, mode } = erasure;
  const found = await chat.db
    .selectFrom('chat_poll_votes')
    .select(['room_id', 'seq'])
    .where('user_id', '=', user)
    .limit(rowsAtOnce)
    .execute();
  for (const { room_id: id, seq } of found) {
    await chat.writer.run({ rooms: [id], messages: [[id, seq]], alone: true }, async (tx) => {
      const own = { room_id: id, seq, user_id: user };
      if (mode === 'anonymise') {
        await tx.write
          .updateTable('chat_poll_votes')
          .set({ user_id: pseudonym })
          .where((eb) => eb.and(own))
          .execute();
        return;
      }
      const removed = await tx.write
        .deleteFrom('chat_poll_votes')
        .where((eb) => eb.and(own))
        .returning('option_id')
        .execute();
      await tx.findRoom(id);
      const row = await tx.message(id, seq);
      if (removed.length > 0 && row?.poll) changeMessage(tx, row, lessVotes(row, removed), 'message.changed', '');
    });
  }
  if (found.length === 0) await chat.writer.run({}, (tx) => goOn(tx, erasure, 'rest'));
}

function lessVotes({ poll: json }: MessageRow, removed: readonly { readonly option_id: string }[]): { poll: string } {
  const poll = JSON.parse(json ?? '{}') as Poll;
  const gone = new Set(removed.map(({ option_id }) => option_id));
  const options = poll.options.map((option) => ({ ...option, votes: option.votes - Number(gone.has(option.id)) }));
  return { poll: JSON.stringify({ ...poll, options, voters: poll.voters - 1 }) };
}

/** What is bounded for each user, all at once; then it is done, and the application is told. */
function eraseRest(chat: Chat, { user_id: user, pseudonym, mode }: Erasure): Promise<void> {
  return chat.writer.run({ alone: true }, async (tx) => {
    for (const table of ['chat_drafts', 'chat_thread_members', 'chat_restrictions', 'chat_scheduled'] as const) {
      await tx.write.deleteFrom(table).where('user_id', '=', user).execute();
    }
    await tx.write
      .deleteFrom('chat_blocks')
      .where((eb) => eb.or([eb('user_id', '=', user), eb('blocked_id', '=', user)]))
      .execute();
    await tx.write
      .updateTable('chat_restrictions')
      .set({ created_by: pseudonym })
      .where('created_by', '=', user)
      .execute();
    for (const column of ['reporter', 'reported_user', 'resolved_by'] as const) {
      await tx.write
        .updateTable('chat_reports')
        .set({ [column]: pseudonym })
        .where(column, '=', user)
        .execute();
    }
    await tx.write
      .updateTable('chat_attachments')
      .set({ message_seq: orphanSeq })
      .where('user_id', '=', user)
      .where((eb) => eb.or([eb('message_seq', 'is', null), eb('message_seq', '<', 0)]))
      .execute();
    await tx.write.updateTable('chat_attachments').set({ user_id: pseudonym }).where('user_id', '=', user).execute();
    await tx.write.deleteFrom('chat_erasures').where('user_id', '=', user).execute();
    tx.report(`user:${user}`, 'user.erased', { by: '', type: 'erasure', user, mode });
  });
}
