/** What everybody should find again. */
import type { ReactNode } from 'react';
import { Avatar, MessageText, useConversation, useFormats, useName, useNow, usePins } from '@tidings/react';
import type { Message } from '@tidings/client';
import { useWords } from '../words/use-words.ts';

export function PinsPanel({ onSelect }: { readonly onSelect: (seq: number) => void }): ReactNode {
  const words = useWords();
  const { room } = useConversation();
  const pins = usePins(room);
  if (pins.length === 0) return <p className="app-list-empty">{words.noPins}</p>;
  return (
    <ul className="app-cards">
      {pins.map((message) => (
        <li key={message.seq}>
          <Pin message={message} onSelect={() => onSelect(message.seq)} />
        </li>
      ))}
    </ul>
  );
}

function Pin({ message, onSelect }: { readonly message: Message; readonly onSelect: () => void }): ReactNode {
  const name = useName(message.sender);
  const formats = useFormats();
  const now = useNow();
  return (
    <button type="button" className="app-card" onClick={onSelect}>
      <span className="app-card-head">
        <Avatar user={message.sender} size="small" />
        <b dir="auto">{name}</b>
        <time>{formats.short(message.createdAt, now)}</time>
      </span>
      <MessageText
        text={message.text ?? message.attachments?.[0]?.name ?? ''}
        mentions={message.mentions}
        isReachable={false}
        maxLength={300}
      />
    </button>
  );
}
