/** One line of the list: a message as an article that the keyboard can stand on, a day, or where the new ones begin. */
import type { MessageView } from '@tidings/client';
import { memo, type ReactNode } from 'react';
import { useFormats, useLabels } from '../context.ts';
import { useNow } from '../hooks/use-now.ts';
import type { MessageRow } from '../message-rows.ts';
import type { MessageListProps } from './message-list.tsx';
import { Message, useMessageLabel } from './message.tsx';

export interface MessageRowViewProps {
  readonly row: MessageRow | undefined;
  /** Its number among the rows, from 1. */
  readonly position: number;
  /** Of all rows; -1 while not all are loaded. */
  readonly count: number;
  readonly isTabStop: boolean;
  readonly isHighlighted: boolean;
  readonly isActive: boolean;
  readonly renderMessage: MessageListProps['renderMessage'];
}

export function MessageRowView({ row, ...props }: MessageRowViewProps): ReactNode {
  if (row === undefined) return null;
  if (row.kind === 'day') return <DaySeparator ms={row.ms} />;
  if (row.kind === 'new') return <NewSeparator />;
  const { message, isFirstOfGroup, isLastOfGroup } = row;
  return <MessageArticle {...props} message={message} isFirstOfGroup={isFirstOfGroup} isLastOfGroup={isLastOfGroup} />;
}

interface MessageArticleProps extends Omit<MessageRowViewProps, 'row'> {
  readonly message: MessageView;
  readonly isFirstOfGroup: boolean;
  readonly isLastOfGroup: boolean;
}

const MessageArticle = memo(function MessageArticle(props: MessageArticleProps): ReactNode {
  const { message, position, count, isTabStop, renderMessage, ...place } = props;
  const label = useMessageLabel(message);
  return (
    <div
      role="article"
      className="tidings-article"
      tabIndex={isTabStop || place.isActive ? 0 : -1}
      aria-label={label}
      aria-posinset={position}
      aria-setsize={count}
      data-seq={message.seq}
      data-first={place.isFirstOfGroup || undefined}
    >
      {renderMessage?.(message, place) ?? <Message message={message} {...place} />}
    </div>
  );
});

function DaySeparator({ ms }: { readonly ms: number }): ReactNode {
  const formats = useFormats();
  const now = useNow();
  return (
    <div className="tidings-day">
      <span>{formats.day(ms, now)}</span>
    </div>
  );
}

function NewSeparator(): ReactNode {
  const labels = useLabels();
  return (
    <div className="tidings-new">
      <span>{labels.newMessages}</span>
    </div>
  );
}
