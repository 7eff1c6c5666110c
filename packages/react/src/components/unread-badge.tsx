/** How much is unread. A mention stands out from what is only new. */
import type { ReactNode } from 'react';
import { classNames } from '../class-names.ts';
import { useFormats, useLabels } from '../context.ts';

export interface UnreadBadgeProps {
  readonly count: number;
  /** How many of them name the user. */
  readonly mentions?: number;
  /** Quieter: of a muted room. */
  readonly isMuted?: boolean;
  readonly className?: string;
}

/** A number of unread messages, in words for screen readers. */
export function UnreadBadge({ count, mentions = 0, isMuted = false, className }: UnreadBadgeProps): ReactNode {
  const labels = useLabels();
  const formats = useFormats();
  if (count <= 0 && mentions <= 0) return null;
  const words = [count > 0 && labels.unreadCount(count), mentions > 0 && labels.mentionCount(mentions)].filter(Boolean);
  const shown = Math.max(count, mentions);
  return (
    <span
      className={classNames('tidings-badge', mentions > 0 && 'tidings-badge-mention', className)}
      data-muted={isMuted || undefined}
    >
      <span aria-hidden="true">
        {mentions > 0 && '@'}
        {shown > 99 ? `${formats.number(99)}+` : formats.number(shown)}
      </span>
      <span className="tidings-sr-only">{formats.list(words as string[])}</span>
    </span>
  );
}
