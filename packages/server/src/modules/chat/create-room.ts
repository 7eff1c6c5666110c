/** Making a room. Made again by the same user under the same id, or for the same pair, it is the room that is there. */
import { newEpoch, newSortableId } from '../../lib/ids.ts';
import type { ModuleActor } from '../module.ts';
import { actingUser } from './acting-user.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import type { ChatTransaction, RoomRow } from './chat-writer.ts';
import { toRoom } from './mappers.ts';
import {
  checkInvitees,
  newMembership,
  putMember,
  requireMakingsLeft,
  requirePlaces,
  requireRoomsLeft,
} from './membership.ts';
import type { Role, Room, RoomKind, RoomListItem } from './model.ts';
import { refuseBanned, refuseBannedActor } from './room-access.ts';
import { directKey, readRoomListItem, tellRoomListItem } from './room-list-item.ts';
import { toStoredJson } from './stored-json.ts';

export interface CreateRoomInput {
  readonly kind: RoomKind;
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  readonly topic?: string | undefined;
  readonly data?: unknown;
  /** Brought in at once. */
  readonly members?: readonly string[] | undefined;
  /** The other one, of a direct room; oneself for notes. */
  readonly peer?: string | undefined;
  /** Given by a back end that acts for itself; else whoever asks. */
  readonly owner?: string | undefined;
}

export interface CreatedRoom {
  readonly room: Room;
  /** As its owner has it in their list; absent if a back end made it for nobody. */
  readonly item?: RoomListItem;
  /** It was there already. */
  readonly replayed?: boolean;
}

/**
 * @throws ChatError invalid, forbidden, alreadyExists for an id of another room, banned, blocked, userNotFound, tooMany,
 * tooLarge.
 */
export async function createRoom(chat: Chat, actor: ModuleActor, input: CreateRoomInput): Promise<CreatedRoom> {
  checkShape(actor, input);
  const owner = actor.system ? input.owner : actingUser(actor);
  const draft: Draft = {
    id: input.id ?? newSortableId(chat.context.clock.now()),
    kind: input.kind,
    name: input.name ?? null,
    topic: input.topic ?? null,
    data: toStoredJson(input.data, chat.config.limits.messageSize),
    owner,
    members: [...new Set(input.members)].filter((user) => user !== owner),
  };
  return input.kind === 'direct'
    ? createDirect(chat, actor, draft, owner ?? '', input.peer ?? '')
    : createWithOwner(chat, actor, draft);
}

interface Draft extends Pick<RoomRow, 'name' | 'topic' | 'data'> {
  readonly id: string;
  readonly kind: RoomKind;
  readonly owner: string | undefined;
  readonly members: readonly string[];
}

function checkShape({ system }: ModuleActor, { kind, peer, members, name, topic, owner }: CreateRoomInput): void {
  if (owner !== undefined && !system) throw new ChatError('invalid', 'owner: who makes a room owns it');
  if (kind === 'direct') {
    if (peer === undefined) throw new ChatError('invalid', 'peer: a direct room has another one');
    if (system && owner === undefined)
      throw new ChatError('invalid', 'owner: a direct room has two users, owner and peer');
    if (members !== undefined) throw new ChatError('invalid', 'members: a direct room has owner and peer');
    if (name !== undefined || topic !== undefined)
      throw new ChatError('invalid', 'a direct room has no name and topic');
  } else if (peer !== undefined) {
    throw new ChatError('invalid', `peer: only a direct room has one, not ${kind}`);
  }
}

function createWithOwner(chat: Chat, actor: ModuleActor, draft: Draft): Promise<CreatedRoom> {
  const { id, kind, owner, members } = draft;
  const users = owner === undefined ? members : [owner, ...members];
  const needs = {
    rooms: [id],
    members: users.map((user) => [id, user] as const),
    restrictions: users,
    // Rooms of users are counted.
    alone: true,
  };
  return chat.writer.run(needs, async (tx) => {
    const existing = await tx.findRoom(id);
    if (existing) return replay(chat, tx, actor, draft, existing);
    chat.permissions.require('createRoom', actor, { value: kind });
    if (owner !== undefined) refuseBanned(await tx.restrictions(id, owner), id, tx.nowMs);
    await requireRoomsLeft(chat, tx, users, 'member');
    if (!actor.system) await requireMakingsLeft(chat, tx, actor.user);
    const room = insertRoom(tx, actor, draft, null);
    const own = owner === undefined ? undefined : await addNew(tx, actor, room, owner, 'owner');
    for (const user of members) {
      chat.permissions.require('invite', actor, { room, member: own, targetUser: user });
    }
    await requirePlaces(chat, tx, await tx.room(id), members.length, 'member', !actor.system && members.length > 0);
    await checkInvitees(tx, actor, id, members);
    for (const user of members) await addNew(tx, actor, room, user, 'member');
    return tellMembers(tx, id, users, owner);
  });
}

