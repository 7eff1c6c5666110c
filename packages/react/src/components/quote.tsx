/** The message that another one answers, in two lines. A click goes there. */
import type { ReactNode } from 'react';
import { useLabels } from '../context.ts';
import { useConversation } from '../conversation.ts';
import { useName } from '../hooks/use-chat.ts';
import { useQuoted } from '../hooks/use-quoted.ts';
import { messageSummary, viewSummary } from '../text/message-summary.ts';

export interface QuoteProps {
  readonly seq: number;
  readonly tabIndex?: number;
}

export function Quote({ seq, tabIndex }: QuoteProps): ReactNode {
  const labels = useLabels();
  const { jumpTo } = useConversation();
  const quoted = useQuoted(seq);
  const name = useName(quoted?.sender ?? '');
  const { view, message } = quoted ?? {};
  const said =
    view !== undefined
      ? viewSummary(view, labels)
      : message !== undefined
        ? messageSummary(message, labels)
        : labels.quotedUnknown;
  return (
    <button type="button" className="tidings-quote" tabIndex={tabIndex} onClick={() => jumpTo(seq)}>
      <span className="tidings-sr-only">{quoted === undefined ? labels.showQuoted : labels.replyTo(name)}</span>
      {quoted !== undefined && (
        <span className="tidings-quote-name" aria-hidden="true">
          {name}
        </span>
      )}
      <span className="tidings-quote-text">
        <bdi>{said}</bdi>
      </span>
    </button>
  );
}
