/** Picks an emoji. */
import type { ReactNode } from 'react';

export interface EmojiPickerProps {
  readonly onSelect: (emoji: string) => void;
  readonly className?: string;
}

export function EmojiPicker(_: EmojiPickerProps): ReactNode {
  return null;
}
