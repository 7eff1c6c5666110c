/** Commands of who moderates, and what users do about each other: restrictions, reports, blocks. */
import { z } from 'zod';
import { block, listBlocks, unblock } from '../blocks.ts';
import { command, type ChatCommand } from '../command.ts';
import { listReports, report, resolveReport } from '../reports.ts';
import { lift, listRestrictions, restrict, type RestrictionKind } from '../restrictions.ts';
import { empty, id, message, seq, text, time } from '../schemas.ts';

const limit = () => z.int().min(1).optional().describe('50 without it; at most `chat.limits.page`.');
const kind = z.enum(['ban', 'mute', 'shadow']);
const reason = () => text(1_000).optional();
const roomOrAll = () => id().optional().describe('Without it all rooms; for back ends only.');

const restriction = z.strictObject({
  room: z.string().optional(),
  user: z.string(),
  kind,
  reason: z.string().optional(),
  until: z.int().optional(),
  createdBy: z.string(),
  createdAt: z.int(),
});

const reportShape = z.strictObject({
  id: z.string(),
  room: z.string(),
  seq: z.int().optional(),
  message: message.optional().describe('As it is now.'),
  user: z.string().optional(),
  reporter: z.string().describe('Empty: the word filter.'),
  reason: z.string(),
  state: z.enum(['open', 'resolved']),
  resolution: z.string().optional(),
  resolvedBy: z.string().optional(),
  createdAt: z.int(),
  resolvedAt: z.int().optional(),
});

export const moderationCommands: readonly ChatCommand[] = [
  restricting('ban', 'ban', 'Puts a user out of a room, or of all, for a while or until it is lifted.'),
  lifting('unban', 'ban', 'Lifts a ban. The user comes back the usual way.'),
  restricting('mute', 'mute', 'A user may read but not write.'),
  lifting('unmute', 'mute', 'Lets a user write again.'),
  restricting('shadowBan', 'shadow', 'Nobody but the user sees what they write, and they are not told.'),
  lifting('unshadow', 'shadow', 'Others see again what a user writes from now on.'),
  command({
    name: 'restrictions',
    summary: 'Restrictions that hold now, by room, user and kind.',
    input: z.strictObject({
      room: roomOrAll(),
      user: id().optional(),
      kind: kind.optional(),
      after: z
        .strictObject({ room: id().optional(), user: id(), kind })
        .optional()
        .describe('Behind this one: the last of a page.'),
      limit: limit(),
    }),
    output: z.strictObject({ restrictions: z.array(restriction), hasMore: z.boolean() }),
    example: { room: 'lobby' },
    run: listRestrictions,
  }),
  command({
    name: 'block',
    summary:
      'Blocks a user: neither writes to the other in their direct room, mentions do not reach, and they see no presence.',
    input: z.strictObject({ user: id() }),
    output: empty,
    example: { user: 'ben' },
    run: block,
  }),
  command({
    name: 'unblock',
    summary: 'Lifts a block.',
    input: z.strictObject({ user: id() }),
    output: empty,
    example: { user: 'ben' },
    run: unblock,
  }),
  command({
    name: 'blocks',
    summary: 'Whom the user blocks, by user id.',
    input: z.strictObject({ after: id().optional().describe('Only users behind this one.'), limit: limit() }),
    output: z.strictObject({
      blocks: z.array(z.strictObject({ user: z.string(), since: z.int() })),
      hasMore: z.boolean(),
    }),
    example: {},
    run: listBlocks,
  }),
  command({
    name: 'report',
    summary: 'Brings a message or a user before who moderates.',
    input: z.strictObject({
      room: id(),
      seq: seq().optional().describe('The message it is about.'),
      user: id().optional().describe('Whom it is about, if not a message.'),
      reason: text(1_000).min(1),
    }),
    output: z.strictObject({ id: z.string() }),
    example: { room: 'lobby', seq: 7, reason: 'spam' },
    run: report,
  }),
  command({
    name: 'reports',
    summary: 'Reports, the oldest first.',
    input: z.strictObject({
      room: roomOrAll(),
      state: z.enum(['open', 'resolved']).optional().describe('`open` without it.'),
      after: text(64).min(1).optional().describe('Only reports behind this one.'),
      limit: limit(),
    }),
    output: z.strictObject({ reports: z.array(reportShape), hasMore: z.boolean() }),
    example: { room: 'lobby' },
    run: listReports,
  }),
  command({
    name: 'resolveReport',
    summary: 'Closes a report, and with it deletes the message or restricts whom it is about.',
    input: z.strictObject({
      id: text(64).min(1),
      resolution: text(500).min(1).describe('Such as `dismissed`, or what was done.'),
      delete: z.boolean().optional().describe('Delete the message, and resolve all open reports of it.'),
      restrict: z
        .strictObject({ kind, until: time().optional(), reason: reason() })
        .optional()
        .describe('Restrict whom it is about, in the room.'),
    }),
    output: z.strictObject({ report: reportShape }),
    example: { id: '0193…', resolution: 'spam removed', delete: true, restrict: { kind: 'ban' } },
    run: resolveReport,
  }),
];

function restricting(name: string, restrictionKind: RestrictionKind, summary: string): ChatCommand {
  return command({
    name,
    summary,
    input: z.strictObject({
      room: roomOrAll(),
      user: id(),
      until: time().optional().describe('Unix milliseconds; without it until lifted.'),
      reason: reason(),
    }),
    output: z.strictObject({ restriction }),
    example: { room: 'lobby', user: 'ben', reason: 'spam' },
    run: (chat, actor, input) => restrict(chat, actor, restrictionKind, input),
  });
}

function lifting(name: string, restrictionKind: RestrictionKind, summary: string): ChatCommand {
  return command({
    name,
    summary,
    input: z.strictObject({ room: roomOrAll(), user: id() }),
    output: empty,
    example: { room: 'lobby', user: 'ben' },
    run: (chat, actor, input) => lift(chat, actor, restrictionKind, input),
  });
}
