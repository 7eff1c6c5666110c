/** People by name as one types: the last question wins, the ones before are aborted. */
import type { TidingsError, User } from '@tidings/client';
import { useEffect, useState } from 'react';
import { useChat } from './use-chat.ts';

/** Who was found so far. */
export interface FindUsersState {
  /** While it is `searching`, `users` are those of the question before. */
  readonly status: 'idle' | 'searching' | 'done' | 'failed';
  readonly users: readonly User[];
  /** Why nobody can be found, such as 604 where the server does not permit it. */
  readonly failure?: TidingsError;
}

/** How many, and how soon. */
export interface FindUsersOptions {
  /** At most so many; up to the server's `limits.page`. */
  readonly limit?: number;
  /** How long nobody types before it is asked, in milliseconds. */
  readonly delayMs?: number;
}

interface Found extends FindUsersState {
  readonly query: string;
}

const nobody: Found = { query: '', status: 'idle', users: [] };
/** Not permitted, which asking again does not change. */
const forbidden = 604;

/** People whose names hold all words as beginnings of words, as somebody types them. What fails is said, not thrown. */
export function useFindUsers(text: string, { limit = 20, delayMs = 200 }: FindUsersOptions = {}): FindUsersState {
  const chat = useChat();
  const query = text.trim();
  const [found, setFound] = useState<Found>(nobody);
  const [refusal, setRefusal] = useState<TidingsError>();
  useEffect(() => setRefusal(undefined), [chat]);

  useEffect(() => {
    if (query === '' || refusal !== undefined) {
      setFound(nobody);
      return undefined;
    }
    const abort = new AbortController();
    const ask = async (): Promise<void> => {
      try {
        const { users } = await chat.findUsers({ query, limit }, { signal: abort.signal });
        if (!abort.signal.aborted) setFound({ query, status: 'done', users });
      } catch (error) {
        if (abort.signal.aborted) return;
        const failure = error as TidingsError;
        if (failure.code === forbidden) setRefusal(failure);
        else setFound({ query, status: 'failed', users: [], failure });
      }
    };
    const timer = setTimeout(() => void ask(), delayMs);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [chat, query, limit, delayMs, refusal]);

  if (query === '') return nobody;
  if (refusal !== undefined) return { status: 'failed', users: [], failure: refusal };
  return found.query === query ? found : { status: 'searching', users: found.users };
}
