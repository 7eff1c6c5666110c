/** A question with answers to choose from. */
import type { ReactNode } from 'react';
import type { MessageView } from '@tidings/client';

export interface PollProps {
  /** A message of the kind `poll`. */
  readonly message: MessageView;
  readonly className?: string;
}

export function Poll(_: PollProps): ReactNode {
  return null;
}
