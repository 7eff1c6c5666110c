/** A field for a name, and below it who is called so. */
import { useId, useState, type ReactNode } from 'react';
import { Avatar, Icon } from '@tidings/react';
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
  const people = usePeople(query).filter((person) => !without.includes(person.id));
  return (
    <div className="app-picker">
      <label htmlFor={id}>{label ?? words.findPerson}</label>
      <input
        id={id}
        type="search"
        className="app-input"
        value={query}
        autoFocus={autoFocus}
        autoComplete="off"
        dir="auto"
        onChange={(event) => setQuery(event.target.value)}
      />
      {people.length === 0 ? (
        <p className="app-list-empty">{words.nobodyFound}</p>
      ) : (
        <ul className="app-options">
          {people.map((person) => (
            <li key={person.id}>
              <button type="button" className="app-option" onClick={() => onPick(person)}>
                <Avatar user={person.id} showPresence />
                <span dir="auto">{person.name}</span>
              </button>
            </li>
          ))}
        </ul>
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
