/** Commands around messages that are to be sent later. */
import { z } from 'zod';
import { command, type ChatCommand } from '../command.ts';
import { cancelScheduled, listScheduled, reschedule, schedule } from '../scheduled.ts';
import { empty, id, mentions, sendInput, text, time } from '../schemas.ts';

const scheduledId = () => text(64).min(1);

const scheduled = z.strictObject({
  id: z.string(),
  room: z.string(),
  sendAt: z.int(),
  text: z.string().optional(),
  data: z.unknown().optional(),
  mentions: mentions.optional(),
  attachments: z.array(z.string()).optional(),
  replySeq: z.int().optional(),
  threadSeq: z.int().optional(),
  silent: z.boolean().optional(),
  error: z.strictObject({ code: z.int(), message: z.string() }).optional().describe('Why it could not be sent.'),
  createdAt: z.int(),
});

export const scheduledCommands: readonly ChatCommand[] = [
  command({
    name: 'schedule',
    summary: 'Has a message sent later. Whether the user may send is asked again then.',
    input: z.strictObject({ ...sendInput.shape, sendAt: time().describe('Unix milliseconds; at most a year ahead.') }),
    output: z.strictObject({ scheduled, replayed: z.boolean().optional() }),
    example: { room: 'lobby', text: 'good morning', sendAt: 4_102_444_800_000 },
    run: schedule,
  }),
  command({
    name: 'scheduled',
    summary: 'Messages of the user that are to be sent later, or could not be sent, in the order they are due.',
    input: z.strictObject({
      room: id().optional(),
      after: z.strictObject({ sendAt: time(), id: scheduledId() }).optional().describe('The last of a page.'),
      limit: z.int().min(1).optional().describe('50 without it; at most `chat.limits.page`.'),
    }),
    output: z.strictObject({ scheduled: z.array(scheduled), hasMore: z.boolean() }),
    example: {},
    run: listScheduled,
  }),
  command({
    name: 'cancelScheduled',
    summary: 'Takes a scheduled message away.',
    input: z.strictObject({ id: scheduledId() }),
    output: empty,
    example: { id: '0193…' },
    run: cancelScheduled,
  }),
  command({
    name: 'reschedule',
    summary: 'Gives a scheduled message another time, also one that could not be sent.',
    input: z.strictObject({ id: scheduledId(), sendAt: time() }),
    output: z.strictObject({ scheduled }),
    example: { id: '0193…', sendAt: 4_102_444_800_000 },
    run: reschedule,
  }),
];
