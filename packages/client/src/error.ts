/** Everything the SDK fails with. */

/** Codes below 100 are the SDK's own: nothing was heard of the server. The others are in ERRORS.md. */
export const clientErrors = {
  offline: { code: 1, message: 'not connected' },
  timeout: { code: 2, message: 'the server did not answer in time' },
  closed: { code: 3, message: 'the client was closed' },
  aborted: { code: 4, message: 'aborted' },
  invalid: { code: 5, message: 'invalid' },
  network: { code: 6, message: 'the network failed' },
  storage: { code: 7, message: 'the storage of this device failed' },
} as const;

/** Name of one of the SDK’s own errors. */
export type ClientErrorName = keyof typeof clientErrors;

/** How an error is made. */
export interface TidingsErrorOptions {
  /** Whether the same may work later. */
  readonly isTemporary?: boolean;
  readonly cause?: unknown;
}

/** What every promise of the SDK rejects with: a code, words, and whether the same may work later. */
export class TidingsError extends Error {
  override readonly name: string = 'TidingsError';
  readonly code: number;
  readonly isTemporary: boolean;

  constructor(code: number, message: string, { isTemporary = false, cause }: TidingsErrorOptions = {}) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
    this.isTemporary = isTemporary;
  }

  /** One of the SDK's own. @param detail is put behind the message. */
  static of(name: ClientErrorName, detail?: string, options: TidingsErrorOptions = {}): TidingsError {
    const { code, message } = clientErrors[name];
    const isTemporary = name === 'offline' || name === 'timeout' || name === 'network';
    return new TidingsError(code, detail === undefined ? message : `${message}: ${detail}`, {
      isTemporary,
      ...options,
    });
  }
}
