/**
 * What users do in the model-based test: each operation becomes one command, with the errors it may be refused with
 * according to the model, and what it changes there.
 */
import fc from 'fast-check';
import type { Role, RoomKind } from '../../packages/server/src/modules/chat/model.ts';
import {
  countMembers,
  end,
  enter,
  isBlocked,
  isFindable,
  isMember,
  isRestricted,
  may,
  mayChangeRole,
  mayInvite,
  mayKick,
  messageAt,
  passOwnership,
  putOut,
  refusalOf,
  type ModelMember,
  type ModelMessage,
  type ModelRoom,
  type World,
} from './model-world.ts';

/** One command as the model sees it. */
export interface Step {
  readonly command: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** Empty: it succeeds. Else one of these is the answer, and nothing has changed. */
  readonly refusals: readonly string[];
  /** What the answer must have. */
  readonly answer?: Readonly<Record<string, unknown>>;
  readonly apply?: () => void;
}

/** Numbers that an operation uses as it needs them: which room, which message, which user. */
export interface Operation {
  readonly name: OperationName;
  readonly user: number;
  readonly room: number;
  readonly pick: number;
  readonly other: number;
  readonly flag: boolean;
}

interface Scene extends Omit<Operation, 'user' | 'room' | 'name'> {
  readonly world: World;
  readonly user: string;
  readonly id: string;
  /** Undefined for one that was never made or is deleted. */
  readonly room: ModelRoom | undefined;
  readonly target: string;
}

const kinds: readonly RoomKind[] = ['direct', 'group', 'public', 'broadcast', 'livestream'];
const givenRoles: readonly Role[] = ['admin', 'moderator', 'member', 'guest', 'owner'];
const emojis = ['👍', '❤️', ':party:'];
const slowModes = [0, 5_000];

/** Steps in a room that must be there; who cannot find it is told the same as if it were not. */
function inRoom(
  step: (scene: Scene & { readonly room: ModelRoom }) => Omit<Step, 'command'>,
  command: string,
): (scene: Scene) => Step {
  return (scene) => {
    const { room } = scene;
    if (!room) {
      const { input, refusals } = step({ ...scene, room: emptyRoom(scene.id) });
      // What is wrong without any room may be said first.
      return { input, command, refusals: ['roomNotFound', ...refusals.filter((name) => name === 'invalid')] };
    }
    const planned = step({ ...scene, room });
    // A ban is told before whatever else would be refused.
    const banned = planned.refusals.length > 0 && isRestricted(scene.world, 'ban', room.id, scene.user);
    return { ...planned, command, refusals: banned ? [...planned.refusals, 'banned'] : planned.refusals };
  };
}

function emptyRoom(id: string): ModelRoom {
  return {
    id,
    kind: 'group',
    createdBy: '',
    pair: undefined,
    members: new Map(),
    messages: [],
    name: undefined,
    lastAt: 0,
    frozen: false,
    slowMs: 0,
    retentionMs: undefined,
    deleted: true,
  };
}

/** A seq that is mostly there: the latest ones more often. */
function seqIn(room: ModelRoom, pick: number): number {
  const last = room.messages.length;
  if (pick % 11 === 10) return last + 1;
  return Math.max(1, pick % 2 === 0 ? last - (pick % 5) : 1 + (pick % Math.max(1, last)));
}

function messageProblems(room: ModelRoom, seq: number): string[] {
  const message = messageAt(room, seq);
  if (!message) return ['messageNotFound'];
  return message.deleted ? ['deleted'] : [];
}

/** What keeps somebody from writing who may. */
function writeProblems({ world, user }: Scene, room: ModelRoom): string[] {
  return [
    ...(room.frozen && !may('moderate', room, user) ? ['frozen'] : []),
    ...(isRestricted(world, 'ban', room.id, user) ? ['banned'] : []),
    ...(isRestricted(world, 'mute', room.id, user) ? ['muted'] : []),
  ];
}

