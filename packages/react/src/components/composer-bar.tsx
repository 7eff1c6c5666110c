/** Above the field: what is being answered or edited, and the way out of it. */
import type { ReactNode } from 'react';
import { useLabels } from '../context.ts';
import type { Composing } from '../conversation.ts';
import { useName } from '../hooks/use-chat.ts';
import { viewSummary } from '../text/message-summary.ts';
import { Icon } from './icon.tsx';

export interface ComposerBarProps {
  readonly composing: Composing;
  readonly onCancel: () => void;
}

export function ComposerBar({ composing, onCancel }: ComposerBarProps): ReactNode {
  const labels = useLabels();
  const name = useName(composing.kind === 'new' ? '' : composing.message.sender);
  if (composing.kind === 'new') return null;
  const { kind, message } = composing;
  return (
    <div className="tidings-composer-bar" data-kind={kind}>
      <Icon name={kind === 'edit' ? 'edit' : 'reply'} isDirectional={kind === 'reply'} />
      <div className="tidings-composer-bar-text">
        <strong>{kind === 'edit' ? labels.editing : labels.replyingTo(name)}</strong>
        <span>
          <bdi>{viewSummary(message, labels)}</bdi>
        </span>
      </div>
      <button type="button" className="tidings-icon-button" aria-label={labels.cancel} onClick={onCancel}>
        <Icon name="close" />
      </button>
    </div>
  );
}
