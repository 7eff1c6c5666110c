/** Name and topic of a room, as fields of a form: of a new one, and of one that is changed. */
import type { ReactNode } from 'react';
import { useWords } from '../words/use-words.ts';

interface RoomFieldsProps {
  readonly name: string;
  readonly topic: string;
  readonly onName: (name: string) => void;
  readonly onTopic: (topic: string) => void;
}

export function RoomFields({ name, topic, onName, onTopic }: RoomFieldsProps): ReactNode {
  const words = useWords();
  return (
    <>
      <label>
        {words.roomName}
        <input
          className="app-input"
          value={name}
          maxLength={256}
          autoFocus
          required
          dir="auto"
          onChange={(event) => onName(event.target.value)}
        />
      </label>
      <label>
        {words.topic}
        <input
          className="app-input"
          value={topic}
          maxLength={1024}
          dir="auto"
          onChange={(event) => onTopic(event.target.value)}
        />
      </label>
    </>
  );
}