function readProblems({ world, user }: Scene, room: ModelRoom): string[] {
  if (!may('read', room, user)) return [refusalOf(room, user)];
  return isRestricted(world, 'ban', room.id, user) ? ['banned'] : [];
}

/** The first that has something to say. */
function first(...all: readonly (readonly string[])[]): readonly string[] {
  return all.find((problems) => problems.length > 0) ?? [];
}

function when(condition: boolean, ...problems: readonly string[]): readonly string[] {
  return condition ? problems : [];
}

function ownMember(room: ModelRoom, user: string): ModelMember {
  const member = room.members.get(user);
  if (!member) throw new Error(`${user} is not in ${room.id}`);
  return member;
}

function mentionsFor({ pick, target, world }: Scene): ModelMessage['mentions'] {
  if (pick % 4 === 0) return { users: [target, world.users[0] ?? ''] };
  return pick % 9 === 0 ? { room: true } : undefined;
}

/** Members among those named, without who speaks, and without those who want to hear nothing of them. */
function namedIn({ blocks }: World, room: ModelRoom, sender: string, mentions: ModelMessage['mentions']): Set<string> {
  const reached = (name: string) => name !== sender && isMember(room, name) && !blocks.has(`${name}\0${sender}`);
  return new Set((mentions?.users ?? []).filter(reached));
}

function createRoom(scene: Scene): Step {
  const { world, user, id, pick, target } = scene;
  const kind = kinds[pick % 3] ?? 'group';
  const existing = world.rooms.get(id);
  if (kind === 'direct') return createDirect(scene);
  const members = [...new Set([target, world.users[pick % world.users.length] ?? target])];
  const input = { kind, id, name: `room ${pick}`, members };
  if (existing) {
    const same = existing.createdBy === user && existing.kind === kind && !existing.deleted;
    // Who left their own room and cannot find it any more is told no more than others.
    const finds = existing.kind !== 'group' || ['member', 'invited'].includes(existing.members.get(user)?.state ?? '');
    return {
      command: 'createRoom',
      input,
      refusals: first(when(!same || !finds, 'alreadyExists'), when(isRestricted(world, 'ban', id, user), 'banned')),
      answer: { replayed: true },
    };
  }
  const others = members.filter((name) => name !== user);
  return {
    command: 'createRoom',
    input,
    refusals: [
      ...when(isRestricted(world, 'ban', id, user), 'banned'),
      ...others.flatMap((name) => [
        ...when(isRestricted(world, 'ban', id, name), 'banned'),
        ...when(isBlocked(world, user, name), 'blocked'),
      ]),
    ],
    apply() {
      const room: ModelRoom = { ...emptyRoom(id), kind, createdBy: user, name: input.name, lastAt: world.now };
      room.deleted = false;
      world.rooms.set(id, room);
      enter(world, room, user, 'member', 'owner');
      for (const name of others) enter(world, room, name, 'member', 'member');
    },
  };
}

function createDirect({ world, user, id, target }: Scene): Step {
  const pair = [user, target].toSorted().join(' ');
  const there = [...world.rooms.values()].find((room) => room.pair === pair && !room.deleted);
  const input = { kind: 'direct', id, peer: target };
  if (there) return { command: 'createRoom', input, refusals: [], answer: { replayed: true } };
  return {
    command: 'createRoom',
    input,
    refusals: world.rooms.has(id)
      ? ['alreadyExists']
      : [
          ...when(isRestricted(world, 'ban', id, user), 'banned'),
          ...when(target !== user && isRestricted(world, 'ban', id, target), 'banned'),
          ...when(target !== user && isBlocked(world, user, target), 'blocked'),
        ],
    apply() {
      const room: ModelRoom = { ...emptyRoom(id), kind: 'direct', createdBy: user, pair, lastAt: world.now };
      room.deleted = false;
      world.rooms.set(id, room);
      for (const name of new Set([user, target])) enter(world, room, name, 'member', 'member');
    },
  };
}

