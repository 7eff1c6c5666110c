/** Search as one types: the last question wins, the ones before are aborted. */
import type { ChatOutput, TidingsError } from '@tidings/client';
import { useEffect, useState } from 'react';
import { useChat } from './use-chat.ts';

/** One message that was found, with its room. */
export type SearchResult = ChatOutput<'search'>['results'][number];

/** What was found so far. */
export interface SearchState {
  readonly status: 'idle' | 'searching' | 'done' | 'failed';
  readonly results: readonly SearchResult[];
  readonly failure?: TidingsError;
  readonly hasMore: boolean;
  loadMore(): void;
}

/** Where to search, and how soon. */
export interface SearchOptions {
  /** Only in this room. */
  readonly room?: string | undefined;
  /** Only of this sender. */
  readonly sender?: string | undefined;
  /** How long nobody types before it is asked, in milliseconds. */
  readonly delayMs?: number;
}

interface Found {
  readonly question: string;
  readonly status: SearchState['status'];
  readonly results: readonly SearchResult[];
  readonly next?: string | undefined;
  readonly failure?: TidingsError;
}

const idle: Found = { question: '', status: 'idle', results: [] };

/** Searches as somebody types: the last question wins, the ones before are aborted. */
export function useSearch(text: string, { room, sender, delayMs = 200 }: SearchOptions = {}): SearchState {
  const chat = useChat();
  const query = text.trim();
  const [found, setFound] = useState<Found>(idle);
  // A new object with every wish for more, so that a page that failed is asked for again.
  const [wish, setWish] = useState<{ readonly question: string; readonly cursor: string }>();
  const question = JSON.stringify([query, room, sender]);
  const isCurrent = found.question === question;
  const page = wish?.question === question ? wish : undefined;
  // Who comes back to a question begins with its first page again.
  useEffect(() => setWish(undefined), [question]);

  useEffect(() => {
    if (query === '') {
      setFound(idle);
      return undefined;
    }
    const abort = new AbortController();
    const ask = async (): Promise<void> => {
      // What was found before stays on the screen until there is something else to show.
      setFound(({ results, next }) => ({ question, status: 'searching', results, next: page && next }));
      try {
        const filter = { ...(room !== undefined && { room }), ...(sender !== undefined && { sender }) };
        const input = { query, ...filter, ...(page !== undefined && { cursor: page.cursor }) };
        const { results, next } = await chat.search(input, { signal: abort.signal });
        if (abort.signal.aborted) return;
        setFound((before) => ({
          question,
          status: 'done',
          results: page === undefined ? results : [...before.results, ...results],
          next,
        }));
      } catch (error) {
        if (abort.signal.aborted) return;
        const failed = { question, status: 'failed', failure: error as TidingsError } as const;
        setFound(({ results, next }) =>
          page === undefined ? { ...failed, results: [] } : { ...failed, results, next },
        );
      }
    };
    const timer = setTimeout(() => void ask(), page === undefined ? delayMs : 0);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [chat, question, delayMs, page]);

  const { status, results, failure, next } = found;
  return {
    status: query === '' ? 'idle' : isCurrent ? status : 'searching',
    results: query === '' ? [] : results,
    hasMore: isCurrent && next !== undefined,
    loadMore: () => isCurrent && next !== undefined && setWish({ question, cursor: next }),
    ...(failure !== undefined && isCurrent && { failure }),
  };
}
