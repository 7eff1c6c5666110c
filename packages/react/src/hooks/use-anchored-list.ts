/**
 * The scrolling of a list of messages, by TanStack Virtual: it stands at its end until the reader scrolls up, keeps the
 * reader's place whatever is loaded or grows above, and loads more in both directions before the edge is reached.
 */
import type { MessagesView, Timeline } from '@tidings/client';
import { defaultRangeExtractor, useVirtualizer, type ReactVirtualizer } from '@tanstack/react-virtual';
import { useCallback, useEffect, useRef, useState, type RefObject } from 'react';
import { estimateRowHeight, type MessageRow } from '../message-rows.ts';
import { useBrowserLayoutEffect } from './use-layout-effect.ts';

/** Nearer to the end than this counts as being at it, in CSS pixels. */
const endThreshold = 64;
/** Room above the first message, for a word on whether there are older ones. */
const startHeight = 64;
/** More is loaded when less than this many screens are left. */
const screensAhead = 1.5;
/** How long nothing more is loaded in a direction after it failed, in milliseconds. */
const pauseAfterFailureMs = 3000;

export interface AnchoredList {
  readonly virtualizer: ReactVirtualizer<HTMLDivElement, HTMLDivElement>;
  readonly isAtEnd: boolean;
  scrollToEnd(): void;
}

export interface AnchoredListOptions {
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly timeline: Timeline;
  readonly view: MessagesView;
  readonly rows: readonly MessageRow[];
  /** A row that stays mounted wherever it is: the one with the keyboard. */
  readonly keptIndex: number;
}

export function useAnchoredList({ scroller, timeline, view, rows, keptIndex }: AnchoredListOptions): AnchoredList {
  const [isAtEnd, setAtEnd] = useState(true);
  const atEnd = useRef(true);
  // The last page of newer messages is appended below a reader who is not at the latest: no reason to move.
  const hadAfter = useRef(view.hasAfter);
  // A row that nobody has seen keeps its first estimate: another one would move all rows below it.
  const [estimates] = useState(() => new Map<string, number>());
  const estimate = (index: number): number => {
    const row = rows[index];
    if (row === undefined) return 0;
    const known = estimates.get(row.key) ?? estimateRowHeight(row, window.innerWidth < 600 ? 34 : 62);
    estimates.set(row.key, known);
    return known;
  };

  const virtualizer = useVirtualizer<HTMLDivElement, HTMLDivElement>({
    count: rows.length,
    getScrollElement: () => scroller.current,
    getItemKey: useCallback((index: number) => rows[index]?.key ?? index, [rows]),
    estimateSize: estimate,
    // From the first render on at the end, where the rows are that will be seen.
    initialOffset: () => rows.reduce((sum, _, index) => sum + estimate(index), startHeight),
    overscan: 6,
    paddingStart: startHeight,
    paddingEnd: 8,
    anchorTo: 'end',
    followOnAppend: !hadAfter.current && !view.hasAfter,
    scrollEndThreshold: endThreshold,
    directDomUpdates: true,
    rangeExtractor: (range) => {
      const indexes = defaultRangeExtractor(range);
      if (keptIndex < 0 || keptIndex >= rows.length || indexes.includes(keptIndex)) return indexes;
      return [...indexes, keptIndex].sort((a, b) => a - b);
    },
  });
  // What grows or shrinks wholly above the fold moves nothing below it, in whichever direction one scrolls.
  virtualizer.shouldAdjustScrollPositionOnItemSizeChange = (item, _delta, { scrollOffset, itemSizeCache }) => {
    const isFirstTime = !itemSizeCache.has(item.key);
    return (isFirstTime ? item.start : item.end) < (scrollOffset ?? 0);
  };

  const look = useCallback(() => {
    // While a jump settles this is asked again with every scroll.
    const isEnd = virtualizer.isAtEnd(endThreshold);
    atEnd.current = isEnd;
    setAtEnd(isEnd);
  }, [virtualizer]);

  const loadMore = useEdges(scroller, timeline, view);

  useBrowserLayoutEffect(() => {
    hadAfter.current = view.hasAfter;
  });

  useBrowserLayoutEffect(() => {
    virtualizer.scrollToEnd();
  }, [virtualizer]);

  useEffect(() => {
    look();
    loadMore();
  }, [rows, look, loadMore]);

  useEffect(() => {
    const element = scroller.current;
    if (element === null) return undefined;
    const onScroll = (): void => {
      look();
      loadMore();
    };
    const observer = new ResizeObserver(() => {
      // A keyboard on the screen or a growing composer takes room away at the end, which is where one reads.
      if (atEnd.current) virtualizer.scrollToEnd();
    });
    element.addEventListener('scroll', onScroll, { passive: true });
    observer.observe(element);
    return () => {
      element.removeEventListener('scroll', onScroll);
      observer.disconnect();
    };
  }, [scroller, virtualizer, look, loadMore]);

  const scrollToEnd = useCallback(() => virtualizer.scrollToEnd(), [virtualizer]);
  return { virtualizer, isAtEnd: isAtEnd && !view.hasAfter, scrollToEnd };
}

/** Loads older and newer messages when the reader comes near the edge of what is there. */
function useEdges(scroller: RefObject<HTMLDivElement | null>, timeline: Timeline, view: MessagesView): () => void {
  const latest = useRef(view);
  const pausedUntil = useRef({ before: 0, after: 0 });
  useBrowserLayoutEffect(() => {
    latest.current = view;
  });
  return useCallback(() => {
    const element = scroller.current;
    const { hasBefore, hasAfter, isLoadingBefore, isLoadingAfter, status } = latest.current;
    if (element === null || status === 'loading') return;
    const ahead = element.clientHeight * screensAhead;
    const load = (edge: 'before' | 'after', work: () => Promise<void>): void => {
      if (Date.now() < pausedUntil.current[edge]) return;
      // Held until the answer is there: one request at a time.
      pausedUntil.current[edge] = Infinity;
      work().then(
        () => void (pausedUntil.current[edge] = 0),
        () => void (pausedUntil.current[edge] = Date.now() + pauseAfterFailureMs),
      );
    };
    if (hasBefore && !isLoadingBefore && element.scrollTop < ahead) load('before', () => timeline.loadBefore());
    const below = element.scrollHeight - element.scrollTop - element.clientHeight;
    if (hasAfter && !isLoadingAfter && below < ahead) load('after', () => timeline.loadAfter());
  }, [scroller, timeline]);
}
