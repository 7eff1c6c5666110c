/** What people reacted with. A click adds one's own, or takes it back. */
import type { MessageView } from '@tidings/client';
import { useRef, useState, type ReactNode } from 'react';
import { useFormats, useLabels } from '../context.ts';
import { useConversation } from '../conversation.ts';
import { EmojiPicker } from './emoji-picker.tsx';
import { Icon } from './icon.tsx';
import { Popup } from './popup.tsx';

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

export interface ReactButtonProps {
  readonly message: MessageView;
  readonly tabIndex?: number;
  readonly className: string;
  readonly onOpenChange?: (isOpen: boolean) => void;
}

/** Opens the picker. */
export function ReactButton({ message, tabIndex, className, onOpenChange }: ReactButtonProps): ReactNode {
  const labels = useLabels();
  const toggle = useReact(message);
  const button = useRef<HTMLButtonElement>(null);
  const [isOpen, setOpen] = useState(false);
  const open = (next: boolean): void => {
    setOpen(next);
    onOpenChange?.(next);
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        className={className}
        aria-label={labels.addReaction}
        title={labels.addReaction}
        aria-haspopup="dialog"
        aria-expanded={isOpen}
        tabIndex={tabIndex}
        onClick={() => open(!isOpen)}
      >
        <Icon name="smile" />
      </button>
      {isOpen && (
        <Popup anchor={button} onClose={() => open(false)}>
          <div role="dialog" aria-label={labels.addReaction}>
            <EmojiPicker
              onSelect={(emoji) => {
                open(false);
                toggle(emoji);
              }}
            />
          </div>
        </Popup>
      )}
    </>
  );
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
