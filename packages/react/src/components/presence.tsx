/** Whether somebody is online: a dot with a name for screen readers, and in words if asked. */
import type { ReactNode } from 'react';
import { classNames } from '../class-names.ts';
import { useFormats, useLabels } from '../context.ts';
import { usePresence } from '../hooks/use-chat.ts';
import { useNow } from '../hooks/use-now.ts';

export interface PresenceProps {
  /** Id of the user. */
  readonly user: string;
  /** Says it in words, with when they were last seen. */
  readonly showText?: boolean;
  readonly className?: string;
}

/** Whether a user is online, as a dot and in words. */
export function Presence({ user, showText = false, className }: PresenceProps): ReactNode {
  const labels = useLabels();
  const formats = useFormats();
  const now = useNow();
  const presence = usePresence(user);
  const status = presence?.status ?? 'unknown';
  if (status === 'unknown') return null;
  const words =
    status === 'online'
      ? labels.online
      : presence?.lastSeenAt === undefined
        ? labels.offlineUser
        : labels.lastSeen(formats.ago(presence.lastSeenAt, now));
  return (
    <span className={classNames('tidings-presence', className)} data-status={status}>
      <span
        className="tidings-presence-dot"
        {...(showText ? { 'aria-hidden': true } : { role: 'img', 'aria-label': words })}
      />
      {showText && <span className="tidings-presence-text">{words}</span>}
    </span>
  );
}
