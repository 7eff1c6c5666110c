/** Where one writes. */
import type { ReactNode } from 'react';

export interface ComposerProps {
  readonly placeholder?: string;
  /** How many files go with one message. */
  readonly maxFiles?: number;
  /** Of one file. */
  readonly maxFileBytes?: number;
  /** Shows an emoji picker. */
  readonly showEmoji?: boolean;
  /** Shows a button to attach files. */
  readonly showFiles?: boolean;
  /** Puts the keyboard into it when it appears. */
  readonly autoFocus?: boolean;
  /** Beside the buttons. */
  readonly renderActions?: () => ReactNode;
  readonly className?: string;
}

export function Composer(_: ComposerProps): ReactNode {
  return null;
}
