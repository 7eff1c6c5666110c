/** How far an own message has got, as ticks. */
import type { MessageState as State } from '@tidings/client';
import type { ReactNode } from 'react';
import { useLabels } from '../context.ts';
import { Icon } from './icon.tsx';

const icons = { sending: 'clock', sent: 'check', delivered: 'checks', read: 'checks', failed: 'warning' } as const;

export interface MessageStateProps {
  readonly state: State;
}

export function MessageState({ state }: MessageStateProps): ReactNode {
  const labels = useLabels();
  if (state === 'received') return null;
  return (
    <span
      className="tidings-message-state"
      data-state={state}
      role="img"
      aria-label={labels[state]}
      title={labels[state]}
    >
      <Icon name={icons[state]} />
    </span>
  );
}
