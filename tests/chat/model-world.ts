/**
 * Chat as a few maps in memory: what rooms, members and messages there must be. Permissions are said once more, in other
 * words than the rules of the server, so that a mistake has to be made twice.
 */
import type { Role, RoomKind } from '../../packages/server/src/modules/chat/model.ts';

export interface ModelMember {
  role: Role;
  state: 'member' | 'invited' | 'left' | 'kicked';
  joinedSeq: number;
  joinedAt: number;
  readSeq: number;
  deliveredSeq: number;
  pinned: boolean;
  archived: boolean;
  sentAt: number;
}

export interface ModelMessage {
  readonly seq: number;
  readonly sender: string;
  readonly clientId: string | undefined;
  /** What came with the client id first. */
  readonly sent: string;
  readonly threadSeq: number | undefined;
  readonly replySeq: number | undefined;
  readonly silent: boolean;
  text: string;
  /** As given. */
  mentions: { users?: readonly string[]; room?: boolean } | undefined;
  /** Whom it concerns: members when it was said. */
  named: Set<string>;
  everybody: boolean;
  version: number;
  deleted: boolean;
  pinned: boolean;
  /** Emoji → users. */
  readonly reactions: Map<string, Set<string>>;
  /** Replies under it. */
  threadCount: number;
  /** Unix milliseconds. */
  readonly at: number;
  /** No longer kept. */
  gone: boolean;
  /** What users chose; absent: it is no poll. */
  readonly votes?: Map<string, readonly string[]>;
  readonly multiple?: boolean;
  closed?: boolean;
}

export interface ModelRoom {
  readonly id: string;
  readonly kind: RoomKind;
  readonly createdBy: string;
  readonly pair: string | undefined;
  readonly members: Map<string, ModelMember>;
  readonly messages: ModelMessage[];
  name: string | undefined;
  lastAt: number;
  frozen: boolean;
  slowMs: number;
  /** How long messages are kept. */
  retentionMs: number | undefined;
  deleted: boolean;
}

export type ModelRestriction = 'ban' | 'mute';

export interface World {
  readonly users: readonly string[];
  readonly rooms: Map<string, ModelRoom>;
  /** `who blocked\0whom`. */
  readonly blocks: Set<string>;
  /** `kind\0room or *\0user` → until, Unix milliseconds; undefined: for good. */
  readonly restrictions: Map<string, number | undefined>;
  now: number;
}

const ranks: Readonly<Record<Role, number>> = { guest: 0, member: 1, moderator: 2, admin: 3, owner: 4 };
const nobody = -1;

/** Higher may do more; below 0 for who is not in the room. */
function rankOf(member: ModelMember | undefined): number {
  return member?.state === 'member' ? ranks[member.role] : nobody;
}

function isOpen({ kind }: ModelRoom): boolean {
  return kind === 'public' || kind === 'broadcast' || kind === 'livestream';
}

export function isFindable(room: ModelRoom, user: string): boolean {
  const state = room.members.get(user)?.state;
  return isOpen(room) || state === 'member' || state === 'invited';
}

/** What a member does that is not about other members. */
export type SimpleAction =
  | 'read'
  | 'write'
  | 'react'
  | 'pin'
  | 'mentionRoom'
  | 'moderate'
  | 'changeRoom'
  | 'deleteRoom'
  | 'transfer'
  | 'join';

export function may(action: SimpleAction, room: ModelRoom, user: string): boolean {
  const member = room.members.get(user);
  const rank = rankOf(member);
  const direct = room.kind === 'direct';
  switch (action) {
    case 'read':
      return rank >= 0 || (isOpen(room) && member?.state !== 'kicked');
    case 'write':
      return rank >= (room.kind === 'broadcast' ? 2 : 1);
    case 'react':
      return rank >= 0;
    case 'pin':
      return rank >= (direct ? 0 : 2);
    case 'mentionRoom':
      return rank >= (direct || room.kind === 'group' ? 1 : 2);
    case 'moderate':
      return !direct && rank >= 2;
    case 'changeRoom':
      return !direct && rank >= 3;
    case 'deleteRoom':
    case 'transfer':
      return rank === 4;
    case 'join':
      return member?.state === 'invited' || (isOpen(room) && member?.state !== 'kicked');
  }
}

export function mayInvite(room: ModelRoom, user: string, target: string): boolean {
  const rank = rankOf(room.members.get(user));
  if (room.kind !== 'group') return rank >= 3;
  return rank >= (room.members.get(target)?.state === 'kicked' ? 2 : 1);
}

/** Who is not in the room has the lowest rank. */
export function mayKick(room: ModelRoom, user: string, target: string): boolean {
  const [own, other] = [rankOf(room.members.get(user)), rankOf(room.members.get(target))];
  return room.kind !== 'direct' && own >= 2 && own > other;
}

