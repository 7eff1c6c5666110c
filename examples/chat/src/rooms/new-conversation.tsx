/** Beginning something: a room that is there, a word to one person, or a room of one's own. */
import { useEffect, useState, type FormEvent, type ReactNode } from 'react';
import { Avatar, useChat, useLabels, useRooms } from '@tidings/react';
import type { Room } from '@tidings/client';
import { ChosenPeople, PersonPicker } from '../people/person-picker.tsx';
import type { KnownPerson } from '../people/use-people.ts';
import { useApp } from '../shell/app-context.ts';
import { Dialog } from '../shell/dialog.tsx';
import { useWords } from '../words/use-words.ts';
import { RoomFields } from './room-fields.tsx';

type Kind = 'findRoom' | 'directMessage' | 'newRoom';

export function NewConversation(): ReactNode {
  const words = useWords();
  const { open } = useApp();
  const [kind, setKind] = useState<Kind>('findRoom');
  return (
    <Dialog title={words.newConversation} size="wide" onClose={() => open(undefined)}>
      <div className="app-tabs" role="group" aria-label={words.newConversation}>
        {(['findRoom', 'directMessage', 'newRoom'] as const).map((one) => (
          <button key={one} type="button" className="app-tab" aria-pressed={kind === one} onClick={() => setKind(one)}>
            {words[one]}
          </button>
        ))}
      </div>
      {kind === 'findRoom' && <FindRoom />}
      {kind === 'directMessage' && <BeginDirect />}
      {kind === 'newRoom' && <NewRoom />}
    </Dialog>
  );
}

function FindRoom(): ReactNode {
  const words = useWords();
  const chat = useChat();
  const { router, open, fail } = useApp();
  const { rooms: own, archived } = useRooms();
  const [query, setQuery] = useState('');
  const [found, setFound] = useState<readonly Room[]>();

  useEffect(() => {
    const abort = new AbortController();
    const said = query.trim();
    const ask = async (): Promise<void> => {
      const { rooms } = await chat.findRooms(said === '' ? {} : { query: said }, { signal: abort.signal });
      if (!abort.signal.aborted) setFound(rooms);
    };
    const timer = setTimeout(() => void ask().catch(() => !abort.signal.aborted && setFound([])), 150);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [chat, query]);

  const enter = async (room: Room, isOwn: boolean): Promise<void> => {
    try {
      if (!isOwn) await chat.join(room.id);
      open(undefined);
      router.go({ room: room.id });
    } catch (error) {
      fail(error);
    }
  };
  return (
    <div className="app-picker">
      <label htmlFor="find-room">{words.findRoomText}</label>
      <input
        id="find-room"
        type="search"
        className="app-input"
        value={query}
        autoFocus
        autoComplete="off"
        dir="auto"
        onChange={(event) => setQuery(event.target.value)}
      />
      {found?.length === 0 && <p className="app-list-empty">{words.noPublicRooms}</p>}
      <ul className="app-options">
        {found?.map((room) => {
          const isOwn = [...own, ...archived].some(({ id }) => id === room.id);
          return (
            <li key={room.id} className="app-option">
              <Avatar name={room.name ?? room.id} />
              <span className="app-option-text">
                <span className="app-strong">
                  <bdi>{room.name ?? room.id}</bdi>
                </span>
                <span className="app-quiet app-option-about">
                  <span>{words.memberCount(room.memberCount)}</span>
                  {room.topic !== undefined && (
                    <>
                      <span aria-hidden="true">·</span>
                      <bdi>{room.topic}</bdi>
                    </>
                  )}
                </span>
              </span>
              <button
                type="button"
                className={isOwn ? 'app-button' : 'app-button app-button-primary'}
                aria-label={`${isOwn ? words.open : words.join}: ${room.name ?? room.id}`}
                onClick={() => void enter(room, isOwn)}
              >
                {isOwn ? words.open : words.join}
              </button>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function BeginDirect(): ReactNode {
  const chat = useChat();
  const { router, open, fail } = useApp();
  const begin = async ({ id }: KnownPerson): Promise<void> => {
    try {
      const room = await chat.direct(id);
      open(undefined);
      router.go({ room: room.id });
    } catch (error) {
      fail(error);
    }
  };
  return <PersonPicker autoFocus onPick={(person) => void begin(person)} />;
}

function NewRoom(): ReactNode {
  const words = useWords();
  const labels = useLabels();
  const chat = useChat();
  const { router, open, fail } = useApp();
  const [name, setName] = useState('');
  const [topic, setTopic] = useState('');
  const [isPublic, setPublic] = useState(false);
  const [people, setPeople] = useState<readonly KnownPerson[]>([]);
  const [busy, setBusy] = useState(false);

  const create = async (): Promise<void> => {
    setBusy(true);
    try {
      const room = await chat.createRoom({
        kind: isPublic ? 'public' : 'group',
        name: name.trim(),
        ...(topic.trim() !== '' && { topic: topic.trim() }),
        ...(people.length > 0 && { members: people.map(({ id }) => id) }),
      });
      open(undefined);
      router.go({ room: room.id });
    } catch (error) {
      setBusy(false);
      fail(error);
    }
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (name.trim() !== '') void create();
  };
  return (
    <form className="app-form" onSubmit={submit}>
      <RoomFields name={name} topic={topic} onName={setName} onTopic={setTopic} />
      <label className="app-check">
        <input type="checkbox" checked={isPublic} onChange={(event) => setPublic(event.target.checked)} />
        {words.isPublic}
      </label>
      <ChosenPeople people={people} onRemove={(id) => setPeople(people.filter((person) => person.id !== id))} />
      <PersonPicker
        label={words.addPeople}
        without={people.map(({ id }) => id)}
        onPick={(person) => setPeople([...people, person])}
      />
      <div className="app-buttons">
        <button type="button" className="app-button" onClick={() => open(undefined)}>
          {labels.cancel}
        </button>
        <button type="submit" className="app-button app-button-primary" disabled={busy || name.trim() === ''}>
          {words.create}
        </button>
      </div>
    </form>
  );
}
