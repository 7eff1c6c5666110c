/** What others see of oneself. */
import { useState, type FormEvent, type ReactNode } from 'react';
import { useChat, useProfile } from '@tidings/react';
import { Buttons } from '../rooms/room-dialogs.tsx';
import { useApp } from '../shell/app-context.ts';
import { Dialog } from '../shell/dialog.tsx';
import { useWords } from '../words/use-words.ts';
import { keepPerson } from './identity.ts';

export function ProfileDialog(): ReactNode {
  const words = useWords();
  const chat = useChat();
  const profile = useProfile();
  const { open, fail, person } = useApp();
  const [name, setName] = useState(profile?.name ?? person.name);
  const [invisible, setInvisible] = useState(profile?.invisible ?? false);
  const save = async (): Promise<void> => {
    try {
      await chat.setProfile({ name: name.trim(), invisible });
      keepPerson({ ...person, name: name.trim() });
      open(undefined);
    } catch (error) {
      fail(error);
    }
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (name.trim() !== '') void save();
  };
  return (
    <Dialog title={words.profile} onClose={() => open(undefined)}>
      <form className="app-form" onSubmit={submit}>
        <label>
          {words.profileName}
          <input
            className="app-input"
            value={name}
            maxLength={64}
            required
            autoFocus
            dir="auto"
            onChange={(event) => setName(event.target.value)}
          />
        </label>
        <label className="app-check">
          <input type="checkbox" checked={invisible} onChange={(event) => setInvisible(event.target.checked)} />
          <span>
            {words.invisible}
            <small className="app-quiet">{words.invisibleText}</small>
          </span>
        </label>
        <Buttons primary={words.save} isDisabled={name.trim() === ''} />
      </form>
    </Dialog>
  );
}