/** By a back end: kinds that users cannot make. */
function createOpen({ world, user, id, pick }: Scene): Step {
  const kind = kinds[3 + (pick % 2)] ?? 'broadcast';
  const input = { kind, id, owner: user };
  const existing = world.rooms.get(id);
  if (existing) {
    const same = existing.createdBy === '' && existing.kind === kind && !existing.deleted;
    return { command: 'createRoom', input, refusals: when(!same, 'alreadyExists'), answer: { replayed: true } };
  }
  return {
    command: 'createRoom',
    input,
    refusals: when(isRestricted(world, 'ban', id, user), 'banned'),
    apply() {
      const room: ModelRoom = { ...emptyRoom(id), kind, createdBy: '', lastAt: world.now };
      room.deleted = false;
      world.rooms.set(id, room);
      enter(world, room, user, 'member', 'owner');
    },
  };
}

const join = (command: 'join' | 'acceptInvite') =>
  inRoom((scene) => {
    const { world, room, user } = scene;
    const banned = when(isRestricted(world, 'ban', room.id, user), 'banned');
    if (isMember(room, user)) return { input: { room: room.id }, refusals: banned, answer: { replayed: true } };
    const invited = room.members.get(user)?.state === 'invited';
    return {
      input: { room: room.id },
      refusals: first(
        when(!may('join', room, user), refusalOf(room, user, 'join')),
        banned,
        when(command === 'acceptInvite' && !invited, 'notMember'),
      ),
      apply: () => enter(world, room, user, 'member', 'member'),
    };
  }, command);

const declineInvite = inRoom(({ room, user }) => {
  const state = room.members.get(user)?.state;
  const input = { room: room.id };
  if (state === 'left') return { input, refusals: [] };
  return {
    input,
    refusals: first(
      when(!isFindable(room, user), 'roomNotFound'),
      when(state === 'member', 'invalid'),
      when(state !== 'invited', 'notMember'),
    ),
    apply: () => end(room, user, 'left'),
  };
}, 'declineInvite');

const leave = inRoom(({ room, user }) => {
  const state = room.members.get(user)?.state;
  const input = { room: room.id };
  if (state === 'left') return { input, refusals: [] };
  return {
    input,
    refusals: first(
      when(state !== 'member' && state !== 'invited', isFindable(room, user) ? 'notMember' : 'roomNotFound'),
      when(room.kind === 'direct', 'invalid'),
    ),
    apply() {
      const last = state === 'member' && countMembers(room) === 1;
      end(room, user, 'left');
      if (last && ['group', 'public'].includes(room.kind) && room.createdBy !== '')
        Object.assign(room, { deleted: true, name: undefined });
      else passOwnership(room);
    },
  };
}, 'leave');

const invite = inRoom((scene) => {
  const { world, room, user, flag, target, pick } = scene;
  const users = [...new Set([target, world.users[pick % world.users.length] ?? target])];
  const fresh = users.filter((name) => {
    const state = room.members.get(name)?.state;
    return state !== 'member' && !(flag && state === 'invited');
  });
  return {
    input: { room: room.id, users, ...(flag && { ask: true }) },
    refusals: first(when(!users.every((name) => mayInvite(room, user, name)), refusalOf(room, user)), [
      ...fresh.flatMap((name) => when(isRestricted(world, 'ban', room.id, name), 'banned')),
      ...fresh.flatMap((name) => when(isBlocked(world, user, name), 'blocked')),
    ]),
    apply() {
      for (const name of fresh) enter(world, room, name, flag ? 'invited' : 'member', 'member');
    },
  };
}, 'invite');

const kick = inRoom(({ room, user, target }) => {
  const state = room.members.get(target)?.state;
  return {
    input: { room: room.id, user: target },
    refusals: first(
      when(target === user, 'invalid'),
      when(!mayKick(room, user, target), refusalOf(room, user)),
      when(state === undefined || state === 'left', 'userNotFound'),
    ),
    apply() {
      if (state === 'kicked') return;
      if (state === 'invited') putOut(room, target);
      else end(room, target, 'kicked');
      passOwnership(room);
    },
  };
}, 'kick');

