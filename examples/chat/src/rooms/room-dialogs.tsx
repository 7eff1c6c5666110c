/** Windows about one room: inviting, renaming, leaving. */
import { useState, type FormEvent, type ReactNode } from 'react';
import { useChat, useLabels, useRoomView } from '@tidings/react';
import { ChosenPeople, PersonPicker } from '../people/person-picker.tsx';
import type { KnownPerson } from '../people/use-people.ts';
import { useApp } from '../shell/app-context.ts';
import { Dialog } from '../shell/dialog.tsx';
import { useWords } from '../words/use-words.ts';
import { RoomFields } from './room-fields.tsx';

interface RoomDialogProps {
  readonly room: string;
}

export function InviteDialog({ room }: RoomDialogProps): ReactNode {
  const words = useWords();
  const chat = useChat();
  const { open, fail } = useApp();
  const [people, setPeople] = useState<readonly KnownPerson[]>([]);
  const invite = async (): Promise<void> => {
    try {
      await chat.call('invite', { room, users: people.map(({ id }) => id) });
      open(undefined);
    } catch (error) {
      fail(error);
    }
  };
  return (
    <Dialog title={words.invite} size="wide" onClose={() => open(undefined)}>
      <ChosenPeople people={people} onRemove={(id) => setPeople(people.filter((person) => person.id !== id))} />
      <PersonPicker
        autoFocus
        without={people.map(({ id }) => id)}
        onPick={(person) => setPeople([...people, person])}
      />
      <Buttons primary={words.addPeople} isDisabled={people.length === 0} onPrimary={() => void invite()} />
    </Dialog>
  );
}

export function EditRoomDialog({ room }: RoomDialogProps): ReactNode {
  const words = useWords();
  const chat = useChat();
  const { open, fail } = useApp();
  const view = useRoomView(room);
  const [name, setName] = useState(view?.room.name ?? '');
  const [topic, setTopic] = useState(view?.room.topic ?? '');
  const change = async (): Promise<void> => {
    try {
      await chat.call('changeRoom', { room, name: name.trim(), topic: topic.trim() === '' ? null : topic.trim() });
      open(undefined);
    } catch (error) {
      fail(error);
    }
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (name.trim() !== '') void change();
  };
  return (
    <Dialog title={words.rename} onClose={() => open(undefined)}>
      <form className="app-form" onSubmit={submit}>
        <RoomFields name={name} topic={topic} onName={setName} onTopic={setTopic} />
        <Buttons primary={words.save} isDisabled={name.trim() === ''} />
      </form>
    </Dialog>
  );
}

export function LeaveDialog({ room }: RoomDialogProps): ReactNode {
  const words = useWords();
  const labels = useLabels();
  const chat = useChat();
  const { open, fail, router } = useApp();
  const title = useRoomView(room)?.title ?? labels.untitledRoom;
  const leave = async (): Promise<void> => {
    try {
      await chat.call('leave', { room });
      open(undefined);
      router.go({}, 'replace');
    } catch (error) {
      fail(error);
    }
  };
  return (
    <Dialog title={words.leaveQuestion(title)} onClose={() => open(undefined)}>
      <p className="app-quiet">{words.leaveText}</p>
      <Buttons primary={words.leave} isDanger onPrimary={() => void leave()} />
    </Dialog>
  );
}

interface ButtonsProps {
  readonly primary: string;
  readonly isDisabled?: boolean;
  readonly isDanger?: boolean;
  /** Without it the button submits the form that it stands in. */
  readonly onPrimary?: () => void;
}

export function Buttons({ primary, isDisabled = false, isDanger = false, onPrimary }: ButtonsProps): ReactNode {
  const words = useWords();
  const { open } = useApp();
  return (
    <div className="app-buttons">
      <button type="button" className="app-button" onClick={() => open(undefined)}>
        {words.cancel}
      </button>
      <button
        type={onPrimary === undefined ? 'submit' : 'button'}
        className={`app-button ${isDanger ? 'app-button-danger' : 'app-button-primary'}`}
        disabled={isDisabled}
        onClick={onPrimary}
      >
        {primary}
      </button>
    </div>
  );
}
