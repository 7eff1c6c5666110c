/** Who might be meant, beside the field that keeps the keyboard: the listbox of the ARIA combobox pattern. */
import type { ReactNode } from 'react';
import { useLabels } from '../context.ts';
import type { Suggestion } from '../hooks/use-mention-suggestions.ts';
import { Avatar } from './avatar.tsx';

export interface MentionListboxProps {
  readonly id: string;
  readonly suggestions: readonly Suggestion[];
  readonly selected: number;
  readonly onChoose: (suggestion: Suggestion) => void;
}

export function MentionListbox({ id, suggestions, selected, onChoose }: MentionListboxProps): ReactNode {
  const labels = useLabels();
  return (
    <>
      <div className="tidings-mentions" role="listbox" id={id} aria-label={labels.suggestions}>
        {suggestions.map((suggestion, i) => (
          <div
            key={suggestion.id}
            id={optionId(id, i)}
            role="option"
            className="tidings-mention-option"
            aria-selected={i === selected}
            // Before the field loses the keyboard.
            onPointerDown={(event) => {
              event.preventDefault();
              onChoose(suggestion);
            }}
          >
            <Avatar size="small" {...(suggestion.isEverybody ? { name: '@' } : { user: suggestion.id })} />
            <span className="tidings-mention-name">
              <bdi>{suggestion.isEverybody ? `@${suggestion.name}` : suggestion.name}</bdi>
            </span>
            <span className="tidings-mention-id">
              <bdi>
                {suggestion.isEverybody ? suggestion.id : suggestion.id === suggestion.name ? '' : suggestion.id}
              </bdi>
            </span>
          </div>
        ))}
      </div>
      <span className="tidings-sr-only" role="status">
        {labels.suggestionCount(suggestions.length)}
      </span>
    </>
  );
}

/** An id for the page, from ids of rooms and users, which may hold anything. */
export function optionId(base: string, index?: number): string {
  const clean = base.replace(/[^\w-]/gu, (character) => `_${character.codePointAt(0) ?? 0}`);
  return index === undefined ? `tidings-mentions-${clean}` : `${base}-${index}`;
}
