/** The replies under one message. */
import type { MessageView } from '@tidings/client';
import type { ReactNode } from 'react';

export interface ThreadProps {
  /** Id of the room. */
  readonly room: string;
  /** Seq of the message that the thread stands under. */
  readonly seq: number;
  readonly onClose?: () => void;
  readonly renderMessage?: (message: MessageView) => ReactNode;
  readonly className?: string;
}

export function Thread(_: ThreadProps): ReactNode {
  return null;
}
