/** One message with everything around it. */
import type { MessageView } from '@tidings/client';
import type { ReactNode } from 'react';
import type { MessagePlace } from './message-list.tsx';

export interface MessageProps extends Partial<MessagePlace> {
  readonly message: MessageView;
  /** Instead of `MessageText`. */
  readonly renderText?: (message: MessageView) => ReactNode;
  /** Behind the text and the attachments: for the application's own `data`. */
  readonly renderExtra?: (message: MessageView) => ReactNode;
  readonly className?: string;
}

export function Message(_: MessageProps): ReactNode {
  return null;
}
