/** What an error of `node:sqlite` means to whoever uses the store. Codes: https://sqlite.org/rescode.html */
import { StoreFullError, StoreUnavailableError } from './store.ts';

const primary = { busy: 5, locked: 6, readonly: 8, ioError: 10, full: 13, cannotOpen: 14 } as const;
const readonlyMoved = 1032;

/** Whether another process holds the lock right now. Nothing was done. */
export function isBusy(error: unknown): boolean {
  const code = primaryCode(error);
  return code === primary.busy || code === primary.locked;
}

/** @returns the error of the store it stands for; the error itself if it is one of the statement. */
export function fromSqliteError(error: unknown, file: string): unknown {
  if (!(error instanceof Error)) return error;
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  if (code === 'ERR_INVALID_STATE')
    return new StoreUnavailableError(`the database ${file} is closed`, { cause: error });
  const unavailable = (what: string) =>
    new StoreUnavailableError(`the database ${file} ${what}: ${error.message}`, { cause: error });
  if (errcode === readonlyMoved) return unavailable('was moved or removed');
  switch (primaryCode(error)) {
    case primary.full:
      return new StoreFullError(`the database ${file} cannot grow: ${error.message}`, { cause: error });
    case primary.readonly:
      return new StoreFullError(`the database ${file} cannot be written: ${error.message}`, { cause: error });
    case primary.busy:
    case primary.locked:
      return unavailable('is held by another process');
    case primary.ioError:
      return unavailable('cannot be read or written');
    case primary.cannotOpen:
      return unavailable('cannot be opened');
    default:
      return error;
  }
}

function primaryCode(error: unknown): number | undefined {
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  return code === 'ERR_SQLITE_ERROR' && typeof errcode === 'number' ? errcode & 0xff : undefined;
}
