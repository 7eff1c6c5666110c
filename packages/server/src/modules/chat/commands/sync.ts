/** Commands that say where all rooms of a user stand. */
import { z } from 'zod';
import { command, type ChatCommand } from '../command.ts';
import { listRooms, roomFilters } from '../room-list.ts';
import { draft, id, roomListItem, text } from '../schemas.ts';
import { sync } from '../sync.ts';

export const syncCommands: readonly ChatCommand[] = [
  command({
    name: 'rooms',
    summary: 'Rooms of the user with latest message and unread counts: pinned first, then the latest.',
    input: z.strictObject({
      filter: z.enum(roomFilters).optional().describe('`all` without it. Only `archived` shows archived rooms.'),
      after: text(256).min(1).optional().describe('`next` of the page before.'),
      limit: z.int().min(1).optional().describe('50 without it; at most `chat.limits.page`.'),
      rooms: z
        .array(id())
        .max(100)
        .optional()
        .describe('Only these, in this order, archived or not; those that the user is not in are left out.'),
    }),
    output: z.strictObject({
      rooms: z.array(roomListItem),
      next: z.string().optional().describe('For `after`; absent on the last page.'),
    }),
    example: { filter: 'unread', limit: 20 },
    run: listRooms,
  }),
  command({
    name: 'sync',
    summary: 'Where every room of the user stands, with drafts and settings: all that is needed after a time away.',
    input: z.strictObject({
      since: z
        .strictObject({
          rooms: z.array(z.strictObject({ room: id(), rev: z.int().min(0), epoch: text(64).optional() })).max(500),
        })
        .optional()
        .describe('Rooms the client knows, at which revision; for `gone` and `reset`.'),
    }),
    output: z.strictObject({
      at: z.int().describe('Time of the server, Unix milliseconds.'),
      rooms: z
        .array(
          z.strictObject({
            room: z.string(),
            rev: z.int(),
            epoch: z.string(),
            lastSeq: z.int().optional(),
            lastAt: z.int(),
            countable: z.int().optional(),
            readSeq: z.int().optional(),
            unread: z.int().optional().describe('So `countable` − `unread` were read.'),
            mentions: z.int().optional(),
            invited: z.boolean().optional(),
            pinned: z.boolean().optional(),
            archived: z.boolean().optional(),
            muteUntil: z.int().optional().describe('Unix milliseconds; -1: for good.'),
            notify: z.enum(['mentions', 'none']).optional().describe('What the user is notified of; absent: all.'),
            reset: z.boolean().optional().describe('Its changes since `rev` can no longer be had: read it anew.'),
          }),
        )
        .describe('All rooms of the user. Numbers that are 0 are left out.'),
      gone: z.array(z.string()).describe('Rooms in `since` that the user is no longer in.'),
      drafts: z.array(draft),
      moreDrafts: z.boolean().optional().describe('There are more: `drafts` has them.'),
      blocks: z.array(z.string()).describe('Users blocked by this one.'),
      invisible: z.boolean().describe('Others see the user as offline.'),
    }),
    example: { since: { rooms: [{ room: 'lobby', rev: 1200 }] } },
    run: sync,
  }),
];
