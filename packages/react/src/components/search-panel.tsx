/** Finds messages as one types, and leads to them. */
import { Fragment, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { classNames } from '../class-names.ts';
import { useFormats, useLabels } from '../context.ts';
import { useName, useRoomView } from '../hooks/use-chat.ts';
import { useNow } from '../hooks/use-now.ts';
import { useSearch, type SearchResult } from '../hooks/use-search.ts';
import { Avatar } from './avatar.tsx';
import { Icon } from './icon.tsx';

export interface SearchPanelProps {
  /** Only in this room; in all without it. */
  readonly room?: string | undefined;
  readonly onSelect: (result: SearchResult) => void;
  readonly onClose?: () => void;
  /** What stands in a line. It is put into a button. */
  readonly renderResult?: (result: SearchResult) => ReactNode;
  readonly className?: string;
}

/** A field to search, and what was found. */
export function SearchPanel({ room, onSelect, onClose, renderResult, className }: SearchPanelProps): ReactNode {
  const labels = useLabels();
  const [text, setText] = useState('');
  const { status, results, failure, hasMore, loadMore } = useSearch(text, { room });
  const root = useRef<HTMLElement>(null);

  /** From the field down into the results, and back. */
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape' && onClose !== undefined) {
      event.preventDefault();
      onClose();
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    const stops = [...(root.current?.querySelectorAll<HTMLElement>('input, .tidings-result') ?? [])];
    const at = stops.indexOf(event.target as HTMLElement);
    if (at === -1) return;
    event.preventDefault();
    stops[at + step]?.focus();
  };

  return (
    <search className={classNames('tidings-search', className)} ref={root} onKeyDown={onKeyDown}>
      <div className="tidings-search-field">
        <Icon name="search" />
        <input
          type="search"
          className="tidings-search-input"
          value={text}
          dir="auto"
          autoFocus
          aria-label={labels.searchMessages}
          placeholder={labels.searchMessages}
          onChange={(event) => setText(event.target.value)}
        />
        {onClose !== undefined && (
          <button type="button" className="tidings-icon-button" aria-label={labels.close} onClick={onClose}>
            <Icon name="close" />
          </button>
        )}
      </div>
      <p
        className={classNames('tidings-search-status', status === 'done' && results.length > 0 && 'tidings-sr-only')}
        role="status"
      >
        {status === 'searching' && results.length === 0 && labels.loading}
        {status === 'failed' && (failure === undefined ? labels.failedToLoad : labels.failure(failure))}
        {status === 'done' && (results.length === 0 ? labels.noResults : labels.resultCount(results.length))}
      </p>
      <ul className="tidings-plain-list tidings-results">
        {results.map((result) => (
          <li key={result.message.id}>
            <button type="button" className="tidings-result" onClick={() => onSelect(result)}>
              {renderResult?.(result) ?? <Result result={result} showRoom={room === undefined} />}
            </button>
          </li>
        ))}
      </ul>
      {hasMore && (
        <button type="button" className="tidings-button" onClick={loadMore}>
          {labels.moreResults}
        </button>
      )}
    </search>
  );
}

function Result({ result, showRoom }: { readonly result: SearchResult; readonly showRoom: boolean }): ReactNode {
  const { message, snippet } = result;
  const formats = useFormats();
  const name = useName(message.sender);
  const title = useRoomView(message.room)?.title;
  const now = useNow();
  return (
    <>
      <Avatar user={message.sender} />
      <span className="tidings-result-text">
        <span className="tidings-result-top">
          <span className="tidings-result-name">
            <bdi>{name}</bdi>
          </span>
          <time dateTime={new Date(message.createdAt).toISOString()}>{formats.short(message.createdAt, now)}</time>
        </span>
        {showRoom && title !== undefined && title !== '' && (
          <span className="tidings-result-room">
            <bdi>{title}</bdi>
          </span>
        )}
        <span className="tidings-result-snippet" dir="auto">
          <Marked text={snippet.text} matches={snippet.matches} />
        </span>
      </span>
    </>
  );
}

function Marked({ text, matches }: SearchResult['snippet']): ReactNode {
  let at = 0;
  const parts: ReactNode[] = [];
  for (const { start, length } of matches) {
    if (start < at) continue;
    parts.push(
      <Fragment key={start}>
        {text.slice(at, start)}
        <mark>{text.slice(start, start + length)}</mark>
      </Fragment>,
    );
    at = start + length;
  }
  return (
    <>
      {parts}
      {text.slice(at)}
    </>
  );
}
