/**
 * Protocol errors: what a command is answered with when it fails. One table; ERRORS.md lists exactly these codes and a
 * test holds the two together. Codes are never reused. 400–1999 belong to applications and to Tidings' own features.
 *
 * Source: Centrifuge client protocol v2.
 */
import type { ErrorMessage } from './messages.ts';

export interface ErrorDefinition {
  readonly code: number;
  readonly message: string;
  /** The client may send the same command again later. */
  readonly temporary: boolean;
}

export const errors = {
  internal: { code: 100, message: 'internal server error', temporary: true },
  unauthorized: { code: 101, message: 'unauthorized', temporary: false },
  unknownChannel: { code: 102, message: 'unknown channel', temporary: false },
  permissionDenied: { code: 103, message: 'permission denied', temporary: false },
  methodNotFound: { code: 104, message: 'method not found', temporary: false },
  alreadySubscribed: { code: 105, message: 'already subscribed', temporary: false },
  limitExceeded: { code: 106, message: 'limit exceeded', temporary: false },
  badRequest: { code: 107, message: 'bad request', temporary: false },
  notAvailable: { code: 108, message: 'not available', temporary: false },
  tokenExpired: { code: 109, message: 'token expired', temporary: false },
  expired: { code: 110, message: 'expired', temporary: false },
  tooManyRequests: { code: 111, message: 'too many requests', temporary: true },
  unrecoverablePosition: { code: 112, message: 'unrecoverable position', temporary: false },
  concurrentPagination: { code: 113, message: 'concurrent pagination', temporary: false },
} as const satisfies Record<string, ErrorDefinition>;

export type ErrorName = keyof typeof errors;

/**
 * A command failed; the client receives `code`, `message` and `temporary`, and the connection stays open.
 * `cause` and `detail` are for the log only: a client learns nothing from them.
 */
export class ProtocolError extends Error {
  readonly code: number;
  readonly temporary: boolean;
  /** What was wrong, in words, for the operator's log. */
  readonly detail: string | undefined;

  constructor(definition: ErrorDefinition, options: { detail?: string; cause?: unknown } = {}) {
    super(definition.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ProtocolError';
    this.code = definition.code;
    this.temporary = definition.temporary;
    this.detail = options.detail;
  }

  toMessage(): ErrorMessage {
    return this.temporary
      ? { code: this.code, message: this.message, temporary: true }
      : { code: this.code, message: this.message };
  }
}

/** Bytes that are not a message of the protocol. The connection that sent them is closed with 3501. */
export class DecodeError extends Error {
  constructor(detail: string) {
    super(detail);
    this.name = 'DecodeError';
  }
}
