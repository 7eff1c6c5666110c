import { describe, expect, test } from 'vitest';
import { chatActions, chatSchema, type ChatAction } from '../../config/chat-schema.ts';
import { FakeClock } from '../../lib/clock.ts';
import { types } from '../../rules/types.ts';
import type { PermissionSubject } from './chat.ts';
import type { MemberRow, MessageRow, RoomRow } from './chat-writer.ts';
import type { Role, RoomKind } from './model.ts';
import { compilePermissions, RulePermissions } from './permissions.ts';
import { systemActor, userActor } from './testing/chat-fixture.ts';

const auth = types.record('auth', { uid: types.string, plan: types.string });

function permissions(configured: Record<string, string> = {}): RulePermissions {
  const { compiled, problems } = compilePermissions(chatSchema.parse({ permissions: configured }).permissions, auth);
  expect(problems).toEqual([]);
  return new RulePermissions(compiled, new FakeClock());
}

function room(kind: RoomKind, row: Partial<RoomRow> = {}): RoomRow {
  return {
    id: 'r',
    epoch: 'e',
    kind,
    dm_key: null,
    name: null,
    topic: null,
    data: null,
    created_by: 'owner',
    created_at: 1,
    last_seq: 0,
    last_at: 1,
    ucount: 0,
    rev: 0,
    min_rev: 0,
    changed_rev: 0,
    member_count: 2,
    slow_ms: 0,
    retention_ms: null,
    frozen: 0,
    deleted_at: null,
    ...row,
  };
}

function member(user: string, role: Role = 'member', state = 'member'): MemberRow {
  return {
    room_id: 'r',
    user_id: user,
    role,
    state,
    joined_seq: 0,
    joined_at: 1,
    read_seq: 0,
    read_ucount: 0,
    delivered_seq: 0,
    mention_count: 0,
    mute_until: null,
    notify: 'all',
    pinned: 0,
    archived: 0,
    rev: 0,
    updated_at: 1,
    sent_at: 0,
  };
}

const message = (sender: string) =>
  ({ sender_id: sender, seq: 1, kind: 'text', created_at: 1, thread_seq: null }) as MessageRow;
const anna = userActor('anna');

