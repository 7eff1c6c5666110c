/** What people reacted with. A click adds one's own, or takes it back. */
import type { MessageView } from '@tidings/client';
import type { ReactNode } from 'react';
import { useFormats, useLabels } from '../context.ts';
import { useConversation } from '../conversation.ts';
import { EmojiButton, type EmojiButtonProps } from './emoji-button.tsx';

export interface ReactionsProps {
  readonly message: MessageView;
  readonly canReact: boolean;
  readonly tabIndex: number;
}

export function Reactions({ message, canReact, tabIndex }: ReactionsProps): ReactNode {
  const labels = useLabels();
  const formats = useFormats();
  const toggle = useReact(message);
  if (message.reactions.length === 0) return null;
  return (
    <div className="tidings-reactions">
      {message.reactions.map(({ emoji, count, isOwn }) => (
        <button
          key={emoji}
          type="button"
          className="tidings-reaction"
          aria-pressed={isOwn}
          aria-label={labels.reaction(emoji, count, isOwn)}
          disabled={!canReact}
          tabIndex={tabIndex}
          onClick={() => toggle(emoji)}
        >
          <span className="tidings-reaction-emoji">{emoji}</span>
          <span className="tidings-reaction-count">{formats.number(count)}</span>
        </button>
      ))}
      {canReact && (
        <ReactButton message={message} tabIndex={tabIndex} className="tidings-reaction tidings-reaction-add" />
      )}
    </div>
  );
}

export interface ReactButtonProps extends Pick<EmojiButtonProps, 'className' | 'tabIndex' | 'onOpenChange'> {
  readonly message: MessageView;
}

/** Opens the picker. */
export function ReactButton({ message, ...props }: ReactButtonProps): ReactNode {
  const labels = useLabels();
  const toggle = useReact(message);
  return <EmojiButton {...props} label={labels.addReaction} onSelect={toggle} />;
}

/** Adds the user's reaction, or takes it back if it is there. */
export function useReact(message: MessageView): (emoji: string) => void {
  const { timeline, attempt } = useConversation();
  return (emoji) => {
    if (message.seq === undefined) return;
    const isThere = message.reactions.some((reaction) => reaction.emoji === emoji && reaction.isOwn);
    attempt(isThere ? timeline.unreact(message.seq, emoji) : timeline.react(message.seq, emoji));
  };
}
