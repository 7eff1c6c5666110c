/** The `chat` section of the configuration. */
import { z } from 'zod';
import { duration, size } from './units.ts';

const rule = (description: string) => z.string().trim().min(1).max(4096).optional().describe(description);

/** What somebody may do in a room; each is a rule over `auth`, `room`, `member`, and what the action is about. */
export const chatActions = [
  'createRoom',
  'findRoom',
  'readRoom',
  'changeRoom',
  'deleteRoom',
  'joinRoom',
  'invite',
  'kick',
  'changeRole',
  'transfer',
  'send',
  'sendSilent',
  'sendScheduled',
  'mentionRoom',
  'editMessage',
  'deleteMessage',
  'react',
  'pin',
  'createPoll',
  'vote',
  'closePoll',
  'upload',
  'type',
  'seeReceipts',
  'seeMembers',
  'report',
  'moderate',
  'seePresence',
  'findUsers',
] as const;
export type ChatAction = (typeof chatActions)[number];

/** Patterns of the channels that chat owns. */
export const chatPatterns = ['chat:room:{room}', 'chat:user:{user}', 'chat:presence:{user}'] as const;

/** Kinds of events of chat, as `events.types` names them. */
export const chatEventGroups = [
  'chat.message.*',
  'chat.thread.*',
  'chat.member.*',
  'chat.room.*',
  'chat.report.*',
  'chat.restriction.*',
  'chat.user.*',
] as const;

export const chatSchema = z
  .strictObject({
    enabled: z.boolean().default(false).describe('Whether there is chat.'),
    permissions: z
      .strictObject(
        Object.fromEntries(
          chatActions.map((action) => [action, rule(`Rule that replaces the default for ${action}.`)]),
        ) as Record<ChatAction, ReturnType<typeof rule>>,
      )
      .prefault({})
      .describe('Who may do what in rooms: rules over `auth`, `room`, `member`, `message`, `target`, `now`.'),
    limits: z
      .strictObject({
        messageSize: size().default(65_536).describe('Text and data of one message.'),
        attachments: z.int().min(0).default(10).describe('Attachments of one message.'),
        page: z
          .int()
          .min(100)
          .max(1000)
          .default(100)
          .describe('Messages, rooms or members in one answer; @tidings/client asks for up to 100.'),
        reactionKinds: z.int().min(0).default(50).describe('Kinds of reactions on one message.'),
        reactionsPerUser: z.int().min(0).default(20).describe('Reactions of one user on one message.'),
        mentions: z.int().min(0).default(50).describe('Users mentioned by one message.'),
        roomsPerUser: z.int().min(1).default(2_000).describe('Rooms of one user, and rooms that one user has made.'),
        membersPerGroup: z
          .int()
          .min(2)
          .default(10_000)
          .describe('Members of a group; into other rooms, users bring others unasked up to this many.'),
        removedPerRoom: z
          .int()
          .min(1)
          .default(10_000)
          .describe('Users kicked from one room and restrictions in it, together.'),
        notifiedMembers: z
          .int()
          .min(0)
          .default(1_000)
          .describe('Up to this many members, each is told of activity in the room; in larger rooms those who look.'),
        pins: z.int().min(0).default(100).describe('Pinned messages of one room.'),
        pollOptions: z.int().min(2).default(20).describe('Options of a poll.'),
        scheduledPerUser: z.int().min(0).default(100).describe('Scheduled messages of one user.'),
        drafts: z.int().min(1).max(5_000).default(500).describe('Drafts of one user.'),
        uploadSize: size().default(26_214_400).describe('One attachment.'),
        uploadsPerUser: z.int().min(1).default(50).describe('Attachments of one user that wait to be sent.'),
        versions: z.int().min(0).default(50).describe('Former versions kept of a message.'),
      })
      .prefault({})
      .describe('Limits of chat; each is an error with a code to whoever goes beyond.'),
    uploads: z
      .strictObject({
        storage: z.enum(['disk', 's3']).default('disk').describe('Where attachments are kept.'),
        contentTypes: z
          .array(z.string())
          .default(['image/*', 'video/*', 'audio/*', 'application/pdf', 'text/plain', 'application/zip'])
          .describe('Types that may be uploaded, as sniffed from the bytes.'),
        s3: z
          .strictObject({
            endpoint: z.url({ protocol: /^https?$/ }).describe('Such as https://s3.eu-central-1.amazonaws.com.'),
            region: z.string().min(1).default('us-east-1').describe('Region for signing.'),
            bucket: z.string().min(1).describe('Bucket.'),
            accessKeyId: z.string().min(1).meta({ secret: true, description: 'Access key.' }),
            secretAccessKey: z.string().min(1).meta({ secret: true, description: 'Secret key.' }),
            prefix: z.string().default('').describe('Put in front of every key.'),
          })
          .optional()
          .describe('An S3-compatible store.'),
      })
      .prefault({})
      .describe('Attachments.'),
    previews: z
      .strictObject({
        enabled: z.boolean().default(false).describe('Whether the server fetches links to show what is behind them.'),
        timeout: duration().default(5_000).describe('Time limit of one fetch.'),
        maxBytes: size().default(524_288).describe('Read of a page at most.'),
        allowPrivateAddresses: z
          .boolean()
          .default(false)
          .describe('For tests and closed networks: fetch from private addresses too.'),
      })
      .prefault({})
      .describe('Link previews.'),
    moderation: z
      .strictObject({
        words: z.array(z.string().min(1)).default([]).describe('Words that are not let through, without case.'),
        wordAction: z.enum(['reject', 'mask', 'report']).default('mask').describe('What happens to such a message.'),
        hook: z
          .strictObject({
            url: z
              .url({ protocol: /^https?$/ })
              .describe('Asked before a message is stored: accept, change or reject.'),
            timeout: duration().default(2_000).describe('Time limit.'),
            onFailure: z.enum(['accept', 'reject']).default('accept').describe('If it does not answer.'),
          })
          .optional()
          .describe('Question to the application before a message is stored.'),
      })
      .prefault({})
      .describe('Moderation.'),
    retention: duration()
      .optional()
      .describe('How long messages are kept in rooms that say nothing; default: for good.'),
    typingTimeout: duration().default(7_000).describe('Typing is shown this long after the last sign.'),
    presenceGrace: duration().default(15_000).describe('A user whose last device went is offline after this long.'),
  })
  .prefault({})
  .describe('Chat: rooms, messages and all around them. See docs/chat.md.');

export type ChatConfig = z.output<typeof chatSchema>;
