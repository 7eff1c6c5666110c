/** Commands around members: coming, going, roles, and what a member arranges for themselves. */
import { z } from 'zod';
import { command, type ChatCommand } from '../command.ts';
import { declineInvite, inviteMembers, joinRoom } from '../join-room.ts';
import { kickMember, leaveRoom } from '../leave-room.ts';
import { listMembers, readMember } from '../list-members.ts';
import { changeSettings, muteRoom, type MemberSettings } from '../member-settings.ts';
import { roles } from '../model.ts';
import { changeRole, transferRoom } from '../roles.ts';
import { empty, id, member, roomListItem, time } from '../schemas.ts';

/** Users in one call. */
const maxUsers = 100;

const inRoom = z.strictObject({ room: id() });
const ofUser = z.strictObject({ room: id(), user: id() });
const joined = z.strictObject({
  item: roomListItem,
  replayed: z.boolean().optional().describe('The user was a member already.'),
});

export const memberCommands: readonly ChatCommand[] = [
  command({
    name: 'join',
    summary: 'Joins a room. Its history can be read; nothing of it is unread.',
    input: inRoom,
    output: joined,
    example: { room: 'lobby' },
    run: (chat, actor, input) => joinRoom(chat, actor, input),
  }),
  command({
    name: 'leave',
    summary: 'Leaves a room. When the last owner leaves, the highest and longest member becomes owner.',
    input: inRoom,
    output: empty,
    example: { room: 'lobby' },
    run: leaveRoom,
  }),
  command({
    name: 'invite',
    summary: 'Brings users into a room, or asks them; all of them or none.',
    input: z.strictObject({
      room: id(),
      users: z.array(id()).min(1).max(maxUsers),
      ask: z.boolean().optional().describe('They are invited and decide; without it they are members at once.'),
    }),
    output: z.strictObject({ members: z.array(member) }),
    example: { room: 'lobby', users: ['ben'], ask: true },
    run: inviteMembers,
  }),
  command({
    name: 'acceptInvite',
    summary: 'Joins a room that the user was invited to.',
    input: inRoom,
    output: joined,
    example: { room: 'lobby' },
    run: (chat, actor, input) => joinRoom(chat, actor, input, true),
  }),
  command({
    name: 'declineInvite',
    summary: 'Declines an invitation.',
    input: inRoom,
    output: empty,
    example: { room: 'lobby' },
    run: declineInvite,
  }),
  command({
    name: 'kick',
    summary: 'Removes a member, who comes back only when invited; or withdraws an invitation.',
    input: ofUser,
    output: empty,
    example: { room: 'lobby', user: 'ben' },
    run: kickMember,
  }),
  command({
    name: 'changeRole',
    summary: 'Gives a member another role.',
    input: z.strictObject({ room: id(), user: id(), role: z.enum(roles) }),
    output: z.strictObject({ member }),
    example: { room: 'lobby', user: 'ben', role: 'moderator' },
    run: changeRole,
  }),
  command({
    name: 'transfer',
    summary: 'Makes another member the owner; who was it becomes admin.',
    input: ofUser,
    output: z.strictObject({ member }),
    example: { room: 'lobby', user: 'ben' },
    run: transferRoom,
  }),
  command({
    name: 'members',
    summary: 'Who is in a room, by user id.',
    input: z.strictObject({
      room: id(),
      after: id().optional().describe('Only users behind this one.'),
      limit: z.int().min(1).optional().describe('50 without it; at most `chat.limits.page`.'),
      role: z.enum(roles).optional(),
      state: z.enum(['member', 'invited', 'kicked']).optional().describe('`member` without it.'),
    }),
    output: z.strictObject({ members: z.array(member), hasMore: z.boolean() }),
    example: { room: 'lobby', limit: 20 },
    anonymous: true,
    run: listMembers,
  }),
  command({
    name: 'member',
    summary: 'One member.',
    input: ofUser,
    output: z.strictObject({ member }),
    example: { room: 'lobby', user: 'ben' },
    anonymous: true,
    run: readMember,
  }),
  setting('pinRoom', 'Puts a room at the top of the user’s list.', { pinned: 1 }),
  setting('unpinRoom', 'Takes a room from the top of the user’s list.', { pinned: 0 }),
  setting('archiveRoom', 'Puts a room aside in the user’s list. It stays there whatever comes.', { archived: 1 }),
  setting('unarchiveRoom', 'Brings an archived room back.', { archived: 0 }),
  command({
    name: 'muteRoom',
    summary: 'The user is not notified of a room, for a while or until it is lifted.',
    input: z.strictObject({ room: id(), until: time().optional().describe('Unix milliseconds; without it for good.') }),
    output: z.strictObject({ item: roomListItem }),
    example: { room: 'lobby' },
    run: muteRoom,
  }),
  setting('unmuteRoom', 'The user is notified of a room again.', { mute_until: null }),
  command({
    name: 'setNotify',
    summary: 'What the user is notified of in a room.',
    input: z.strictObject({ room: id(), notify: z.enum(['all', 'mentions', 'none']) }),
    output: z.strictObject({ item: roomListItem }),
    example: { room: 'lobby', notify: 'mentions' },
    run: (chat, actor, { room, notify }) => changeSettings(chat, actor, room, { notify }),
  }),
];

function setting(name: string, summary: string, settings: MemberSettings): ChatCommand {
  return command({
    name,
    summary,
    input: inRoom,
    output: z.strictObject({ item: roomListItem }),
    example: { room: 'lobby' },
    run: (chat, actor, { room }) => changeSettings(chat, actor, room, settings),
  });
}
