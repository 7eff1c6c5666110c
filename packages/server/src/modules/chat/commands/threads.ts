/** Commands around threads. The replies themselves are read by `messages` with `threadSeq` and sent by `send`. */
import { z } from 'zod';
import { command, type ChatCommand } from '../command.ts';
import { id, message, seq } from '../schemas.ts';
import { listThreads, markThreadRead, maxThreadUnread, setFollowing } from '../threads.ts';

const thread = { room: id(), threadSeq: seq().describe('The message the thread stands under.') };

const state = z.strictObject({
  room: z.string(),
  threadSeq: z.int(),
  readSeq: z.int().describe('Everything in the thread up to here was read.'),
  following: z.boolean(),
});

export const threadCommands: readonly ChatCommand[] = [
  command({
    name: 'threads',
    summary: 'Threads of a room that the user follows, the one with the latest reply first.',
    input: z.strictObject({
      room: id(),
      before: seq()
        .optional()
        .describe("Only threads whose latest reply is before this seq: the last one's `lastSeq`."),
      limit: z.int().min(1).optional().describe('50 without it; at most `chat.limits.page`.'),
    }),
    output: z.strictObject({
      threads: z.array(
        z.strictObject({
          ...state.shape,
          message,
          unread: z.int().describe(`Replies that were not read; counted up to ${maxThreadUnread}.`),
        }),
      ),
      hasMore: z.boolean(),
    }),
    example: { room: 'lobby' },
    run: listThreads,
  }),
  command({
    name: 'markThreadRead',
    summary: 'Marks the replies of a thread as read, up to a seq.',
    input: z.strictObject({ ...thread, seq: seq() }),
    output: state,
    example: { room: 'lobby', threadSeq: 7, seq: 12 },
    run: markThreadRead,
  }),
  command({
    name: 'followThread',
    summary: 'Follows a thread; who writes in one follows it anyway.',
    input: z.strictObject(thread),
    output: state,
    example: { room: 'lobby', threadSeq: 7 },
    run: (chat, actor, input) => setFollowing(chat, actor, input, true),
  }),
  command({
    name: 'unfollowThread',
    summary: 'Follows a thread no longer.',
    input: z.strictObject(thread),
    output: state,
    example: { room: 'lobby', threadSeq: 7 },
    run: (chat, actor, input) => setFollowing(chat, actor, input, false),
  }),
];
