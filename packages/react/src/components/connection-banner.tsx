/** Says when there is no connection, and for a moment when it is back. Silent while all is well. */
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { classNames } from '../class-names.ts';
import { useLabels } from '../context.ts';
import { useConnection, useOutgoing } from '../hooks/use-chat.ts';

export interface ConnectionBannerProps {
  /** How long a cut may last before it is told, in milliseconds: most are over before anybody minds. */
  readonly patienceMs?: number;
  /** How long "back online" stays, in milliseconds. */
  readonly backMs?: number;
  readonly className?: string;
}

type Shown = 'connecting' | 'reconnecting' | 'offline' | 'back' | 'closed';

/** Says that there is no connection, and for a moment that it is back. */
export function ConnectionBanner({ patienceMs = 1500, backMs = 2500, className }: ConnectionBannerProps): ReactNode {
  const labels = useLabels();
  const { status, reason } = useConnection();
  const waiting = useOutgoing();
  const [shown, setShown] = useState<Shown>();
  const wasOnline = useRef(false);

  useEffect(() => {
    if (status === 'online') {
      // Only who was told that it is gone is told that it is back.
      setShown((before) => (before === undefined || before === 'connecting' ? undefined : 'back'));
      wasOnline.current = true;
      const timer = setTimeout(() => setShown(undefined), backMs);
      return () => clearTimeout(timer);
    }
    if (status === 'idle') return undefined;
    if (status === 'closed' || status === 'offline') {
      setShown(status);
      return undefined;
    }
    const timer = setTimeout(
      () => setShown((before) => (before === 'offline' || wasOnline.current ? 'reconnecting' : 'connecting')),
      patienceMs,
    );
    return () => clearTimeout(timer);
  }, [status, patienceMs, backMs]);

  const words = {
    connecting: labels.connecting,
    reconnecting: labels.reconnecting,
    offline: waiting === 0 ? labels.offline : labels.offlineWaiting(waiting),
    back: labels.backOnline,
    closed: reason === undefined ? labels.closed : `${labels.closed} ${reason.message}`,
  };
  return (
    <div className={classNames('tidings-connection', className)} role="status" data-status={shown}>
      {shown !== undefined && <span className="tidings-connection-text">{words[shown]}</span>}
    </div>
  );
}
