/** Writes a poll. */
import type { ReactNode } from 'react';

export interface PollComposerProps {
  /** After it was sent, and when it is cancelled. */
  readonly onDone: () => void;
  readonly maxOptions?: number;
  readonly className?: string;
}

export function PollComposer(_: PollComposerProps): ReactNode {
  return null;
}
