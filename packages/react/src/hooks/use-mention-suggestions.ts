/** Who might be meant behind the @ that is being written, and the keys to choose from them. */
import { useMemo, useState, type KeyboardEvent } from 'react';
import { useLabels } from '../context.ts';
import { useConversation } from '../conversation.ts';
import { canMentionEverybody } from '../permissions.ts';
import { mentionQuery, suggestPeople, type MentionQuery, type Person } from '../text/mentions.ts';
import { useChat, useMe, useUsers } from './use-chat.ts';
import { useMembers, useMessages, useOpenRoomView } from './use-room.ts';

export interface Suggestion extends Person {
  /** `@here` and `@room`: no user. */
  readonly isEverybody?: boolean;
}

export interface MentionSuggestions {
  readonly suggestions: readonly Suggestion[];
  readonly selected: number;
  readonly query: MentionQuery | undefined;
  /** Looks at the text again, after it or the caret has moved. */
  look(text: string, caret: number): void;
  dismiss(): void;
  /** @returns whether the key was for the suggestions. */
  onKeyDown(event: KeyboardEvent, choose: (suggestion: Suggestion) => void): boolean;
  /** Everybody who may be meant, for sending. */
  people(): readonly Person[];
}

const maxShown = 6;
/** People whose names are looked at; in larger rooms those who were loaded first and who wrote. */
const maxPeople = 300;

export function useMentionSuggestions(): MentionSuggestions {
  const labels = useLabels();
  const chat = useChat();
  const me = useMe();
  const { room, timeline } = useConversation();
  const view = useOpenRoomView(room);
  const { members } = useMembers(room);
  const { messages } = useMessages(timeline);
  const [query, setQuery] = useState<MentionQuery>();
  const [selected, setSelected] = useState(0);
  const isOpen = query !== undefined;

  const known = (): readonly string[] => {
    const writers = messages.slice(-100).map(({ sender }) => sender);
    const present = members.filter(({ state }) => state === 'member').map(({ user }) => user);
    return [...new Set([...present, ...writers])].filter((id) => id !== me && id !== '').slice(0, maxPeople);
  };
  // Names are only asked for while somebody is being named.
  const ids = isOpen ? known() : [];
  const users = useUsers(ids);

  const suggestions = useMemo((): readonly Suggestion[] => {
    if (query === undefined) return [];
    const people = ids.map((id, i): Suggestion => ({ id, name: users[i]?.name ?? id }));
    const everybody: readonly Suggestion[] = [
      { id: labels.everybodyHere, name: 'here', isEverybody: true },
      { id: labels.everybody, name: 'room', isEverybody: true },
    ];
    // Last: the first one is chosen by a single key.
    const all = canMentionEverybody(view) ? suggestPeople(everybody, query.text, everybody.length) : [];
    return [...suggestPeople(people, query.text, maxShown - all.length), ...all];
    // `ids` is a new array every time; `users` changes with it.
  }, [query, users, view, labels]);

  const dismiss = (): void => setQuery(undefined);
  return {
    suggestions,
    query,
    selected: Math.min(selected, suggestions.length - 1),
    look(text, caret) {
      const next = mentionQuery(text, caret);
      if (next?.text !== query?.text) setSelected(0);
      setQuery(next);
    },
    dismiss,
    onKeyDown(event, choose) {
      if (suggestions.length === 0) return false;
      const count = suggestions.length;
      const at = Math.min(selected, count - 1);
      const chosen = suggestions[at];
      if (event.key === 'ArrowDown') setSelected((at + 1) % count);
      else if (event.key === 'ArrowUp') setSelected((at - 1 + count) % count);
      else if ((event.key === 'Enter' || event.key === 'Tab') && !event.shiftKey && chosen !== undefined)
        choose(chosen);
      else if (event.key === 'Escape') dismiss();
      else return false;
      event.preventDefault();
      return true;
    },
    people: () => known().map((id) => ({ id, name: chat.user(id).get()?.name ?? id })),
  };
}
