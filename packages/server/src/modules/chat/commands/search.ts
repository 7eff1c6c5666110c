/** Searching messages. */
import { z } from 'zod';
import { command, type ChatCommand } from '../command.ts';
import { id, message, text, time } from '../schemas.ts';
import { searchMessages } from '../search/search.ts';

export const searchCommands: readonly ChatCommand[] = [
  command({
    name: 'search',
    summary: 'Messages that hold all words, without case and accents, newest first; of the last word its beginning.',
    input: z.strictObject({
      query: text(256).min(1),
      room: id().optional().describe('Only in this room; else in all rooms the user is a member of.'),
      sender: id().optional().describe('Only of this user.'),
      before: time().optional().describe('Sent before this time.'),
      after: time().optional().describe('Sent at this time or after it.'),
      limit: z.int().min(1).optional().describe('50 without it; at most `chat.limits.page`.'),
      cursor: z
        .string()
        .regex(/^\d{1,16}$/, '`next` of a page')
        .optional()
        .describe('`next` of the page before.'),
    }),
    output: z.strictObject({
      results: z.array(
        z.strictObject({
          message,
          snippet: z.strictObject({
            text: z.string().describe('The part of the text around what was found.'),
            matches: z
              .array(z.strictObject({ start: z.int(), length: z.int() }))
              .describe("What was found, in UTF-16 code units of the snippet's text."),
          }),
        }),
      ),
      next: z
        .string()
        .optional()
        .describe('Go on from here. A page may hold less than asked for, or nothing, and still have it.'),
    }),
    example: { query: 'release notes', room: 'lobby' },
    anonymous: true,
    run: searchMessages,
  }),
];
