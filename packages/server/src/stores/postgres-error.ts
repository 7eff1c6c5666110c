/**
 * What an error of `pg` means to whoever uses the store.
 * Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
import { StoreFullError, StoreUnavailableError } from './store.ts';

/** Codes, or the two characters of a class of codes, that say nothing about the statement but that it cannot be done now. */
const unavailableCodes = [
  '08', // connection
  '28', // authorization: a password that was changed is changed back, or the process restarted
  '3D000', // no such database
  '53', // resources
  '57P', // shutting down, crashed, starting up, dropped
  '57014', // canceled by statement_timeout
  '25P03', // idle in a transaction for too long
  '58', // the system under it
];
const fullCodes = ['53100' /* disk full */, '25006' /* read-only */];
const retryableCodes = ['40001' /* serialization failure */, '40P01' /* deadlock */];

/**
 * @param where host and database, without a password.
 * @returns the error of the store it stands for; the error itself if it is one of the statement.
 */
export function fromPostgresError(error: unknown, where: string): unknown {
  if (error instanceof StoreUnavailableError || error instanceof StoreFullError) return error;
  // Ours: parameters that are none, integers beyond 2^53.
  if (error instanceof TypeError || error instanceof RangeError || !(error instanceof Error)) return error;
  const code = sqlState(error);
  if (code !== undefined && fullCodes.includes(code)) {
    return new StoreFullError(`the database at ${where} cannot be written: ${error.message}`, { cause: error });
  }
  if (code !== undefined && !unavailableCodes.some((start) => code.startsWith(start))) return error;
  const reason = error.message === '' ? String((error as NodeJS.ErrnoException).code) : error.message;
  return new StoreUnavailableError(`the database at ${where} is not available: ${reason}`, { cause: error });
}

/** Whether the same transaction, run again, may well succeed: nothing of it was written. */
export function isRetryable(error: unknown): boolean {
  const code = sqlState(error);
  return (code !== undefined && retryableCodes.includes(code)) || isStalePlan(error);
}

/** Whether a statement was prepared before the schema changed. It has done nothing. */
export function isStalePlan(error: unknown): boolean {
  return sqlState(error) === '0A000' && (error as { routine?: unknown }).routine === 'RevalidateCachedQuery';
}

/** What the server calls the error; undefined: it is none of the server's. */
function sqlState(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  return typeof code === 'string' && severity !== undefined ? code : undefined;
}
