/** Schemas that the commands of chat share: what goes in is strict and bounded, what goes out is described for OpenAPI. */
import { z } from 'zod';
import { isChannelId } from './channel-names.ts';
import { jsonProblem } from './json-problem.ts';
import { roles, roomKinds } from './model.ts';

/** Text that both databases can hold. */
const storable = (text: string): boolean => text.isWellFormed() && !text.includes('\0');
const storableMessage = 'text that is well-formed Unicode without U+0000';

export const text = (maxLength: number) => z.string().max(maxLength).refine(storable, storableMessage);

/** Text of one line, without space around it. */
export const singleLine = (maxLength: number) =>
  text(maxLength)
    .trim()
    .min(1)
    .refine((said) => !said.includes('\n'), 'a single line');

/** Id of a user, room, or anything else that may stand in a channel's name. */
export const id = () =>
  z.string().refine(isChannelId, 'an id of 1 to 128 characters without spaces, control characters, and : # , *');

export const clientId = () => z.string().min(1).max(128).refine(storable, storableMessage);
export const seq = () => z.int().min(1);
/** Unix milliseconds. */
export const time = () => z.int().min(0).max(8_640_000_000_000_000);
/** Any JSON value that can be stored; how large it may be, the command says. */
export const json = () =>
  z.unknown().superRefine((value, context) => {
    const problem = jsonProblem(value);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  });
/** An emoji, or the application's name for one. */
export const emoji = () =>
  z
    .string()
    .min(1)
    .max(64)
    .refine(storable, storableMessage)
    .refine((name) => name !== '__proto__', 'an emoji, or a name for one');

export const room = z.strictObject({
  id: z.string(),
  kind: z.enum(roomKinds),
  name: z.string().optional(),
  topic: z.string().optional(),
  data: z.unknown().optional(),
  createdBy: z.string(),
  createdAt: z.int(),
  lastSeq: z.int(),
  lastAt: z.int(),
  rev: z.int(),
  countable: z.int(),
  memberCount: z.int(),
  frozen: z.boolean().optional(),
  slowMs: z.int().optional(),
  retentionMs: z.int().optional(),
  deletedAt: z.int().optional(),
});

export const member = z.strictObject({
  room: z.string(),
  user: z.string(),
  role: z.enum(roles),
  joinedAt: z.int(),
  state: z.enum(['member', 'invited', 'left', 'kicked']),
});

export const membership = z.strictObject({
  ...member.shape,
  readSeq: z.int(),
  deliveredSeq: z.int(),
  readCountable: z.int(),
  unread: z.int(),
  mentions: z.int(),
  pinned: z.boolean().optional(),
  archived: z.boolean().optional(),
  muteUntil: z.int().optional(),
  notify: z.enum(['all', 'mentions', 'none']).optional(),
});

export const mentions = z.strictObject({
  users: z.array(id()).optional(),
  here: z.boolean().optional(),
  room: z.boolean().optional(),
});

export const attachment = z.strictObject({
  id: z.string(),
  name: z.string(),
  contentType: z.string(),
  bytes: z.int(),
  width: z.int().optional().describe('Of a picture that tells its size: pixels, as shown, turned as the file says.'),
  height: z.int().optional().describe('Comes with `width`.'),
  url: z.string(),
});

export const poll = z.strictObject({
  question: z.string(),
  options: z.array(z.strictObject({ id: z.string(), text: z.string(), votes: z.int() })),
  multiple: z.boolean().optional(),
  anonymous: z.boolean().optional(),
  closesAt: z.int().optional(),
  closedAt: z.int().optional(),
  voters: z.int(),
});

export const message = z.strictObject({
  room: z.string(),
  seq: z.int(),
  id: z.string(),
  sender: z.string(),
  clientId: z.string().optional(),
  kind: z.enum(['text', 'system', 'poll', 'hidden']),
  text: z.string().optional(),
  data: z.unknown().optional(),
  threadSeq: z.int().optional(),
  replySeq: z.int().optional(),
  thread: z.strictObject({ count: z.int(), lastSeq: z.int(), lastAt: z.int() }).optional(),
  mentions: mentions.optional(),
  attachments: z.array(attachment).optional(),
  reactions: z.record(z.string(), z.int()).optional(),
  poll: poll.optional(),
  previews: z
    .array(
      z.strictObject({
        url: z.string(),
        title: z.string().optional(),
        description: z.string().optional(),
        siteName: z.string().optional(),
      }),
    )
    .optional(),
  silent: z.boolean().optional(),
  pinnedAt: z.int().optional(),
  version: z.int(),
  createdAt: z.int(),
  editedAt: z.int().optional(),
  deletedAt: z.int().optional(),
  rev: z.int(),
});

export const ownState = z.strictObject({
  seq: z.int(),
  reactions: z.array(z.string()).describe('Emoji with which the asker reacted.'),
  votes: z.array(z.string()).describe('Ids of the options that the asker chose.'),
});

export const roomListItem = z.strictObject({
  room,
  membership,
  lastMessage: message.optional(),
  peer: z.string().optional(),
});

export const draft = z.strictObject({
  room: z.string(),
  threadSeq: z.int().optional(),
  text: z.string().describe('Empty: there is none any more.'),
  updatedAt: z.int(),
});

/** The most that any configuration may allow. */
const maxTextLength = 1_000_000;

/** What a message says, as its sender gives it. */
export const messageContent = {
  text: text(maxTextLength).optional().describe('At most `chat.limits.messageSize` bytes together with `data`.'),
  data: json().optional().describe('Whatever the application keeps with the message.'),
  mentions: mentions.optional(),
  attachments: z.array(text(64).min(1)).optional().describe('Ids of uploads.'),
};

/** What `send` takes; the same stands in a scheduled message. */
export const sendInput = z.strictObject({
  room: id(),
  clientId: clientId()
    .optional()
    .describe('Made by the client, once per message: sending again with it returns the first message.'),
  ...messageContent,
  replySeq: seq().optional().describe('The message this one answers.'),
  threadSeq: seq().optional().describe('The message whose thread it belongs to.'),
  silent: z.boolean().optional().describe('Does not count as unread and notifies nobody.'),
});

/** A message as most are: a room, a text, and a client id. The same as `sendInput` makes of it. */
export function readUsualSend(input: unknown): { room: string; clientId: string; text: string } | undefined {
  if (typeof input !== 'object' || input === null || Object.keys(input).length !== 3) return undefined;
  const { room: roomId, clientId: name, text: said } = input as Record<string, unknown>;
  if (typeof roomId !== 'string' || typeof name !== 'string' || typeof said !== 'string') return undefined;
  if (!isChannelId(roomId) || name === '' || name.length > 128 || said.length > maxTextLength) return undefined;
  return storable(name) && storable(said) ? { room: roomId, clientId: name, text: said } : undefined;
}

export const empty = z.strictObject({});
