/** The scrolling part of the list of messages: rows, the keyboard, jumps, and what floats above them. */
import type { MessagesView } from '@tidings/client';
import {
  useCallback,
  useEffect,
  useImperativeHandle,
  useMemo,
  useRef,
  useState,
  type FocusEvent,
  type KeyboardEvent,
  type ReactNode,
} from 'react';
import { useFormats, useLabels } from '../context.ts';
import { useConversation } from '../conversation.ts';
import { useAnchoredList } from '../hooks/use-anchored-list.ts';
import { useBrowserLayoutEffect } from '../hooks/use-layout-effect.ts';
import { usePageVisible } from '../hooks/use-page-visible.ts';
import { messageRows, rowOfSeq } from '../message-rows.ts';
import { JumpButtons } from './jump-buttons.tsx';
import type { MessageListProps } from './message-list.tsx';
import { MessageRowView } from './message-row.tsx';

export interface MessageFeedProps extends MessageListProps {
  readonly view: MessagesView;
}

/** How long a message that was jumped to stands out, in milliseconds. */
const highlightMs = 2500;
/** How many messages Page Up and Page Down go. */
const pageStep = 8;

export function MessageFeed(props: MessageFeedProps): ReactNode {
  const { view, label, targetSeq, renderMessage, handle } = props;
  const labels = useLabels();
  const formats = useFormats();
  const conversation = useConversation();
  const { timeline, room, thread, attempt } = conversation;
  const scroller = useRef<HTMLDivElement>(null);
  const [heads] = useState(() => new Set<string>());
  const rows = useMemo(() => messageRows(view, { dayNumber: formats.dayNumber, heads }), [view, formats, heads]);

  const [activeKey, setActiveKey] = useState<string>();
  const [hasFocus, setHasFocus] = useState(false);
  const activeIndex = activeKey === undefined ? -1 : rows.findIndex(({ key }) => key === activeKey);
  const keptIndex = hasFocus ? activeIndex : -1;
  const { virtualizer, isAtEnd, scrollToEnd } = useAnchoredList({ scroller, timeline, view, rows, keptIndex });

  // What one looks at is read as it comes.
  const isPageVisible = usePageVisible();
  const isLooking = isPageVisible && isAtEnd;
  useEffect(() => {
    const shown = thread ?? room;
    shown.setVisible(isLooking);
    return () => shown.setVisible(false);
  }, [room, thread, isLooking]);

  // Whoever writes wants to see it, wherever they were reading.
  const last = rows.at(-1);
  const lastKey = last?.key;
  const isOwnNew = last?.kind === 'message' && last.message.isOwn && last.message.state === 'sending';
  useBrowserLayoutEffect(() => {
    if (isOwnNew) scrollToEnd();
  }, [lastKey, isOwnNew, scrollToEnd]);

  const [highlighted, setHighlighted] = useState<number>();
  useEffect(() => {
    if (highlighted === undefined) return undefined;
    const timer = setTimeout(() => setHighlighted(undefined), highlightMs);
    return () => clearTimeout(timer);
  }, [highlighted]);

  // A jump has three steps: load, wait for the rows to be there, scroll.
  const [target, setTarget] = useState<number | 'end'>();
  const wantsFocus = useRef(false);
  const jumpTo = useCallback(
    (seq: number): void => {
      const { messages } = timeline.messages.get();
      const isThere = messages.some((message) => message.seq === seq);
      const loaded = isThere ? Promise.resolve() : timeline.jumpTo(seq);
      attempt(loaded.then(() => setTarget(seq)));
    },
    [timeline, attempt],
  );
  const jumpToLatest = useCallback((): void => {
    const loaded = timeline.messages.get().hasAfter ? timeline.jumpToLatest() : Promise.resolve();
    attempt(loaded.then(() => setTarget('end')));
  }, [timeline, attempt]);

  useBrowserLayoutEffect(() => {
    if (target === undefined) return;
    setTarget(undefined);
    const index = target === 'end' ? rows.length - 1 : rowOfSeq(rows, target);
    const row = rows[index];
    if (row === undefined) return;
    if (target === 'end') {
      scrollToEnd();
    } else {
      virtualizer.scrollToIndex(index, { align: 'center' });
      setHighlighted(row.kind === 'message' ? row.message.seq : undefined);
    }
    wantsFocus.current = true;
    setActiveKey(row.key);
    setHasFocus(true);
  }, [target, rows, virtualizer, scrollToEnd]);

  const focusRow = useCallback((index: number) => {
    const element = scroller.current?.querySelector<HTMLElement>(`[data-index="${index}"] > [role=article]`);
    element?.focus({ preventScroll: true });
    return element !== undefined && element !== null;
  }, []);

  useBrowserLayoutEffect(() => {
    if (wantsFocus.current && focusRow(activeIndex)) wantsFocus.current = false;
  });

  useEffect(() => {
    if (targetSeq !== undefined) jumpTo(targetSeq);
  }, [targetSeq, jumpTo]);

  // The row that Tab leads to: the one that had the keyboard last if it is in sight, else the last one in sight.
  const items = virtualizer.getVirtualItems();
  const lastInSight = items.findLast(({ index }) => rows[index]?.kind === 'message')?.index ?? -1;
  const tabStop = items.some(({ index }) => index === activeIndex) ? activeIndex : lastInSight;

  const focus = useCallback(() => void focusRow(tabStop), [focusRow, tabStop]);
  useImperativeHandle(handle, () => ({ jumpTo, jumpToLatest, focus }), [jumpTo, jumpToLatest, focus]);
  const { list } = conversation;
  useEffect(() => {
    const own = { jumpTo, focus };
    list.current = own;
    return () => {
      if (list.current === own) list.current = undefined;
    };
  }, [list, jumpTo, focus]);

  const moveTo = (from: number, step: number): void => {
    const aim = Math.max(0, Math.min(rows.length - 1, from + step));
    const isMessage = (index: number): boolean => rows[index]?.kind === 'message';
    let to = aim;
    // Days are passed over; before the first message stands one, so that it may be the other way.
    while (to >= 0 && to < rows.length && !isMessage(to)) to += step < 0 ? -1 : 1;
    if (!isMessage(to)) for (to = aim; to >= 0 && to < rows.length && !isMessage(to);) to -= step < 0 ? -1 : 1;
    const row = rows[to];
    if (row === undefined) return;
    wantsFocus.current = true;
    setActiveKey(row.key);
    virtualizer.scrollToIndex(to, { align: 'auto' });
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    const element = event.target as HTMLElement;
    const article = element.closest<HTMLElement>('[role=article]');
    if (article === null || event.altKey || event.ctrlKey || event.metaKey) return;
    if (element !== article && element.matches('input, textarea, pre, dialog *')) return;
    const step = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: pageStep,
      PageUp: -pageStep,
      Home: -rows.length,
      End: rows.length,
    }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      moveTo(activeIndex, step);
    } else if (event.key === 'Enter' && element === article) {
      event.preventDefault();
      article.querySelector<HTMLElement>('.tidings-toolbar button')?.focus();
    } else if (event.key === 'Escape' && element !== article) {
      article.focus({ preventScroll: true });
    }
  };

  const onFocus = (event: FocusEvent<HTMLElement>): void => {
    const index = event.target.closest<HTMLElement>('[data-index]')?.dataset['index'];
    const row = index === undefined ? undefined : rows[Number(index)];
    if (row === undefined) return;
    setActiveKey(row.key);
    setHasFocus(true);
  };

  // Before the list is laid out nothing is in sight, also not its beginning.
  const firstSeqInSight = virtualizer.range ? firstSeqFrom(rows, virtualizer.range.startIndex) : undefined;
  return (
    <>
      <div
        className="tidings-scroller"
        ref={scroller}
        role="feed"
        aria-label={label ?? labels.messages}
        aria-busy={view.isLoadingBefore || view.isLoadingAfter}
        onKeyDown={onKeyDown}
        onFocus={onFocus}
        onBlur={(event) => setHasFocus(event.currentTarget.contains(event.relatedTarget))}
      >
        <div className="tidings-rows" ref={virtualizer.containerRef}>
          <div className="tidings-list-start">
            {view.hasBefore ? (
              <span className="tidings-spinner" aria-hidden="true" data-shown={view.isLoadingBefore || undefined} />
            ) : (
              thread === undefined && <span>{labels.beginning}</span>
            )}
          </div>
          {items.map(({ index, key }) => (
            <div className="tidings-row" key={key} data-index={index} ref={virtualizer.measureElement}>
              <MessageRowView
                row={rows[index]}
                position={index + 1}
                count={view.hasBefore || view.hasAfter ? -1 : rows.length}
                isTabStop={index === tabStop}
                isHighlighted={isHighlightedRow(rows[index], highlighted)}
                isActive={hasFocus && rows[index]?.key === activeKey}
                renderMessage={renderMessage}
              />
            </div>
          ))}
        </div>
      </div>
      <JumpButtons
        view={view}
        isAtEnd={isAtEnd}
        firstInSight={firstSeqInSight}
        onLatest={jumpToLatest}
        onUnread={jumpTo}
      />
    </>
  );
}

type Rows = ReturnType<typeof messageRows>;

function isHighlightedRow(row: Rows[number] | undefined, seq: number | undefined): boolean {
  return row?.kind === 'message' && seq !== undefined && row.message.seq === seq;
}

function firstSeqFrom(rows: Rows, start: number): number | undefined {
  for (let index = start; index < rows.length; index++) {
    const row = rows[index];
    if (row?.kind === 'message' && row.message.seq !== undefined) return row.message.seq;
  }
  return undefined;
}
