/** Jumping to any conversation by the keyboard alone. A field with a list, by the pattern of the ARIA Authoring Practices. */
import { useId, useState, type ReactNode } from 'react';
import { Avatar, UnreadBadge, useChat, useLabels, useRooms } from '@tidings/react';
import { usePeople } from '../people/use-people.ts';
import { useApp } from '../shell/app-context.ts';
import { Dialog } from '../shell/dialog.tsx';
import { useActiveOption } from '../shell/use-active-option.ts';
import { useWords } from '../words/use-words.ts';
import { matches } from './match-names.ts';

interface Choice {
  readonly key: string;
  readonly name: string;
  readonly user?: string | undefined;
  readonly unread: number;
  readonly mentions: number;
  enter(): Promise<string>;
}

const maxChoices = 12;

export function Switcher(): ReactNode {
  const words = useWords();
  const { router, open, fail } = useApp();
  const [query, setQuery] = useState('');
  const id = useId();
  const choices = useChoices(query);

  const enter = async (choice: Choice | undefined): Promise<void> => {
    if (choice === undefined) return;
    try {
      const room = await choice.enter();
      open(undefined);
      router.go({ room });
    } catch (error) {
      fail(error);
    }
  };
  const { active, mean, reset, onKeyDown } = useActiveOption({
    keys: choices.map(({ key }) => key),
    isFirstMeant: true,
    choose: (at) => void enter(choices[at]),
  });

  return (
    <Dialog title={words.jumpTo} isTitleHidden onClose={() => open(undefined)}>
      <input
        className="app-input app-switcher-field"
        role="combobox"
        aria-label={words.jumpToRoom}
        placeholder={words.jumpToRoom}
        aria-expanded={choices.length > 0}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined}
        value={query}
        autoFocus
        autoComplete="off"
        dir="auto"
        onKeyDown={onKeyDown}
        onChange={(event) => {
          setQuery(event.target.value);
          reset();
        }}
      />
      <div className="app-options" id={`${id}-list`} role="listbox" aria-label={words.jumpTo}>
        {choices.map((choice, i) => (
          <div
            key={choice.key}
            id={`${id}-${i}`}
            className="app-option"
            role="option"
            aria-selected={i === active}
            onClick={() => void enter(choice)}
            onPointerMove={() => mean(i)}
          >
            <Avatar user={choice.user} {...(choice.user === undefined && { name: choice.name })} size="small" />
            <span className="app-option-text">
              <span>
                <bdi>{choice.name}</bdi>
              </span>
            </span>
            <UnreadBadge count={choice.unread} mentions={choice.mentions} />
          </div>
        ))}
      </div>
      {choices.length === 0 && (
        <p className="app-list-empty" role="status">
          {words.noMatch}
        </p>
      )}
    </Dialog>
  );
}

/** Conversations first, those with something new before the others; then people whom one has not written to yet. */
function useChoices(query: string): readonly Choice[] {
  const chat = useChat();
  const labels = useLabels();
  const { rooms, archived } = useRooms();
  const people = usePeople(query);
  const own = [...rooms, ...archived]
    .filter(({ title }) => matches(title, query))
    .toSorted((a, b) => Number(b.unread > 0) - Number(a.unread > 0));
  const peers = new Set([...rooms, ...archived].map(({ peer }) => peer));
  return [
    ...own.map((room) => ({
      key: `room ${room.id}`,
      name: room.title === '' ? labels.untitledRoom : room.title,
      user: room.peer,
      unread: room.unread,
      mentions: room.mentions,
      enter: async () => room.id,
    })),
    ...people
      .filter(({ id }) => query.trim() !== '' && !peers.has(id))
      .map(({ id, name }) => ({
        key: `user ${id}`,
        name,
        user: id,
        unread: 0,
        mentions: 0,
        enter: async () => (await chat.direct(id)).id,
      })),
  ].slice(0, maxChoices);
}
