/** Commands around polls. */
import { z } from 'zod';
import { command, type ChatCommand } from '../command.ts';
import { closePoll, createPoll, listVotes, vote } from '../polls.ts';
import { clientId, id, message, seq, singleLine, text, time } from '../schemas.ts';

const one = { room: id(), seq: seq() };
const optionId = () => text(16).min(1);

export const pollCommands: readonly ChatCommand[] = [
  command({
    name: 'createPoll',
    summary: 'Sends a poll. Sending again with the same `clientId` returns the first one.',
    input: z.strictObject({
      room: id(),
      clientId: clientId().optional(),
      // Lines of one text to moderation.
      question: singleLine(1_000),
      options: z.array(singleLine(500)).min(2).max(1_000).describe('At most `chat.limits.pollOptions`.'),
      multiple: z.boolean().optional().describe('A user may choose several.'),
      anonymous: z.boolean().optional().describe('Nobody is told who chose what.'),
      closesAt: time().optional().describe('No vote counts from then on. Unix milliseconds.'),
      silent: z.boolean().optional().describe('Does not count as unread and notifies nobody.'),
    }),
    output: z.strictObject({
      message,
      replayed: z.boolean().optional().describe('The `clientId` was used before: this is that message.'),
      differs: z.boolean().optional().describe('… and it said something else than this one.'),
    }),
    example: { room: 'lobby', question: 'Lunch?', options: ['Pizza', 'Soup'] },
    run: createPoll,
  }),
  command({
    name: 'vote',
    summary: 'Replaces what the user chose; with no options, takes it back.',
    input: z.strictObject({ ...one, options: z.array(optionId()).max(1_000).describe('Ids of options.') }),
    output: z.strictObject({ message, own: z.array(z.string()) }),
    example: { room: 'lobby', seq: 7, options: ['1'] },
    run: vote,
  }),
  command({
    name: 'votes',
    summary: 'Who chose what, unless the poll is anonymous, and what the asker chose.',
    input: z.strictObject({
      ...one,
      option: optionId().optional().describe('Only for this one.'),
      after: z
        .strictObject({ user: id(), option: optionId() })
        .optional()
        .describe('Behind this one: the last of a page.'),
      limit: z.int().min(1).optional().describe('50 without it; at most `chat.limits.page`.'),
    }),
    output: z.strictObject({
      own: z.array(z.string()),
      votes: z.array(z.strictObject({ option: z.string(), user: z.string(), at: z.int() })),
      hasMore: z.boolean(),
    }),
    example: { room: 'lobby', seq: 7 },
    anonymous: true,
    run: listVotes,
  }),
  command({
    name: 'closePoll',
    summary: 'Closes a poll for good.',
    input: z.strictObject(one),
    output: z.strictObject({ message }),
    example: { room: 'lobby', seq: 7 },
    run: closePoll,
  }),
];
