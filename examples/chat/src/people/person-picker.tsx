/** A field for a name, and below it who is called so: a combobox, by the pattern of the ARIA Authoring Practices. */
import { useEffect, useId, useRef, useState, type ReactNode } from 'react';
import { Avatar, Icon } from '@tidings/react';
import { useActiveOption } from '../shell/use-active-option.ts';
import { useWords } from '../words/use-words.ts';
import { usePeople, type KnownPerson } from './use-people.ts';

export interface PersonPickerProps {
  readonly label?: string;
  /** Not offered: who is chosen or in already. */
  readonly without?: readonly string[];
  readonly onPick: (person: KnownPerson) => void;
  readonly autoFocus?: boolean;
}

export function PersonPicker({ label, without = [], onPick, autoFocus = false }: PersonPickerProps): ReactNode {
  const words = useWords();
  const id = useId();
  const [query, setQuery] = useState('');
  const list = useRef<HTMLDivElement>(null);
  const people = usePeople(query).filter((person) => !without.includes(person.id));
  const pick = (at: number): void => {
    const person = people[at];
    if (person !== undefined) onPick(person);
  };
  const { active, mean, reset, onKeyDown } = useActiveOption({
    keys: people.map((person) => person.id),
    // The return key of an empty field is for the form around it.
    isFirstMeant: query.trim() !== '',
    choose: pick,
  });
  useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: 'nearest' });
  }, [active]);
  return (
    <div className="app-picker">
      <label htmlFor={id}>{label ?? words.findPerson}</label>
      <input
        id={id}
        className="app-input"
        role="combobox"
        aria-expanded={people.length > 0}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined}
        value={query}
        autoFocus={autoFocus}
        autoComplete="off"
        dir="auto"
        onKeyDown={onKeyDown}
        onChange={(event) => {
          setQuery(event.target.value);
          reset();
        }}
      />
      <div ref={list} className="app-options" id={`${id}-list`} role="listbox" aria-label={words.people}>
        {people.map((person, at) => (
          <div
            key={person.id}
            id={`${id}-${at}`}
            className="app-option"
            role="option"
            aria-selected={at === active}
            onClick={() => pick(at)}
            onPointerMove={() => mean(at)}
          >
            <Avatar user={person.id} showPresence />
            <span dir="auto">{person.name}</span>
          </div>
        ))}
      </div>
      {people.length === 0 && (
        <p className="app-list-empty" role="status">
          {words.nobodyFound}
        </p>
      )}
    </div>
  );
}

export interface ChosenPeopleProps {
  readonly people: readonly KnownPerson[];
  readonly onRemove: (id: string) => void;
}

export function ChosenPeople({ people, onRemove }: ChosenPeopleProps): ReactNode {
  const words = useWords();
  if (people.length === 0) return null;
  return (
    <ul className="app-chosen" aria-label={words.people}>
      {people.map(({ id, name }) => (
        <li key={id} className="app-chip">
          <Avatar user={id} size="small" />
          <span dir="auto">{name}</span>
          <button
            type="button"
            className="app-chip-remove"
            aria-label={words.removePerson(name)}
            onClick={() => onRemove(id)}
          >
            <Icon name="close" />
          </button>
        </li>
      ))}
    </ul>
  );
}
