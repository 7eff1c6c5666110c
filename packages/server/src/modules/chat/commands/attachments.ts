/** Commands around attachments. The bytes themselves go over plain HTTP: `attachments/upload-route.ts`. */
import { z } from 'zod';
import { linkAttachments } from '../attachments/attachment-links.ts';
import { requestUpload } from '../attachments/uploads.ts';
import { command, type ChatCommand } from '../command.ts';
import { id, text } from '../schemas.ts';

const contentType = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/;

export const attachmentCommands: readonly ChatCommand[] = [
  command({
    name: 'upload',
    summary: 'Asks to upload a file for a message in a room. Its bytes are sent by POST to the URL, as they are.',
    input: z.strictObject({
      room: id(),
      name: text(255).min(1).describe('Name of the file; of a path, its last part.'),
      bytes: z.int().min(1).describe('So many are sent then; at most `chat.limits.uploadSize`.'),
      contentType: z
        .string()
        .max(255)
        .toLowerCase()
        .regex(contentType, 'a type such as image/png')
        .optional()
        .describe('Only to be refused early: what the file is, its bytes say.'),
    }),
    output: z.strictObject({
      id: z.string().describe('For `attachments` of a message, once the bytes are there.'),
      url: z
        .string()
        .describe(
          'Path to POST the bytes to. It holds a secret, works for one file, and is answered with `attachment`.',
        ),
      expiresAt: z.int().describe('The sending must begin by then.'),
    }),
    example: { room: 'lobby', name: 'sunset.jpg', bytes: 48_213 },
    run: requestUpload,
  }),
  command({
    name: 'attachmentUrls',
    summary: 'Links to attachments that work for an hour without a token, as `<img>` needs them.',
    input: z.strictObject({
      ids: z
        .array(text(64).min(1))
        .min(1)
        .max(100)
        .refine((ids) => new Set(ids).size === ids.length, 'an id is named twice'),
    }),
    output: z.strictObject({
      urls: z.array(z.strictObject({ id: z.string(), url: z.string(), expiresAt: z.int() })),
      missing: z.array(z.string()).describe('Not there, or not for the asker.'),
    }),
    example: { ids: ['01913c00-0000-7000-8000-000000000001'] },
    anonymous: true,
    run: (chat, actor, { ids }) => linkAttachments(chat, actor, ids),
  }),
];