const changeRole = inRoom(({ room, user, target, pick }) => {
  const role = givenRoles[pick % givenRoles.length] ?? 'member';
  const member = room.members.get(target);
  const owners = [...room.members.values()].filter((other) => other.state === 'member' && other.role === 'owner');
  const lastOwner = member?.role === 'owner' && owners.length < 2;
  return {
    input: { room: room.id, user: target, role },
    refusals: first(
      when(!mayChangeRole(room, user, target, role), refusalOf(room, user)),
      when(member?.state !== 'member', 'userNotFound'),
      when(lastOwner, 'invalid'),
    ),
    apply: () => void Object.assign(ownMember(room, target), { role }),
  };
}, 'changeRole');

const transfer = inRoom(
  ({ room, user, target }) => ({
    input: { room: room.id, user: target },
    refusals: first(
      when(!may('transfer', room, user), refusalOf(room, user)),
      when(!isMember(room, target), 'userNotFound'),
    ),
    apply() {
      ownMember(room, user).role = 'admin';
      ownMember(room, target).role = 'owner';
    },
  }),
  'transfer',
);

const changeRoom = inRoom(({ room, user, pick, flag }) => {
  const change = flag
    ? { name: `name ${pick}` }
    : { frozen: pick % 5 === 0, slowMs: slowModes[pick % slowModes.length] ?? 0 };
  const allowed = may('changeRoom', room, user) || (!flag && may('moderate', room, user));
  return {
    input: { room: room.id, ...change },
    refusals: when(!allowed, refusalOf(room, user)),
    apply: () => void Object.assign(room, change),
  };
}, 'changeRoom');

const deleteRoom = inRoom(
  ({ room, user }) => ({
    input: { room: room.id },
    refusals: when(!may('deleteRoom', room, user), refusalOf(room, user)),
    apply() {
      room.deleted = true;
      room.name = undefined;
    },
  }),
  'deleteRoom',
);

const send = inRoom((scene) => {
  const { world, room, user, pick, other, flag } = scene;
  const clientId = pick % 3 === 0 ? undefined : `c${pick % 7}`;
  const text = `text ${other % 4} <b>&amp;</b> \u202e😀`;
  const silent = pick % 6 === 5;
  const mentions = mentionsFor(scene);
  const threadSeq = flag && room.messages.length > 0 ? seqIn(room, other) : undefined;
  const replySeq = !flag && pick % 5 === 1 && room.messages.length > 0 ? seqIn(room, other) : undefined;
  const said = {
    text,
    ...(mentions && { mentions }),
    ...(threadSeq !== undefined && { threadSeq }),
    ...(replySeq !== undefined && { replySeq }),
    ...(silent && { silent: true }),
  };
  const input = { room: room.id, ...(clientId !== undefined && { clientId }), ...said };
  const earlier = sentBefore(room, user, clientId);
  const sent = JSON.stringify(said);
  if (earlier) {
    const differs = earlier.sent !== sent;
    return { input, refusals: [], answer: { replayed: true, ...(differs && { differs }), seq: earlier.seq } };
  }
  const parent = threadSeq === undefined ? undefined : messageAt(room, threadSeq);
  const refusals = first(when(!may('write', room, user), refusalOf(room, user)), [
    ...writeProblems(scene, room),
    ...when(mustWait(world, room, user), 'slowMode'),
    ...when(isBlockedPair(world, room), 'blocked'),
    ...(replySeq === undefined ? [] : messageProblems(room, replySeq)),
    ...(threadSeq === undefined ? [] : messageProblems(room, threadSeq)),
    ...when(parent?.threadSeq !== undefined, 'invalid'),
    ...when(mentions?.room === true && !may('mentionRoom', room, user), 'forbidden'),
  ]);
  const seq = room.messages.length + 1;
  return {
    input,
    refusals,
    answer: { seq },
    apply() {
      room.messages.push({
        seq,
        sender: user,
        clientId,
        sent,
        threadSeq,
        replySeq,
        silent,
        text,
        mentions,
        named: namedIn(world, room, user, mentions),
        everybody: mentions?.room === true,
        version: 1,
        deleted: false,
        pinned: false,
        reactions: new Map(),
        threadCount: 0,
        at: world.now,
        gone: false,
      });
      if (parent) parent.threadCount++;
      wasSent(world, room, user, threadSeq === undefined);
    },
  };
}, 'send');

