/**
 * Every permission of chat is a rule, in the language of `docs/rules.md`. These are the defaults; the configuration may
 * replace each. One rule per action, whatever the kind of room: reading them top down says who may do what.
 */
import { chatActions, type ChatAction, type ChatConfig } from '../../config/chat-schema.ts';
import { checkRule } from '../../rules/check.ts';
import { compile } from '../../rules/compile-js.ts';
import { parseRule } from '../../rules/parse.ts';
import { childrenOf, RuleSyntaxError, type RuleProblem, type TypedExpr } from '../../rules/syntax.ts';
import { types, type RecordType, type RuleType } from '../../rules/types.ts';
import { Failure, Timestamp, type Evaluate, type RelationReader } from '../../rules/value.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ModuleActor } from '../module.ts';
import { ChatError } from './chat-error.ts';
import type { Permissions, PermissionSubject } from './chat.ts';
import type { MemberRow, MessageRow, RoomRow } from './chat-writer.ts';

const isMember = 'member.state == "member"';
const isStaff = `${isMember} && member.role in ["owner", "admin", "moderator"]`;
const isLead = `${isMember} && member.role in ["owner", "admin"]`;
const isOpen = 'room.kind in ["public", "broadcast", "livestream"]';
const mayWrite = `${isMember} && member.role != "guest" && (room.kind != "broadcast" || member.role in ["owner", "admin", "moderator"])`;
/** Nobody acts upon somebody of their own rank or above. */
const outranks = `(member.role == "owner" && target.role != "owner" || member.role == "admin" && !(target.role in ["owner", "admin"]) || member.role == "moderator" && target.role in ["member", "guest", ""])`;

/** The rule of each action, unless the configuration has another. */
export const defaultPermissions: Readonly<Record<ChatAction, string>> = {
  /** `value`: the kind of room. */
  createRoom: 'auth.uid != "" && value in ["direct", "group", "public"]',
  findRoom: `member.state in ["member", "invited"] || ${isOpen}`,
  /** Who was kicked is out, also of rooms that others may look into. */
  readRoom: `${isMember} || ${isOpen} && member.state != "kicked"`,
  changeRoom: `${isLead} && room.kind != "direct"`,
  deleteRoom: `${isMember} && member.role == "owner"`,
  joinRoom: `member.state == "invited" || ${isOpen} && member.state != "kicked"`,
  /** `target`: whom. Who was kicked comes back by those who may kick. */
  invite: `room.kind == "group" && ${isMember} && member.role != "guest" && target.state != "kicked" || room.kind == "group" && ${isStaff} || ${isLead}`,
  kick: `room.kind != "direct" && ${isMember} && ${outranks}`,
  /** `value`: the role that is given. */
  changeRole: `room.kind != "direct" && ${isMember} && value != "owner" && (member.role == "owner" || member.role == "admin" && !(target.role in ["owner", "admin"]) && value != "admin")`,
  transfer: `${isMember} && member.role == "owner"`,
  send: mayWrite,
  sendSilent: mayWrite,
  sendScheduled: mayWrite,
  /** `@room` and `@here`. */
  mentionRoom: `room.kind in ["direct", "group"] && ${isMember} && member.role != "guest" || ${isStaff}`,
  editMessage: `${mayWrite} && message.sender == auth.uid`,
  deleteMessage: `${isMember} && message.sender == auth.uid || room.kind != "direct" && ${isStaff}`,
  react: isMember,
  pin: `room.kind == "direct" && ${isMember} || ${isStaff}`,
  createPoll: mayWrite,
  vote: isMember,
  closePoll: `${isMember} && message.sender == auth.uid || ${isStaff}`,
  upload: mayWrite,
  type: mayWrite,
  seeReceipts: `${isMember} && room.kind in ["direct", "group", "public"]`,
  seeMembers: `(${isMember} || room.kind == "public") && room.kind != "livestream"`,
  report: `${isMember} || ${isOpen}`,
  moderate: `room.kind != "direct" && ${isStaff}`,
  /** `target.user`: whose. */
  seePresence: 'auth.uid != ""',
  /** A list of everybody is nothing that an application shows by accident. */
  findUsers: 'false',
};

/** About no room. */
const withoutRoom: ReadonlySet<ChatAction> = new Set(['createRoom', 'seePresence', 'findUsers']);
/** About one message. */
const withMessage: ReadonlySet<ChatAction> = new Set([
  'editMessage',
  'deleteMessage',
  'react',
  'pin',
  'vote',
  'closePoll',
]);

const records = {
  room: types.record('room', {
    id: types.string,
    kind: types.string,
    name: types.nullable(types.string),
    createdBy: types.string,
    memberCount: types.int,
    frozen: types.bool,
    data: types.dyn,
  }),
  /** The asker's own membership; `state` is "none" and `role` empty for who has none. */
  member: types.record('member', { user: types.string, role: types.string, state: types.string }),
  message: types.record('message', {
    sender: types.string,
    seq: types.int,
    kind: types.string,
    createdAt: types.timestamp,
    inThread: types.bool,
  }),
  /** Whom it is done to; like `member`. `user` is empty where it is done to nobody. */
  target: types.record('target', { user: types.string, role: types.string, state: types.string }),
};

