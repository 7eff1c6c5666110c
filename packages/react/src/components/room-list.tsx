/** The conversations of the user: pinned first, then the latest. One stop for the Tab key; arrows move within. */
import type { RoomView } from '@tidings/client';
import { useRef, type KeyboardEvent, type ReactNode } from 'react';
import { classNames } from '../class-names.ts';
import { useLabels } from '../context.ts';
import { useChat, useRooms } from '../hooks/use-chat.ts';
import { useNow } from '../hooks/use-now.ts';
import { RoomListItem } from './room-list-item.tsx';

export interface RoomListProps {
  /** Id of the room that is open. */
  readonly selected?: string | undefined;
  readonly onSelect: (room: RoomView) => void;
  /** Which rooms are shown; all without it. Archived ones are given to it too when `showArchived`. */
  readonly filter?: (room: RoomView) => boolean;
  readonly showArchived?: boolean;
  /** What stands in a line, instead of `RoomListItem`. It is put into a button. */
  readonly renderRoom?: (room: RoomView) => ReactNode;
  readonly renderEmpty?: () => ReactNode;
  readonly className?: string;
}

/** The rooms of the user, with invitations: pinned first, then the latest. */
export function RoomList(props: RoomListProps): ReactNode {
  const { selected, onSelect, filter = () => true, showArchived = false, renderRoom, renderEmpty, className } = props;
  const labels = useLabels();
  const chat = useChat();
  const { rooms, archived, invites, status, failure } = useRooms();
  const now = useNow();
  const root = useRef<HTMLDivElement>(null);

  const shown = rooms.filter(filter);
  const aside = showArchived ? archived.filter(filter) : [];
  const all = [...shown, ...aside];
  // Where Tab goes: to the room that is open, else to the first.
  const tabStop = all.some((room) => room.id === selected) ? selected : all[0]?.id;

  const onKeyDown = (event: KeyboardEvent): void => {
    const buttons = [...(root.current?.querySelectorAll<HTMLElement>('.tidings-room-list-button') ?? [])];
    const at = buttons.indexOf(event.target as HTMLElement);
    if (at === -1) return;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    buttons[to]?.focus();
  };

  const line = (room: RoomView): ReactNode => (
    <li key={room.id} className="tidings-room-list-line">
      <button
        type="button"
        className="tidings-room-list-button"
        aria-current={room.id === selected ? 'page' : undefined}
        tabIndex={room.id === tabStop ? 0 : -1}
        data-room={room.id}
        data-unread={room.unread > 0 || undefined}
        onClick={() => onSelect(room)}
      >
        {renderRoom?.(room) ?? <RoomListItem room={room} nowMs={now} />}
      </button>
    </li>
  );

  return (
    <div className={classNames('tidings-room-list', className)} ref={root} onKeyDown={onKeyDown}>
      {invites.length > 0 && (
        <section className="tidings-invites" aria-label={labels.invites}>
          <div className="tidings-list-heading" aria-hidden="true">
            {labels.invites}
          </div>
          <ul className="tidings-plain-list">
            {invites.map((room) => (
              <li key={room.id} className="tidings-invite">
                <span className="tidings-invite-title">
                  <bdi>{room.title === '' ? labels.untitledRoom : room.title}</bdi>
                </span>
                <button type="button" className="tidings-button" onClick={() => quietly(chat.declineInvite(room.id))}>
                  {labels.declineInvite}
                </button>
                <button
                  type="button"
                  className="tidings-button tidings-button-primary"
                  onClick={() => quietly(chat.acceptInvite(room.id).then(onSelect))}
                >
                  {labels.acceptInvite}
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
      {shown.length > 0 && (
        <ul className="tidings-plain-list" aria-label={labels.rooms}>
          {shown.map(line)}
        </ul>
      )}
      {aside.length > 0 && (
        <section aria-label={labels.archivedRooms}>
          <div className="tidings-list-heading" aria-hidden="true">
            {labels.archivedRooms}
          </div>
          <ul className="tidings-plain-list">{aside.map(line)}</ul>
        </section>
      )}
      {all.length === 0 && invites.length === 0 && (
        <div className="tidings-notice" role="status">
          {status === 'loading'
            ? labels.loading
            : status === 'failed'
              ? failure === undefined
                ? labels.failedToLoad
                : labels.failure(failure)
              : (renderEmpty?.() ?? labels.noRooms)}
        </div>
      )}
    </div>
  );
}

/** The list itself shows how it went: an invitation that could not be answered is still there. */
function quietly(work: Promise<unknown>): void {
  work.catch(() => {});
}
