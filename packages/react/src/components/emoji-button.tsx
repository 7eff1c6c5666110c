/** A button that opens the emoji picker, and closes it when one is picked. */
import type { ReactNode } from 'react';
import { EmojiPicker } from './emoji-picker.tsx';
import { PopupButton, type PopupButtonProps } from './popup-button.tsx';

export interface EmojiButtonProps extends Pick<PopupButtonProps, 'label' | 'className' | 'tabIndex' | 'onOpenChange'> {
  readonly onSelect: (emoji: string) => void;
}

export function EmojiButton({ onSelect, ...props }: EmojiButtonProps): ReactNode {
  return (
    <PopupButton {...props} icon="smile" kind="dialog">
      {(close) => (
        <div role="dialog" aria-label={props.label}>
          <EmojiPicker
            onSelect={(emoji) => {
              close();
              onSelect(emoji);
            }}
          />
        </div>
      )}
    </PopupButton>
  );
}
