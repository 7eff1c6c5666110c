/** The state that the parts of one conversation share, made by `Room` and `Thread`. */
import type { TidingsError } from '@tidings/client';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { Composing, Conversation } from '../conversation.ts';

/** How long a failure stays, in milliseconds. */
const failureMs = 8000;

export function useNewConversation(
  room: Conversation['room'],
  timeline: Conversation['timeline'],
  thread: Conversation['thread'],
  onOpenThread: ((threadSeq: number) => void) | undefined,
): Conversation {
  const [composing, compose] = useState<Composing>({ kind: 'new' });
  const [failure, setFailure] = useState<TidingsError>();
  const list = useRef<Conversation['list']['current']>(undefined);

  useEffect(() => {
    if (failure === undefined) return undefined;
    const timer = setTimeout(() => setFailure(undefined), failureMs);
    return () => clearTimeout(timer);
  }, [failure]);

  const jumpTo = useCallback((seq: number) => list.current?.jumpTo(seq), []);
  const attempt = useCallback(
    (work: Promise<unknown>) => void work.catch((error: TidingsError) => setFailure(error)),
    [],
  );
  const dismissFailure = useCallback(() => setFailure(undefined), []);

  // A new function with every render of the application would render every message anew.
  const latest = useRef(onOpenThread);
  useEffect(() => {
    latest.current = onOpenThread;
  });
  const hasThreads = onOpenThread !== undefined;
  const openThread = useMemo(() => (hasThreads ? (seq: number) => latest.current?.(seq) : undefined), [hasThreads]);

  return useMemo(
    () => ({ room, timeline, thread, composing, compose, attempt, failure, dismissFailure, openThread, jumpTo, list }),
    [room, timeline, thread, composing, attempt, failure, dismissFailure, openThread, jumpTo],
  );
}
