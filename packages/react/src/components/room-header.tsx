/** What the room is called, and who is there. */
import type { ReactNode } from 'react';
import { classNames } from '../class-names.ts';
import { useLabels } from '../context.ts';
import { useConversation } from '../conversation.ts';
import { useOpenRoomView } from '../hooks/use-room.ts';
import { Avatar } from './avatar.tsx';
import { Presence } from './presence.tsx';

export interface RoomHeaderProps {
  /** In front of the title: a way back to the list on small screens. */
  readonly start?: ReactNode;
  /** Behind the title: buttons. */
  readonly end?: ReactNode;
  readonly className?: string;
}

/** The name of a room, and what is known of it. */
export function RoomHeader({ start, end, className }: RoomHeaderProps): ReactNode {
  const labels = useLabels();
  const { room } = useConversation();
  const view = useOpenRoomView(room);
  const title = view === undefined || view.title === '' ? labels.untitledRoom : view.title;
  return (
    <header className={classNames('tidings-room-header', className)}>
      {start}
      <Avatar user={view?.peer} {...(view?.peer === undefined && { name: title })} />
      <div className="tidings-room-header-text">
        <h2 className="tidings-room-title">
          <bdi>{title}</bdi>
        </h2>
        {view !== undefined && (
          <p className="tidings-room-subtitle">
            {view.peer !== undefined ? (
              <Presence user={view.peer} showText />
            ) : (
              <>
                {labels.memberCount(view.room.memberCount)}
                {view.room.topic !== undefined && view.room.topic !== '' && (
                  <span className="tidings-room-topic">
                    <bdi>{view.room.topic}</bdi>
                  </span>
                )}
              </>
            )}
          </p>
        )}
      </div>
      <div className="tidings-room-header-end">{end}</div>
    </header>
  );
}
