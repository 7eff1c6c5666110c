/** Commands around what is read, delivered and unread, who is typing, and who is there. */
import { z } from 'zod';
import { blockersOf } from '../blockers.ts';
import { command, type ChatCommand } from '../command.ts';
import { ChatError } from '../chat-error.ts';
import { offlineState } from '../presence.ts';
import { listReceipts, markDelivered, markRead, markUnread } from '../read-markers.ts';
import { countUnread } from '../room-list.ts';
import { empty, id, seq } from '../schemas.ts';

const one = { room: id(), seq: seq() };

const readState = z.strictObject({
  room: z.string(),
  readSeq: z.int().describe('Everything up to here was read.'),
  readCountable: z.int().describe("The room's `countable` as of there."),
  deliveredSeq: z.int(),
  unread: z.int(),
  mentions: z.int().describe('Unread mentions.'),
});

const totals = { unread: z.int(), mentions: z.int(), rooms: z.int().describe('Rooms with unread messages.') };

export const stateCommands: readonly ChatCommand[] = [
  command({
    name: 'markRead',
    summary: 'Marks everything up to a message as read. What was read stays so.',
    input: z.strictObject(one),
    output: readState,
    example: { room: 'lobby', seq: 120 },
    run: markRead,
  }),
  command({
    name: 'markUnread',
    summary: 'Marks a message, however old, and all behind it as unread.',
    input: z.strictObject(one),
    output: readState,
    example: { room: 'lobby', seq: 7 },
    run: markUnread,
  }),
  command({
    name: 'markDelivered',
    summary: 'Says that everything up to a message reached a device of the user; for one room, or for many.',
    input: z.strictObject({
      room: id().optional(),
      seq: seq().optional(),
      rooms: z.array(z.strictObject(one)).min(1).max(500).optional().describe('Instead of `room` and `seq`.'),
    }),
    output: z.strictObject({
      delivered: z
        .array(z.strictObject({ room: z.string(), deliveredSeq: z.int() }))
        .describe('Of many rooms, without those the user is no member of.'),
    }),
    example: { rooms: [{ room: 'lobby', seq: 120 }] },
    run: (chat, actor, { room, seq: upTo, rooms }) => {
      if (rooms && room === undefined && upTo === undefined) return markDelivered(chat, actor, rooms);
      if (rooms || room === undefined || upTo === undefined) {
        throw new ChatError('invalid', 'either `room` and `seq`, or `rooms`');
      }
      return markDelivered(chat, actor, [{ room, seq: upTo }]);
    },
  }),
  command({
    name: 'receipts',
    summary: 'How far the members of a room have read, and what was delivered to them; by user id.',
    input: z.strictObject({
      room: id(),
      seq: seq().optional().describe('Only members whom this message has reached.'),
      after: id().optional().describe('Only users behind this one: the last of a page.'),
      limit: z.int().min(1).optional().describe('50 without it; at most `chat.limits.page`.'),
    }),
    output: z.strictObject({
      receipts: z.array(z.strictObject({ user: z.string(), readSeq: z.int(), deliveredSeq: z.int() })),
      hasMore: z.boolean(),
    }),
    example: { room: 'lobby', seq: 7 },
    run: listReceipts,
  }),
  command({
    name: 'unread',
    summary: 'Unread messages and mentions of all rooms, for a badge; muted and archived rooms apart.',
    input: empty,
    output: z.strictObject({ ...totals, muted: z.strictObject(totals) }),
    example: {},
    run: countUnread,
  }),
  command({
    name: 'typing',
    summary: 'Tells the room that the user is typing; to be repeated every 2 s. It ends with the message.',
    input: z.strictObject({
      room: id(),
      threadSeq: seq().optional().describe('In the thread under this message.'),
      stopped: z.boolean().optional().describe('No longer, and there is no message.'),
    }),
    output: empty,
    example: { room: 'lobby' },
    run: async (chat, actor, input) => {
      await chat.typing.typing(chat, actor, input);
      return {};
    },
  }),
  command({
    name: 'presence',
    summary: 'Who of these users is online. Those whom one may not see are left out.',
    input: z.strictObject({ users: z.array(id()).min(1).max(100) }),
    output: z.strictObject({
      users: z.array(
        z.strictObject({
          user: z.string(),
          status: z.enum(['online', 'offline']),
          lastSeenAt: z
            .int()
            .optional()
            .describe('Unix milliseconds; absent for who is online, invisible, or blocks the asker.'),
        }),
      ),
    }),
    example: { users: ['anna', 'ben'] },
    anonymous: true,
    run: async (chat, actor, { users }) => {
      const seen = users.filter((targetUser) => chat.permissions.allows('seePresence', actor, { targetUser }));
      const states = await chat.presence.states(seen);
      const blockers = await blockersOf(chat.db, actor, seen);
      return { users: states.map((state) => (blockers.has(state.user) ? offlineState(state.user, undefined) : state)) };
    },
  }),
];
