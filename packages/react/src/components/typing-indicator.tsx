/** Who is typing. The line keeps its height, so that nothing moves when it comes and goes. */
import type { Timeline } from '@tidings/client';
import { useContext, type ReactNode } from 'react';
import { classNames } from '../class-names.ts';
import { useLabels } from '../context.ts';
import { ConversationContext } from '../conversation.ts';
import { useUsers } from '../hooks/use-chat.ts';
import { useTyping } from '../hooks/use-room.ts';

export interface TypingIndicatorProps {
  /** Instead of the conversation that it stands in. */
  readonly timeline?: Timeline;
  readonly className?: string;
}

const maxNamed = 3;

/** Says who is typing. */
export function TypingIndicator({ timeline, className }: TypingIndicatorProps): ReactNode {
  const labels = useLabels();
  const conversation = useContext(ConversationContext);
  const typing = useTyping(timeline ?? conversation?.timeline);
  const users = useUsers(typing.slice(0, maxNamed));
  // More than are named are "several" by their number alone.
  const names = typing.map((id, i) => users[i]?.name ?? id);
  return (
    <div className={classNames('tidings-typing', className)} role="status">
      {names.length > 0 && (
        <>
          <span className="tidings-typing-dots" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          <span className="tidings-typing-text">{labels.typing(names)}</span>
        </>
      )}
    </div>
  );
}
