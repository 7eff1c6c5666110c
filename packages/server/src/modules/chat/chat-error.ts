/** Errors of chat. Codes 600 to 699; ERRORS.md lists them and a test holds the two together. Codes are never reused. */
import { ProtocolError, type ErrorDefinition } from '@tidings/protocol';
import { StoreFullError, StoreUnavailableError } from '../../stores/store.ts';

export const chatErrors = {
  roomNotFound: { code: 600, message: 'no such room', temporary: false },
  messageNotFound: { code: 601, message: 'no such message', temporary: false },
  userNotFound: { code: 602, message: 'no such user', temporary: false },
  notMember: { code: 603, message: 'not a member of the room', temporary: false },
  forbidden: { code: 604, message: 'not allowed', temporary: false },
  invalid: { code: 605, message: 'invalid request', temporary: false },
  tooLarge: { code: 606, message: 'too large', temporary: false },
  tooMany: { code: 607, message: 'too many', temporary: false },
  slowMode: { code: 609, message: 'slow mode: wait before the next message', temporary: true },
  frozen: { code: 610, message: 'the room is frozen', temporary: false },
  banned: { code: 611, message: 'banned', temporary: false },
  muted: { code: 612, message: 'muted', temporary: false },
  blocked: { code: 613, message: 'blocked', temporary: false },
  rejected: { code: 614, message: 'the message was rejected', temporary: false },
  deleted: { code: 615, message: 'deleted', temporary: false },
  closed: { code: 616, message: 'closed', temporary: false },
  attachmentNotFound: { code: 617, message: 'no such attachment', temporary: false },
  contentTypeNotAllowed: { code: 618, message: 'files of this type are not allowed', temporary: false },
  unavailable: { code: 619, message: 'the database is not available', temporary: true },
  full: { code: 620, message: 'the disk is full', temporary: true },
  alreadyExists: { code: 621, message: 'already exists', temporary: false },
  conflict: { code: 622, message: 'changed meanwhile', temporary: false },
  reportNotFound: { code: 623, message: 'no such report', temporary: false },
  scheduledNotFound: { code: 624, message: 'no such scheduled message', temporary: false },
  notChecked: { code: 625, message: 'the message could not be checked', temporary: true },
} as const satisfies Record<string, ErrorDefinition>;

export type ChatErrorName = keyof typeof chatErrors;

/**
 * A command of chat failed. Unlike other protocol errors its detail is for the client too: `message` reads
 * `no such room: r7`. So a detail must not tell what the asker may not know.
 */
export class ChatError extends ProtocolError {
  constructor(name: ChatErrorName, detail?: string, options: { cause?: unknown } = {}) {
    const definition = chatErrors[name];
    super(detail === undefined ? definition : { ...definition, message: `${definition.message}: ${detail}` }, {
      ...(detail !== undefined && { detail }),
      ...(options.cause !== undefined && { cause: options.cause }),
    });
    this.name = 'ChatError';
  }
}

/** What went wrong in the store as an error of chat; anything else as it is. */
export function asChatError(error: unknown): unknown {
  if (error instanceof StoreUnavailableError) return new ChatError('unavailable', undefined, { cause: error });
  if (error instanceof StoreFullError) return new ChatError('full', undefined, { cause: error });
  return error;
}
