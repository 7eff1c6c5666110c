/** Picks an emoji: by looking, or by a word. Arrows move within the grid, which is one stop for the Tab key. */
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { classNames } from '../class-names.ts';
import { useLabels } from '../context.ts';
import { emojiGroups, type EmojiGroup } from '../text/emoji.ts';

export interface EmojiPickerProps {
  readonly onSelect: (emoji: string) => void;
  /** Instead of the ones that come with it. */
  readonly groups?: readonly EmojiGroup[];
  readonly className?: string;
}

/** Emoji to choose from, with a field to search. */
export function EmojiPicker({ onSelect, groups = emojiGroups, className }: EmojiPickerProps): ReactNode {
  const labels = useLabels();
  const [query, setQuery] = useState('');
  const [active, setActive] = useState<string>();
  const field = useRef<HTMLInputElement>(null);
  const grid = useRef<HTMLDivElement>(null);
  // Not `autoFocus`: React does that before the popup around it is shown, and what is not shown takes no keyboard.
  useEffect(() => field.current?.focus({ preventScroll: true }), []);
  const words = query.toLowerCase().split(/\s+/u).filter(Boolean);
  const key = words.join(' ');

  const shown = useMemo(() => {
    const matches = (name: string): boolean => key.split(' ').every((word) => name.includes(word));
    return groups
      .map((group) => ({ ...group, emoji: group.emoji.filter(({ name }) => matches(name)) }))
      .filter(({ emoji }) => emoji.length > 0);
  }, [groups, key]);

  const first = shown[0]?.emoji[0]?.symbol;
  const isShown = shown.some(({ emoji }) => emoji.some(({ symbol }) => symbol === active));
  const tabStop = isShown ? active : first;

  const onKeyDown = (event: KeyboardEvent): void => {
    event.stopPropagation();
    const buttons = [...(grid.current?.querySelectorAll('button') ?? [])];
    const at = buttons.indexOf(event.target as HTMLButtonElement);
    if (at === -1) {
      if (event.key === 'ArrowDown') {
        event.preventDefault();
        buttons[0]?.focus();
      } else if (event.key === 'Enter' && first !== undefined && key !== '') {
        event.preventDefault();
        onSelect(first);
      }
      return;
    }
    const forward = getComputedStyle(event.target as HTMLElement).direction === 'rtl' ? -1 : 1;
    const to = {
      ArrowRight: at + forward,
      ArrowLeft: at - forward,
      ArrowDown: verticalNeighbour(buttons, at, 1),
      ArrowUp: verticalNeighbour(buttons, at, -1),
      Home: 0,
      End: buttons.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    buttons[to]?.focus();
  };

  return (
    <div className={classNames('tidings-emoji-picker', className)} onKeyDown={onKeyDown}>
      <input
        ref={field}
        type="search"
        className="tidings-input"
        value={query}
        placeholder={labels.searchEmoji}
        aria-label={labels.searchEmoji}
        onChange={(event) => setQuery(event.target.value)}
      />
      <div className="tidings-emoji-groups" ref={grid}>
        {shown.map(({ name, emoji }) => (
          <section key={name} aria-label={name}>
            <div className="tidings-list-heading" aria-hidden="true">
              {name}
            </div>
            <div className="tidings-emoji-grid">
              {emoji.map(({ symbol, name: words }) => (
                <button
                  key={symbol}
                  type="button"
                  className="tidings-emoji-button"
                  aria-label={words}
                  title={words}
                  tabIndex={symbol === tabStop ? 0 : -1}
                  onFocus={() => setActive(symbol)}
                  onClick={() => onSelect(symbol)}
                >
                  {symbol}
                </button>
              ))}
            </div>
          </section>
        ))}
        {shown.length === 0 && (
          <p className="tidings-notice" role="status">
            {labels.noEmoji}
          </p>
        )}
      </div>
    </div>
  );
}

/** The button nearest in the next row, wherever the rows break. */
function verticalNeighbour(buttons: readonly HTMLElement[], at: number, step: 1 | -1): number {
  const from = buttons[at]?.getBoundingClientRect();
  if (from === undefined) return at;
  let best = at;
  let bestDistance = Infinity;
  let row: number | undefined;
  for (let i = at + step; i >= 0 && i < buttons.length; i += step) {
    const to = buttons[i]?.getBoundingClientRect();
    if (to === undefined || (to.top - from.top) * step <= 1) continue;
    row ??= to.top;
    if (Math.abs(to.top - row) > 1) break;
    const distance = Math.abs(to.left - from.left);
    if (distance < bestDistance) [best, bestDistance] = [i, distance];
  }
  return best;
}
