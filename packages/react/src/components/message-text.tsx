/** The words of a message as React elements: never as HTML. */
import type { Message } from '@tidings/client';
import type { ReactNode } from 'react';

export interface MessageTextProps {
  readonly text: string;
  readonly mentions?: Message['mentions'];
  readonly className?: string;
}

export function MessageText(_: MessageTextProps): ReactNode {
  return null;
}
