/** What a message says, checked against the limits and made into what is stored. */
import { hash } from 'node:crypto';
import type { ChatConfig } from '../../config/chat-schema.ts';
import { ChatError } from './chat-error.ts';
import { jsonProblem } from './json-problem.ts';
import type { MessageBody } from './mappers.ts';
import type { Mentions } from './model.ts';

export interface Content {
  readonly text?: string | undefined;
  readonly data?: unknown;
  readonly mentions?:
    | { users?: readonly string[] | undefined; here?: boolean | undefined; room?: boolean | undefined }
    | undefined;
  readonly attachments?: readonly string[] | undefined;
}

/** What `send` takes. */
export interface SendInput extends Content {
  readonly room: string;
  readonly clientId?: string | undefined;
  readonly replySeq?: number | undefined;
  readonly threadSeq?: number | undefined;
  readonly silent?: boolean | undefined;
}

/**
 * Checks what can be checked without the database.
 * @throws ChatError invalid, tooLarge, tooMany.
 */
export function checkContent(content: Content, { limits }: Pick<ChatConfig, 'limits'>): void {
  const { text, data, attachments, mentions } = content;
  const empty = (text === undefined || text.trim() === '') && data === undefined && !attachments?.length;
  if (empty) throw new ChatError('invalid', 'a message needs text, data or attachments');
  const bytes = Buffer.byteLength(text ?? '') + (data === undefined ? 0 : Buffer.byteLength(dataText(data)));
  if (bytes > limits.messageSize) {
    throw new ChatError('tooLarge', `text and data have ${bytes} bytes; at most ${limits.messageSize}`);
  }
  if (attachments && attachments.length > limits.attachments) {
    throw new ChatError('tooMany', `${attachments.length} attachments; at most ${limits.attachments}`);
  }
  if (attachments && new Set(attachments).size < attachments.length) {
    throw new ChatError('invalid', 'an attachment is named twice');
  }
  if (mentions?.users && mentions.users.length > limits.mentions) {
    throw new ChatError('tooMany', `${mentions.users.length} mentions; at most ${limits.mentions}`);
  }
}

/** @throws ChatError invalid for what cannot be stored. */
function dataText(data: unknown): string {
  const problem = jsonProblem(data);
  if (problem !== undefined) throw new ChatError('invalid', `data: ${problem}`);
  return JSON.stringify(data);
}

/** The body without what the database knows: attachments and previews are put in by who stores it. */
export function toBody(content: Content): MessageBody {
  const mentions = toMentions(content.mentions);
  return {
    ...(content.text !== undefined && { text: content.text }),
    ...(content.data !== undefined && { data: content.data }),
    ...(mentions && { mentions }),
  };
}

function toMentions(mentions: Content['mentions']): Mentions | undefined {
  if (!mentions) return undefined;
  const users = [...new Set(mentions.users)];
  if (users.length === 0 && !mentions.here && !mentions.room) return undefined;
  return {
    ...(users.length > 0 && { users }),
    ...(mentions.here && { here: true }),
    ...(mentions.room && { room: true }),
  };
}

/** Tells a repeat from another message under the same client id. */
export function contentHash(input: object): string {
  return hash('sha256', JSON.stringify(input), 'base64url').slice(0, 22);
}