function sentBefore(room: ModelRoom, user: string, clientId: string | undefined): ModelMessage | undefined {
  if (clientId === undefined) return undefined;
  return room.messages.find((one) => one.sender === user && one.clientId === clientId && !one.gone);
}

/** Who sends has read what stands above, but not in a thread. */
function wasSent(world: World, room: ModelRoom, user: string, inRoomItself: boolean): void {
  room.lastAt = world.now;
  const own = ownMember(room, user);
  own.sentAt = world.now;
  const seq = room.messages.length;
  if (inRoomItself) Object.assign(own, { readSeq: seq, deliveredSeq: seq });
}

function mustWait(world: World, room: ModelRoom, user: string): boolean {
  const sentAt = room.members.get(user)?.sentAt ?? 0;
  return room.slowMs > 0 && !may('moderate', room, user) && sentAt + room.slowMs > world.now;
}

function isBlockedPair(world: World, room: ModelRoom): boolean {
  const [a = '', b = ''] = room.pair?.split(' ') ?? [];
  return room.kind === 'direct' && isBlocked(world, a, b);
}

const createPoll = inRoom((scene) => {
  const { world, room, user, pick, flag } = scene;
  const clientId = pick % 3 === 0 ? undefined : `p${pick % 5}`;
  const said = { question: `question ${pick % 3}`, options: ['yes', 'no', 'perhaps'], ...(flag && { multiple: true }) };
  const input = { room: room.id, ...(clientId !== undefined && { clientId }), ...said };
  const earlier = sentBefore(room, user, clientId);
  const refused = first(when(!may('write', room, user), refusalOf(room, user)));
  if (earlier && refused.length === 0 && !isRestricted(world, 'ban', room.id, user)) {
    return { input, refusals: [], answer: { seq: earlier.seq } };
  }
  const seq = room.messages.length + 1;
  return {
    input,
    refusals: first(refused, [
      ...writeProblems(scene, room),
      ...when(mustWait(world, room, user), 'slowMode'),
      ...when(isBlockedPair(world, room), 'blocked'),
    ]),
    answer: { seq },
    apply() {
      room.messages.push({
        seq,
        sender: user,
        clientId,
        sent: JSON.stringify(said),
        threadSeq: undefined,
        replySeq: undefined,
        silent: false,
        text: said.question,
        mentions: undefined,
        named: new Set(),
        everybody: false,
        version: 1,
        deleted: false,
        pinned: false,
        reactions: new Map(),
        threadCount: 0,
        at: world.now,
        gone: false,
        votes: new Map(),
        multiple: flag,
      });
      wasSent(world, room, user, true);
    },
  };
}, 'createPoll');

/** The latest poll mostly; now and then a message that is none. */
function pollIn(room: ModelRoom, other: number): number {
  const latest = room.messages.findLast(({ votes }) => votes)?.seq;
  return latest !== undefined && other % 5 > 0 ? latest : seqIn(room, other);
}