describe('the defaults', () => {
  test('every action has a rule that compiles', () => {
    expect(permissions()).toBeDefined();
    expect(compilePermissions(chatSchema.parse({}).permissions, auth).compiled.size).toBe(chatActions.length);
  });

  const everywhere: readonly RoomKind[] = ['direct', 'group', 'public', 'broadcast', 'livestream'];
  test.each<[ChatAction, string, readonly RoomKind[]]>([
    ['findRoom', 'nobody', ['public', 'broadcast', 'livestream']],
    ['findRoom', 'invited', everywhere],
    ['findRoom', 'kicked', ['public', 'broadcast', 'livestream']],
    ['readRoom', 'nobody', ['public', 'broadcast', 'livestream']],
    ['readRoom', 'invited', ['public', 'broadcast', 'livestream']],
    ['readRoom', 'kicked', []],
    ['readRoom', 'guest', everywhere],
    ['joinRoom', 'nobody', ['public', 'broadcast', 'livestream']],
    ['joinRoom', 'invited', everywhere],
    ['joinRoom', 'kicked', []],
    ['send', 'nobody', []],
    ['send', 'invited', []],
    ['send', 'guest', []],
    ['send', 'member', ['direct', 'group', 'public', 'livestream']],
    ['send', 'moderator', everywhere],
    ['changeRoom', 'moderator', []],
    ['changeRoom', 'admin', ['group', 'public', 'broadcast', 'livestream']],
    ['deleteRoom', 'admin', []],
    ['deleteRoom', 'owner', everywhere],
    ['mentionRoom', 'member', ['direct', 'group']],
    ['mentionRoom', 'moderator', everywhere],
    ['pin', 'member', ['direct']],
    ['moderate', 'member', []],
    ['moderate', 'moderator', ['group', 'public', 'broadcast', 'livestream']],
    ['seeMembers', 'nobody', ['public']],
    ['seeMembers', 'owner', ['direct', 'group', 'public', 'broadcast']],
    ['seeReceipts', 'member', ['direct', 'group', 'public']],
    ['invite', 'guest', []],
    ['invite', 'member', ['group']],
    ['invite', 'moderator', ['group']],
    ['transfer', 'admin', []],
    ['report', 'nobody', ['public', 'broadcast', 'livestream']],
  ])('%s is open to %s in %j', (action, who, kinds) => {
    const states = ['nobody', 'invited', 'kicked'];
    const own =
      who === 'nobody' ? undefined : states.includes(who) ? member('anna', 'member', who) : member('anna', who as Role);
    const subject: PermissionSubject = { member: own, message: message('ben') };
    const allowed = everywhere.filter((kind) => permissions().allows(action, anna, { ...subject, room: room(kind) }));
    expect(allowed).toEqual(kinds);
  });

  test.each<[Role, readonly Role[]]>([
    ['owner', ['admin', 'moderator', 'member', 'guest']],
    ['admin', ['moderator', 'member', 'guest']],
    ['moderator', ['member', 'guest']],
    ['member', []],
    ['guest', []],
  ])('%s kicks %j', (role, targets) => {
    const all: readonly Role[] = ['owner', 'admin', 'moderator', 'member', 'guest'];
    const kicked = all.filter((target) =>
      permissions().allows('kick', anna, {
        room: room('group'),
        member: member('anna', role),
        target: member('ben', target),
      }),
    );
    expect(kicked).toEqual(targets);
  });

  test('roles are given by owners, and by admins below their own', () => {
    const may = (role: Role, target: Role, value: Role) =>
      permissions().allows('changeRole', anna, {
        room: room('group'),
        member: member('anna', role),
        target: member('ben', target),
        value,
      });
    expect(may('owner', 'admin', 'member')).toBe(true);
    expect(may('owner', 'member', 'owner')).toBe(false);
    expect(may('admin', 'member', 'moderator')).toBe(true);
    expect(may('admin', 'member', 'admin')).toBe(false);
    expect(may('admin', 'admin', 'member')).toBe(false);
    expect(may('moderator', 'member', 'guest')).toBe(false);
  });

  test('a message is edited by its sender alone, and deleted by them and who moderates', () => {
    const may = (action: ChatAction, role: Role, sender: string) =>
      permissions().allows(action, anna, {
        room: room('group'),
        member: member('anna', role),
        message: message(sender),
      });
    expect(may('editMessage', 'member', 'anna')).toBe(true);
    expect(may('editMessage', 'owner', 'ben')).toBe(false);
    expect(may('deleteMessage', 'member', 'anna')).toBe(true);
    expect(may('deleteMessage', 'member', 'ben')).toBe(false);
    expect(may('deleteMessage', 'moderator', 'ben')).toBe(true);
  });

  test('a plain member does not bring back who was kicked; who moderates does', () => {
    const may = (role: Role) =>
      permissions().allows('invite', anna, {
        room: room('group'),
        member: member('anna', role),
        target: member('ben', 'member', 'kicked'),
      });
    expect([may('member'), may('moderator'), may('owner')]).toEqual([false, true, true]);
  });

  test('users make direct rooms, groups and public rooms; nobody without an id makes any', () => {
    const kinds = (user: string) =>
      ['direct', 'group', 'public', 'broadcast', 'livestream'].filter((value) =>
        permissions().allows('createRoom', userActor(user), { value }),
      );
    expect(kinds('anna')).toEqual(['direct', 'group', 'public']);
    expect(kinds('')).toEqual([]);
  });

  test('a role that somebody had before they left gives them nothing', () => {
    const subject = { room: room('group'), member: member('anna', 'owner', 'left') };
    expect(chatActions.filter((action) => permissions().allows(action, anna, subject))).toEqual(['seePresence']);
  });
});

test('the back end may do everything', () => {
  const denying = permissions({ send: 'false' });
  expect(denying.allows('send', systemActor, { room: room('group') })).toBe(true);
  expect(denying.allows('send', anna, { room: room('group'), member: member('anna') })).toBe(false);
});

