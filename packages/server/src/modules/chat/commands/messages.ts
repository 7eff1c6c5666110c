/** Commands around messages: sending, reading, changing, and what people do to them. */
import { z } from 'zod';
import { command, type ChatCommand } from '../command.ts';
import { deleteMessage } from '../delete-message.ts';
import { editMessage, listVersions } from '../edit-message.ts';
import { listMentions } from '../mentions.ts';
import { showMessage } from '../message-access.ts';
import { readMessage, readMessages } from '../message-pages.ts';
import { listPins, setPinned } from '../pins.ts';
import { listReactions, react, unreact } from '../reactions.ts';
import { readOwnState } from '../own-state.ts';
import { emoji, id, json, mentions, message, ownState, readUsualSend, sendInput, seq, text, time } from '../schemas.ts';
import { sendMessage } from '../send-message.ts';

const one = { room: id(), seq: seq() };
const limit = () => z.int().min(1).optional().describe('50 without it; at most `chat.limits.page`.');
const changed = z.strictObject({ message });
const own = ownState.describe('What the asker did with it.');
const withOwn = z.strictObject({ message, own });
/** Beside messages. */
const owns = z.array(ownState).describe('What the asker did with those of them with which they did something.');

export const messageCommands: readonly ChatCommand[] = [
  command({
    name: 'send',
    summary: 'Sends a message. Sending again with the same `clientId` returns the first message.',
    input: sendInput,
    output: z.strictObject({
      message,
      replayed: z.boolean().optional().describe('The `clientId` was used before: this is that message.'),
      differs: z.boolean().optional().describe('… and it said something else than this one.'),
    }),
    example: { room: 'lobby', clientId: 'c-1', text: 'hello' },
    readUsual: readUsualSend,
    run: sendMessage,
  }),
  command({
    name: 'messages',
    summary: 'A page of messages, in the order of the room: the latest, or before, after or around a seq.',
    input: z.strictObject({
      room: id(),
      before: seq().optional().describe('Only messages before this seq.'),
      after: z.int().min(0).optional().describe('Only messages after this seq.'),
      around: seq().optional().describe('This message, with half of the page before it.'),
      limit: limit(),
      threadSeq: seq().optional().describe('Those of the thread under this message; else those in no thread.'),
    }),
    output: z.strictObject({ messages: z.array(message), hasBefore: z.boolean(), hasAfter: z.boolean(), own: owns }),
    example: { room: 'lobby', before: 120, limit: 20 },
    anonymous: true,
    run: readMessages,
  }),
  command({
    name: 'message',
    summary: 'One message.',
    input: z.strictObject(one),
    output: withOwn,
    example: { room: 'lobby', seq: 7 },
    anonymous: true,
    async run(chat, actor, input) {
      const row = await readMessage(chat, actor, input.room, input.seq);
      return { message: showMessage(row, actor), own: await readOwnState(chat.db, row, actor.user) };
    },
  }),
  command({
    name: 'edit',
    summary: 'Replaces what a message says. What it said is kept as a former version.',
    input: z.strictObject({
      ...one,
      text: text(1_000_000).nullable().optional().describe('Left out: it stays. Null: it goes.'),
      data: json().optional().describe('Left out: it stays. Null: it goes.'),
      mentions: mentions.nullable().optional().describe('Left out: they stay. Null: they go.'),
      expectedVersion: seq().optional().describe('Refused if the message is no longer at this version.'),
    }),
    output: changed,
    example: { room: 'lobby', seq: 7, text: 'hello, all', expectedVersion: 1 },
    run: editMessage,
  }),
  command({
    name: 'versions',
    summary: 'Former versions of a message, the latest first; for who wrote it and for moderators.',
    input: z.strictObject({
      ...one,
      before: seq().optional().describe('Only versions before this one.'),
      limit: limit(),
    }),
    output: z.strictObject({
      versions: z.array(
        z.strictObject({
          version: z.int(),
          text: z.string().optional(),
          data: z.unknown().optional(),
          mentions: mentions.optional(),
          editedBy: z.string().describe('Who replaced it.'),
          editedAt: z.int(),
        }),
      ),
      hasMore: z.boolean(),
    }),
    example: { room: 'lobby', seq: 7 },
    run: listVersions,
  }),
  command({
    name: 'delete',
    summary: 'Deletes a message for all. A tombstone stays in its place.',
    input: z.strictObject(one),
    output: changed,
    example: { room: 'lobby', seq: 7 },
    run: deleteMessage,
  }),
  command({
    name: 'react',
    summary: 'Adds a reaction to a message.',
    input: z.strictObject({ ...one, emoji: emoji() }),
    output: withOwn,
    example: { room: 'lobby', seq: 7, emoji: '👍' },
    run: react,
  }),
  command({
    name: 'unreact',
    summary: 'Takes a reaction back.',
    input: z.strictObject({ ...one, emoji: emoji() }),
    output: withOwn,
    example: { room: 'lobby', seq: 7, emoji: '👍' },
    run: unreact,
  }),
  command({
    name: 'reactions',
    summary: 'Who reacted to a message.',
    input: z.strictObject({
      ...one,
      emoji: emoji().optional().describe('Only with this one.'),
      after: z.strictObject({ emoji: emoji(), user: id() }).optional().describe('Behind this one: the last of a page.'),
      limit: limit(),
    }),
    output: z.strictObject({
      reactions: z.array(z.strictObject({ emoji: z.string(), user: z.string(), at: z.int() })),
      hasMore: z.boolean(),
    }),
    example: { room: 'lobby', seq: 7 },
    anonymous: true,
    run: listReactions,
  }),
  command({
    name: 'pin',
    summary: 'Pins a message in its room.',
    input: z.strictObject(one),
    output: changed,
    example: { room: 'lobby', seq: 7 },
    run: (chat, actor, input) => setPinned(chat, actor, input, true),
  }),
  command({
    name: 'unpin',
    summary: 'Takes a message from the pinned ones.',
    input: z.strictObject(one),
    output: changed,
    example: { room: 'lobby', seq: 7 },
    run: (chat, actor, input) => setPinned(chat, actor, input, false),
  }),
  command({
    name: 'pins',
    summary: 'Pinned messages of a room, the latest pinned first.',
    input: z.strictObject({
      room: id(),
      before: z
        .strictObject({ pinnedAt: time(), seq: seq() })
        .optional()
        .describe('Pinned before this one: the last of a page.'),
      limit: limit(),
    }),
    output: z.strictObject({ messages: z.array(message), hasMore: z.boolean(), own: owns }),
    example: { room: 'lobby' },
    anonymous: true,
    run: listPins,
  }),
  command({
    name: 'mentions',
    summary: 'Messages of all rooms that mention the user, the latest first.',
    input: z.strictObject({
      before: text(64).min(1).optional().describe('`next` of the page before.'),
      limit: limit(),
    }),
    output: z.strictObject({
      mentions: z.array(message),
      next: z.string().optional().describe('For `before`; absent on the last page.'),
    }),
    example: { limit: 20 },
    run: listMentions,
  }),
];