const vote = inRoom((scene) => {
  const { room, user, pick, other } = scene;
  const seq = pollIn(room, other);
  const message = messageAt(room, seq);
  const options = ['1', '2', '3', '9'].filter((_, at) => ((pick >> at) & 1) === 1 && (at < 3 || pick % 7 === 0));
  return {
    input: { room: room.id, seq, options },
    refusals: first(
      when(!may('read', room, user), refusalOf(room, user)),
      [...messageProblems(room, seq), ...when(!may('react', room, user), refusalOf(room, user))],
      writeProblems(scene, room),
      when(message?.votes === undefined, 'invalid'),
      when(message?.closed === true, 'closed'),
      when(options.includes('9') || (options.length > 1 && message?.multiple !== true), 'invalid'),
    ),
    apply() {
      if (options.length > 0) message?.votes?.set(user, options);
      else message?.votes?.delete(user);
    },
  };
}, 'vote');

const closePoll = inRoom(({ room, user, other }) => {
  const seq = pollIn(room, other);
  const message = messageAt(room, seq);
  const own = message?.sender === user && isMember(room, user);
  const staff = may('moderate', room, user);
  return {
    input: { room: room.id, seq },
    refusals: first(when(!may('read', room, user), refusalOf(room, user)), messageProblems(room, seq), [
      ...when(message?.votes === undefined, 'invalid'),
      ...when(!own && !staff, refusalOf(room, user)),
    ]),
    apply: () => void (message && (message.closed = true)),
  };
}, 'closePoll');

const keepFor = inRoom(({ room, user, pick }) => {
  const retentionMs = pick % 4 === 0 ? null : 1_000 + pick * 10;
  return {
    input: { room: room.id, retentionMs },
    refusals: when(!may('changeRoom', room, user) && !may('moderate', room, user), refusalOf(room, user)),
    apply: () => void (room.retentionMs = retentionMs ?? undefined),
  };
}, 'changeRoom');

const edit = inRoom((scene) => {
  const { world, room, user, pick, other } = scene;
  const seq = seqIn(room, other);
  const message = messageAt(room, seq);
  const text = `edited ${pick % 4}`;
  const mentions = pick % 3 === 0 ? (mentionsFor(scene) ?? null) : undefined;
  const expectedVersion = pick % 7 === 6 ? 2 : undefined;
  const allowed = message?.sender === user && may('write', room, user);
  const is = mentions === undefined ? message?.mentions : (mentions ?? undefined);
  const same = message?.text === text && JSON.stringify(shown(is)) === JSON.stringify(shown(message.mentions));
  return {
    input: {
      room: room.id,
      seq,
      text,
      ...(mentions !== undefined && { mentions }),
      ...(expectedVersion !== undefined && { expectedVersion }),
    },
    refusals: first(readProblems(scene, room), messageProblems(room, seq), when(!allowed, refusalOf(room, user)), [
      ...writeProblems(scene, room),
      ...when(message?.votes !== undefined, 'invalid'),
      ...when(mentions?.room === true && !may('mentionRoom', room, user), 'forbidden'),
      ...when(expectedVersion !== undefined && expectedVersion !== message?.version, 'conflict'),
    ]),
    apply() {
      if (!message || same) return;
      message.text = text;
      message.version++;
      // That everybody is mentioned now calls up nobody; that they no longer are, takes it back.
      message.everybody &&= is?.room === true;
      message.mentions = is;
      message.named = namedIn(world, room, user, is);
    },
  };
}, 'edit');

/** Mentions as they are stored. */
export function shown(mentions: ModelMessage['mentions']): ModelMessage['mentions'] {
  return mentions?.users ? { ...mentions, users: [...new Set(mentions.users)] } : mentions;
}

const deleteMessage = inRoom((scene) => {
  const { room, user, other } = scene;
  const seq = seqIn(room, other);
  const message = messageAt(room, seq);
  const own = message?.sender === user && isMember(room, user);
  return {
    input: { room: room.id, seq },
    refusals: first(
      when(!may('read', room, user), refusalOf(room, user)),
      when(!message, 'messageNotFound'),
      when(!own && !may('moderate', room, user), refusalOf(room, user)),
    ),
    apply() {
      if (!message || message.deleted) return;
      Object.assign(message, { deleted: true, pinned: false, text: '' });
      message.reactions.clear();
      message.votes?.clear();
      const parent = messageAt(room, message.threadSeq ?? 0);
      if (parent) parent.threadCount--;
    },
  };
}, 'delete');