export function mayChangeRole(room: ModelRoom, user: string, target: string, role: Role): boolean {
  const [own, other] = [rankOf(room.members.get(user)), rankOf(room.members.get(target))];
  if (room.kind === 'direct' || role === 'owner') return false;
  return own === 4 || (own === 3 && other < 3 && role !== 'admin');
}

/** The error for who may not: what cannot be found is not there. */
export function refusalOf(room: ModelRoom, user: string, action?: 'join'): string {
  if (!isFindable(room, user)) return 'roomNotFound';
  return room.members.get(user)?.state !== 'member' && action !== 'join' ? 'notMember' : 'forbidden';
}

export function isRestricted(world: World, kind: ModelRestriction, room: string, user: string): boolean {
  return [room, '*'].some((scope) => {
    const key = `${kind}\0${scope}\0${user}`;
    const until = world.restrictions.get(key);
    return world.restrictions.has(key) && (until === undefined || until > world.now);
  });
}

export function isBlocked(world: World, a: string, b: string): boolean {
  return world.blocks.has(`${a}\0${b}`) || world.blocks.has(`${b}\0${a}`);
}

export function isMember(room: ModelRoom, user: string): boolean {
  return room.members.get(user)?.state === 'member';
}

export function countMembers(room: ModelRoom): number {
  return [...room.members.values()].filter(({ state }) => state === 'member').length;
}

export function isCountable(message: ModelMessage): boolean {
  return !message.silent && message.threadSeq === undefined;
}

/** Unread messages: those that count behind the member's mark. */
export function unreadOf(room: ModelRoom, member: ModelMember): number {
  if (member.state !== 'member') return 0;
  return room.messages.slice(member.readSeq).filter((message) => isCountable(message) && !message.gone).length;
}

/** Unread messages that concern the member. */
export function mentionsOf(room: ModelRoom, user: string, member: ModelMember): number {
  if (member.state !== 'member') return 0;
  return room.messages
    .slice(member.readSeq)
    .filter(({ deleted, gone }) => !deleted && !gone)
    .filter(({ everybody, named, sender }) => (everybody && sender !== user) || named.has(user)).length;
}

/** Comes into the room now: nothing that was said is unread. */
export function enter(world: World, room: ModelRoom, user: string, state: 'member' | 'invited', role: Role): void {
  const last = room.messages.length;
  room.members.set(user, {
    role,
    state,
    joinedSeq: last,
    joinedAt: world.now,
    readSeq: last,
    deliveredSeq: last,
    pinned: false,
    archived: false,
    sentAt: room.members.get(user)?.sentAt ?? 0,
  });
}

export function end(room: ModelRoom, user: string, state: 'left' | 'kicked'): void {
  const member = room.members.get(user);
  if (member) Object.assign(member, { state, pinned: false, archived: false });
}

/** Others take back what somebody was asked, or ban them: only of who has done something here, or made the room, is anything left. */
export function putOut(room: ModelRoom, user: string): void {
  const member = room.members.get(user);
  if (!member) return;
  const { sentAt, joinedSeq, readSeq, deliveredSeq } = member;
  const isUnread = readSeq === joinedSeq && deliveredSeq === joinedSeq;
  if (sentAt === 0 && isUnread && room.createdBy !== user) room.members.delete(user);
  else end(room, user, 'left');
}

/** The highest of those who stay becomes owner, of equals who is longest in the room. */
export function passOwnership(room: ModelRoom): void {
  const staying = [...room.members].filter(([, { state }]) => state === 'member');
  if (staying.some(([, { role }]) => role === 'owner')) return;
  const [heir] = staying.toSorted(
    ([nameA, a], [nameB, b]) => ranks[b.role] - ranks[a.role] || a.joinedAt - b.joinedAt || (nameA < nameB ? -1 : 1),
  );
  if (heir) heir[1].role = 'owner';
}

/** The message, if it is still kept. */
export function messageAt(room: ModelRoom, seq: number): ModelMessage | undefined {
  const message = room.messages[seq - 1];
  return message?.gone ? undefined : message;
}

/** What is older than the room keeps it goes; whoever had not read it has nothing unread of it any more. */
export function retain(world: World, room: ModelRoom): void {
  if (room.deleted || room.retentionMs === undefined) return;
  const before = world.now - room.retentionMs;
  const kept = room.messages.findIndex(({ at }) => at >= before);
  const cut = kept === -1 ? room.messages.length : kept;
  const going = room.messages.slice(0, cut).filter(({ gone }) => !gone);
  if (going.length === 0) return;
  for (const message of going) message.gone = true;
  for (const member of room.members.values()) {
    if (member.readSeq >= cut) continue;
    member.readSeq = cut;
    member.deliveredSeq = Math.max(member.deliveredSeq, cut);
  }
}