/**
 * The row under `dm_key` is unique: of two who make the room at the same time, one does, and the other finds it.
 * Both users are `member`; neither rules over the other.
 */
function createDirect(chat: Chat, actor: ModuleActor, draft: Draft, owner: string, peer: string): Promise<CreatedRoom> {
  const users = [...new Set([owner, peer])];
  const key = directKey(owner, peer);
  return chat.writer.run({ rooms: [draft.id], restrictions: users, alone: true }, async (tx) => {
    const found = await tx.read.selectFrom('chat_rooms').select('id').where('dm_key', '=', key).executeTakeFirst();
    const id = found?.id ?? draft.id;
    const existing = await tx.findRoom(id);
    if (existing && (existing.dm_key !== key || existing.deleted_at !== null)) throw new ChatError('alreadyExists', id);
    const absent: string[] = [];
    for (const user of users) if ((await tx.member(id, user))?.state !== 'member') absent.push(user);
    if (existing && absent.length === 0) {
      const member = await tx.member(id, owner);
      return { ...(await created(tx, id, member && (await readRoomListItem(tx, id, member)))), replayed: true };
    }
    chat.permissions.require('createRoom', actor, { value: 'direct', targetUser: peer });
    refuseBanned(await tx.restrictions(id, owner), id, tx.nowMs);
    await checkInvitees(
      tx,
      actor,
      id,
      users.filter((user) => user !== owner),
    );
    await requireRoomsLeft(chat, tx, absent, 'member');
    const room = existing ?? insertRoom(tx, actor, draft, key);
    for (const user of absent) await addNew(tx, actor, room, user, 'member');
    const made = await tellMembers(tx, id, users, owner);
    return existing ? { ...made, replayed: true } : made;
  });
}

/** Who made the room and may no longer find it, is told no more than anybody else. */
async function replay(
  chat: Chat,
  tx: ChatTransaction,
  actor: ModuleActor,
  { id, kind, owner }: Draft,
  existing: RoomRow,
): Promise<CreatedRoom> {
  const same = existing.created_by === actor.user && existing.kind === kind && existing.deleted_at === null;
  const own = await tx.member(id, actor.user);
  if (!same || !chat.permissions.allows('findRoom', actor, { room: existing, member: own })) {
    throw new ChatError('alreadyExists', id);
  }
  await refuseBannedActor(tx, actor, id);
  const member = owner === undefined ? undefined : await tx.member(id, owner);
  return { ...(await created(tx, id, member && (await readRoomListItem(tx, id, member)))), replayed: true };
}

function insertRoom(tx: ChatTransaction, actor: ModuleActor, draft: Draft, dmKey: string | null): RoomRow {
  const { id, kind, name, topic, data } = draft;
  tx.insertRoom({
    id,
    epoch: newEpoch(),
    kind,
    dm_key: dmKey,
    name,
    topic,
    data,
    created_by: actor.user,
    created_at: tx.nowMs,
    last_seq: 0,
    last_at: tx.nowMs,
    ucount: 0,
    rev: 0,
    min_rev: 0,
    changed_rev: 0,
    member_count: 0,
    slow_ms: 0,
    retention_ms: null,
    frozen: 0,
    deleted_at: null,
  });
  const rev = tx.nextRev(id);
  const row = tx.changeRoom(id, { changed_rev: rev });
  tx.publish(id, rev, { type: 'room', room: toRoom(row) }, 'room.created', actor.user);
  return row;
}

async function addNew(tx: ChatTransaction, actor: ModuleActor, room: RoomRow, user: string, role: Role) {
  const before = await tx.member(room.id, user);
  const row = newMembership(room, user, { role, state: 'member', before, nowMs: tx.nowMs });
  return putMember(tx, before, row, 'member.joined', actor.user);
}

/** When all are in: each is told of the room as it is then. */
async function tellMembers(
  tx: ChatTransaction,
  id: string,
  users: readonly string[],
  owner: string | undefined,
): Promise<CreatedRoom> {
  let own: RoomListItem | undefined;
  for (const user of users) {
    const member = await tx.member(id, user);
    const item = member && (await tellRoomListItem(tx, member));
    if (user === owner) own = item;
  }
  return created(tx, id, own);
}

async function created(tx: ChatTransaction, id: string, item: RoomListItem | undefined): Promise<CreatedRoom> {
  return { room: toRoom(await tx.room(id)), ...(item && { item }) };
}