const reaction = (command: 'react' | 'unreact') =>
  inRoom((scene) => {
    const { room, user, other, pick } = scene;
    const seq = seqIn(room, other);
    const emoji = emojis[pick % emojis.length] ?? '👍';
    return {
      input: { room: room.id, seq, emoji },
      refusals: first(
        when(!may('read', room, user), refusalOf(room, user)),
        // Who may not react need not be told that the message is there, and the other way round.
        [...messageProblems(room, seq), ...when(!may('react', room, user), refusalOf(room, user))],
        writeProblems(scene, room),
      ),
      apply() {
        const reactions = room.messages[seq - 1]?.reactions;
        const users = reactions?.get(emoji) ?? new Set();
        if (command === 'react') users.add(user);
        else users.delete(user);
        if (users.size > 0) reactions?.set(emoji, users);
        else reactions?.delete(emoji);
      },
    };
  }, command);

const pin = (command: 'pin' | 'unpin') =>
  inRoom(({ room, user, other }) => {
    const seq = seqIn(room, other);
    return {
      input: { room: room.id, seq },
      refusals: first(when(!may('read', room, user), refusalOf(room, user)), [
        ...messageProblems(room, seq),
        ...when(!may('pin', room, user), refusalOf(room, user)),
      ]),
      apply() {
        const message = messageAt(room, seq);
        if (message) message.pinned = command === 'pin';
      },
    };
  }, command);

const mark = (command: 'markRead' | 'markUnread' | 'markDelivered') =>
  inRoom((scene) => {
    const { room, user, pick } = scene;
    const seq = seqIn(room, pick);
    const last = room.messages.length;
    return {
      input: { room: room.id, seq },
      refusals: first(
        [...readProblems(scene, room), ...when(may('read', room, user) && !isMember(room, user), 'notMember')],
        when(command === 'markUnread' && seq > last, 'messageNotFound'),
      ),
      apply() {
        const own = ownMember(room, user);
        const upTo = Math.min(seq, last);
        if (command === 'markUnread') own.readSeq = seq - 1;
        if (command === 'markRead') own.readSeq = Math.max(own.readSeq, upTo);
        if (command === 'markDelivered') own.deliveredSeq = Math.max(own.deliveredSeq, upTo);
        own.deliveredSeq = Math.max(own.deliveredSeq, own.readSeq);
      },
    };
  }, command);

const setting = (command: string, change: Partial<ModelMember>) =>
  inRoom(
    ({ room, user }) => ({
      input: { room: room.id },
      refusals: when(!isMember(room, user), refusalOf(room, user)),
      apply: () => void Object.assign(ownMember(room, user), change),
    }),
    command,
  );

const restrict = (command: 'ban' | 'mute') =>
  inRoom(({ world, room, user, target, pick, flag }) => {
    const until = flag ? world.now + 1 + pick * 10 : undefined;
    return {
      input: { room: room.id, user: target, ...(until !== undefined && { until }) },
      refusals: restrictProblems(room, user, target),
      apply() {
        world.restrictions.set(`${command}\0${room.id}\0${target}`, until);
        const state = room.members.get(target)?.state;
        if (command === 'mute' || (state !== 'member' && state !== 'invited')) return;
        putOut(room, target);
        passOwnership(room);
      },
    };
  }, command);

const lift = (command: 'unban' | 'unmute') =>
  inRoom(
    ({ world, room, user, target }) => ({
      input: { room: room.id, user: target },
      refusals: restrictProblems(room, user, target),
      apply: () => void world.restrictions.delete(`${command.slice(2)}\0${room.id}\0${target}`),
    }),
    command,
  );