/** What a rule for the action may name. */
function variablesOf(action: ChatAction, auth: RecordType): Record<string, RuleType> {
  const { room, member, message, target } = records;
  return {
    auth,
    now: types.timestamp,
    value: types.string,
    target,
    ...(!withoutRoom.has(action) && { room, member }),
    ...(withMessage.has(action) && { message }),
  };
}

export interface PermissionProblem extends RuleProblem {
  readonly action: ChatAction;
}

interface CompiledPermission {
  readonly evaluate: Evaluate;
  /** Variables that the rule names: only they are made. */
  readonly names: ReadonlySet<string>;
  readonly dependsOnUser: boolean;
}

type CompiledPermissions = ReadonlyMap<ChatAction, CompiledPermission>;

/** Compiles the permissions of a configuration, and says what is wrong with them. */
export function compilePermissions(
  configured: ChatConfig['permissions'],
  auth: RecordType,
): { readonly compiled: CompiledPermissions; readonly problems: readonly PermissionProblem[] } {
  const compiled = new Map<ChatAction, CompiledPermission>();
  const problems: PermissionProblem[] = [];
  for (const action of chatActions) {
    try {
      const expr = parseRule(configured[action] ?? defaultPermissions[action]);
      const checked = checkRule(expr, { variables: variablesOf(action, auth), relations: {} }, types.bool);
      problems.push(...checked.problems.map((problem) => ({ ...problem, action })));
      if (checked.problems.length > 0) continue;
      compiled.set(action, {
        evaluate: compile(checked.expr),
        names: new Set(namesIn(checked.expr)),
        dependsOnUser: namesUser(checked.expr),
      });
    } catch (error) {
      if (!(error instanceof RuleSyntaxError)) throw error;
      problems.push({ ...error.problem, action });
    }
  }
  return { compiled, problems };
}

function* namesIn(expr: TypedExpr): Iterable<string> {
  if (expr.kind === 'variable') yield expr.name;
  for (const child of childrenOf(expr)) yield* namesIn(child);
}

/** Of who asks, it names more than their role and state in the room. */
function namesUser(expr: TypedExpr): boolean {
  if (expr.kind === 'variable') return expr.name === 'auth' || expr.name === 'member';
  if (expr.kind === 'field' && expr.operand.kind === 'variable' && expr.operand.name === 'member') {
    return expr.name === 'user';
  }
  return childrenOf(expr).some(namesUser);
}

/** Permissions ask no relations: what they need of a room and its members is given to them. */
const noRelations: RelationReader = { related: () => new Failure('permissions of chat have no relations') };

export class RulePermissions implements Permissions {
  readonly #compiled: CompiledPermissions;
  readonly #clock: Clock;

  constructor(compiled: CompiledPermissions, clock: Clock) {
    this.#compiled = compiled;
    this.#clock = clock;
  }

  allows(action: ChatAction, actor: ModuleActor, subject: PermissionSubject): boolean {
    if (actor.system) return true;
    const permission = this.#compiled.get(action);
    if (!permission) return false;
    return permission.evaluate(this.#environment(permission.names, actor, subject), noRelations) === true;
  }

  dependsOnUser(action: ChatAction): boolean {
    return this.#compiled.get(action)?.dependsOnUser ?? false;
  }

  require(action: ChatAction, actor: ModuleActor, subject: PermissionSubject): void {
    if (this.allows(action, actor, subject)) return;
    const { room, member } = subject;
    if (room && (action === 'findRoom' || !this.allows('findRoom', actor, { room, member }))) {
      // Whether a room exists is nobody's business who could not find it.
      throw new ChatError('roomNotFound', room.id);
    }
    if (room && member?.state !== 'member' && action !== 'joinRoom') throw new ChatError('notMember', room.id);
    throw new ChatError('forbidden', action);
  }

  #environment(
    names: ReadonlySet<string>,
    actor: ModuleActor,
    { room, member, message, target, targetUser, value }: PermissionSubject,
  ): Record<string, unknown> {
    const environment: Record<string, unknown> = {};
    if (names.has('auth')) environment.auth = actor.auth;
    if (names.has('now')) environment.now = Timestamp.ofMs(this.#clock.now());
    if (names.has('value')) environment.value = value ?? '';
    if (room && names.has('room')) environment.room = roomRecord(room);
    if (names.has('member')) environment.member = memberRecord(actor.user, member);
    if (message && names.has('message')) environment.message = messageRecord(message);
    if (names.has('target')) environment.target = memberRecord(target?.user_id ?? targetUser ?? '', target);
    return environment;
  }
}

function roomRecord(room: RoomRow): Record<string, unknown> {
  const { data } = room;
  const record = {
    id: room.id,
    kind: room.kind,
    name: room.name,
    createdBy: room.created_by,
    memberCount: room.member_count,
    frozen: room.frozen === 1,
    data: null,
  };
  if (data === null) return record;
  // Few rules look at it, and it may be long.
  return Object.defineProperty(record, 'data', { get: () => JSON.parse(data) as unknown });
}

function memberRecord(user: string, member: MemberRow | undefined): Record<string, unknown> {
  return { user, role: member?.state === 'member' ? member.role : '', state: member?.state ?? 'none' };
}

function messageRecord(message: MessageRow): Record<string, unknown> {
  return {
    sender: message.sender_id,
    seq: message.seq,
    kind: message.kind,
    createdAt: Timestamp.ofMs(message.created_at),
    inThread: message.thread_seq !== null,
  };
}