test('what is refused says no more than the asker may know', () => {
  const refusal = (action: ChatAction, subject: PermissionSubject) => {
    try {
      permissions().require(action, anna, subject);
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(refusal('send', { room: room('group') })).toBe('no such room: r');
  expect(refusal('joinRoom', { room: room('group') })).toBe('no such room: r');
  expect(refusal('joinRoom', { room: room('group'), member: member('anna', 'member', 'left') })).toBe(
    'no such room: r',
  );
  expect(refusal('joinRoom', { room: room('public'), member: member('anna', 'member', 'kicked') })).toBe(
    'not allowed: joinRoom',
  );
  expect(refusal('send', { room: room('public') })).toBe('not a member of the room: r');
  expect(refusal('changeRoom', { room: room('group'), member: member('anna') })).toBe('not allowed: changeRoom');
  expect(refusal('send', { room: room('group'), member: member('anna') })).toBeUndefined();
});

describe('rules of the configuration', () => {
  test('replace the default of their action, and see claims, the room’s data and whom it is done to', () => {
    const own = permissions({
      createRoom: 'auth.plan == "paid" && (value != "direct" || target.user != "ben")',
      readRoom: 'room.data.level == "open"',
      seePresence: 'target.user == auth.uid',
    });
    const paid = userActor('anna', { plan: 'paid' });
    expect(own.allows('createRoom', paid, { value: 'group' })).toBe(true);
    expect(own.allows('createRoom', paid, { value: 'direct', targetUser: 'ben' })).toBe(false);
    expect(own.allows('createRoom', userActor('anna', { plan: 'free' }), { value: 'group' })).toBe(false);
    expect(own.allows('readRoom', anna, { room: room('group', { data: '{"level":"open"}' }) })).toBe(true);
    expect(own.allows('readRoom', anna, { room: room('group', { data: '{"level":"closed"}' }) })).toBe(false);
    expect(own.allows('seePresence', anna, { targetUser: 'anna' })).toBe(true);
    expect(own.allows('seePresence', anna, { targetUser: 'ben' })).toBe(false);
  });

  test.each([
    ['member.state == "member" && member.role in ["owner", "guest"] && room.kind != "direct"', false],
    ['room.createdBy == "anna" && now > timestamp("2020-01-01T00:00:00Z")', false],
    ['room.createdBy == auth.uid', true],
    ['!(member.user in ["anna"])', true],
    ['room.kind == "group" ? [auth].exists(one, one.plan == "paid") : true', true],
    ['[member].exists(one, one.user == "anna")', true],
  ])('whether the answer depends on who asks, beside role and state: %s', (rule, depends) => {
    const own = permissions({ seeReceipts: rule });
    expect(own.dependsOnUser('seeReceipts')).toBe(depends);
    expect(own.dependsOnUser('readRoom')).toBe(false);
  });

  test('a rule that fails denies', () => {
    const own = permissions({ readRoom: 'room.data.level == "open"', send: 'auth.plan == "paid"' });
    expect(own.allows('readRoom', anna, { room: room('group'), member: member('anna') })).toBe(false);
    expect(own.allows('send', anna, { room: room('group'), member: member('anna') })).toBe(false);
  });

  test.each([
    ['send', 'membr.state == "member"', 0],
    ['send', 'member.stat == "member"', 7],
    ['send', 'member.state ==', 15],
    ['send', 'member.role', 0],
    ['createRoom', 'room.kind == "group"', 0],
    ['joinRoom', 'message.sender == auth.uid', 0],
  ])('a mistake is found in its place: %s: %s', (action, rule, offset) => {
    const { problems, compiled } = compilePermissions(
      chatSchema.parse({ permissions: { [action]: rule } }).permissions,
      auth,
    );
    expect(problems.map((problem) => [problem.action, problem.span.start])).toEqual([[action, offset]]);
    expect(compiled.has(action as ChatAction)).toBe(false);
  });
});