function restrictProblems(room: ModelRoom, user: string, target: string): readonly string[] {
  return first(
    when(user === target, 'invalid'),
    when(!may('moderate', room, user) || !mayKick(room, user, target), refusalOf(room, user)),
  );
}

const block =
  (command: 'block' | 'unblock') =>
  ({ world, user, target }: Scene): Step => ({
    command,
    input: { user: target },
    refusals: when(command === 'block' && user === target, 'invalid'),
    apply() {
      if (command === 'block') world.blocks.add(`${user}\0${target}`);
      else world.blocks.delete(`${user}\0${target}`);
    },
  });

export const operations = {
  createPoll,
  vote,
  closePoll,
  keepFor,
  ban: restrict('ban'),
  mute: restrict('mute'),
  unban: lift('unban'),
  unmute: lift('unmute'),
  block: block('block'),
  unblock: block('unblock'),
  createRoom,
  createOpen,
  join: join('join'),
  acceptInvite: join('acceptInvite'),
  declineInvite,
  leave,
  invite,
  kick,
  changeRole,
  transfer,
  changeRoom,
  deleteRoom,
  send,
  edit,
  delete: deleteMessage,
  react: reaction('react'),
  unreact: reaction('unreact'),
  pin: pin('pin'),
  unpin: pin('unpin'),
  markRead: mark('markRead'),
  markUnread: mark('markUnread'),
  markDelivered: mark('markDelivered'),
  pinRoom: setting('pinRoom', { pinned: true }),
  unpinRoom: setting('unpinRoom', { pinned: false }),
  archiveRoom: setting('archiveRoom', { archived: true }),
  unarchiveRoom: setting('unarchiveRoom', { archived: false }),
} satisfies Record<string, (scene: Scene) => Step>;

export type OperationName = keyof typeof operations | Aside;

/** What is no command. */
export type Aside = 'wait' | 'sweep' | 'disconnect' | 'reconnect';

/** How often each comes, of all together. */
const weights: Readonly<Partial<Record<OperationName, number>>> = {
  send: 30,
  createRoom: 6,
  createOpen: 2,
  join: 5,
  invite: 6,
  edit: 6,
  delete: 4,
  react: 5,
  markRead: 7,
  markUnread: 4,
  deleteRoom: 0.3,
  changeRoom: 3,
  keepFor: 0.7,
  createPoll: 3,
  vote: 7,
  closePoll: 2,
  pinRoom: 0.5,
  unpinRoom: 0.5,
  archiveRoom: 0.5,
  unarchiveRoom: 0.5,
  unban: 0.7,
  unmute: 0.7,
  leave: 2,
  wait: 4,
  disconnect: 4,
  reconnect: 4,
};

const names: readonly OperationName[] = [
  ...(Object.keys(operations) as OperationName[]),
  'wait',
  'sweep',
  'disconnect',
  'reconnect',
];

/** @param count users and rooms there are. */
export function anyOperation(count: { readonly users: number; readonly rooms: number }): fc.Arbitrary<Operation> {
  return fc.record({
    name: fc.oneof(...names.map((name) => ({ weight: 10 * (weights[name] ?? 1.5), arbitrary: fc.constant(name) }))),
    user: fc.nat(count.users - 1),
    room: fc.nat(count.rooms - 1),
    pick: fc.nat(999),
    other: fc.nat(999),
    flag: fc.boolean(),
  });
}

/** What an operation comes to, as the world is now. */
export function planStep(world: World, roomIds: readonly string[], operation: Operation): Step & { user: string } {
  const { name, user: at, room: roomAt, ...rest } = operation;
  const user = world.users[at] ?? '';
  const id = roomIds[roomAt] ?? '';
  const known = world.rooms.get(id);
  const target = world.users[(at + rest.other) % world.users.length] ?? '';
  const room = known && !known.deleted ? known : undefined;
  const step = operations[name as keyof typeof operations]({ world, user, id, room, target, ...rest });
  return { ...step, user: name === 'createOpen' ? '' : user };
}
