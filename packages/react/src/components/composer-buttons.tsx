/** The buttons beside the field. */
import { useRef, useState, type ReactNode } from 'react';
import { useLabels } from '../context.ts';
import { EmojiPicker } from './emoji-picker.tsx';
import { Icon } from './icon.tsx';
import { Popup } from './popup.tsx';

export function FileButton({ onFiles }: { readonly onFiles: (files: readonly File[]) => void }): ReactNode {
  const labels = useLabels();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button
        type="button"
        className="tidings-icon-button tidings-composer-button"
        aria-label={labels.attachFiles}
        title={labels.attachFiles}
        onClick={() => input.current?.click()}
      >
        <Icon name="attach" />
      </button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label={labels.attachFiles}
        onChange={(event) => {
          onFiles([...(event.target.files ?? [])]);
          // So that the same file can be chosen again.
          event.target.value = '';
        }}
      />
    </>
  );
}

export function EmojiButton({ onSelect }: { readonly onSelect: (emoji: string) => void }): ReactNode {
  const labels = useLabels();
  const button = useRef<HTMLButtonElement>(null);
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button
        ref={button}
        type="button"
        className="tidings-icon-button tidings-composer-button"
        aria-label={labels.insertEmoji}
        title={labels.insertEmoji}
        aria-haspopup="dialog"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name="smile" />
      </button>
      {isOpen && (
        <Popup anchor={button} onClose={() => setOpen(false)}>
          <div role="dialog" aria-label={labels.insertEmoji}>
            <EmojiPicker
              onSelect={(emoji) => {
                setOpen(false);
                onSelect(emoji);
              }}
            />
          </div>
        </Popup>
      )}
    </>
  );
}
