/** What one line of the list of rooms says: who, when, the last words, and how much is unread. */
import type { RoomView } from '@tidings/client';
import type { ReactNode } from 'react';
import { classNames } from '../class-names.ts';
import { useFormats, useLabels } from '../context.ts';
import { useMe, useName } from '../hooks/use-chat.ts';
import { messageSummary } from '../text/message-summary.ts';
import { plainText } from '../text/plain-text.ts';
import { Avatar } from './avatar.tsx';
import { Icon } from './icon.tsx';
import { UnreadBadge } from './unread-badge.tsx';

export interface RoomListItemProps {
  readonly room: RoomView;
  /** Now, in Unix milliseconds: what times are told against. */
  readonly nowMs: number;
  readonly className?: string;
}

/** What stands in a line of the list of rooms. */
export function RoomListItem({ room, nowMs, className }: RoomListItemProps): ReactNode {
  const labels = useLabels();
  const formats = useFormats();
  const title = room.title === '' ? labels.untitledRoom : room.title;
  const isUnread = room.unread > 0 || room.mentions > 0;
  return (
    <span className={classNames('tidings-room-line', className)} data-unread={isUnread || undefined}>
      <Avatar
        user={room.peer}
        {...(room.peer === undefined && { name: title })}
        showPresence={room.peer !== undefined}
      />
      <span className="tidings-room-line-text">
        <span className="tidings-room-line-top">
          <span className="tidings-room-line-title">
            <bdi>{title}</bdi>
          </span>
          {room.isPinned && <Mark name="pin" label={labels.pinned} />}
          {room.isMuted && <Mark name="bellOff" label={labels.muted} />}
          {room.lastAt > 0 && (
            <time className="tidings-room-line-time" dateTime={new Date(room.lastAt).toISOString()}>
              {formats.short(room.lastAt, nowMs)}
            </time>
          )}
        </span>
        <span className="tidings-room-line-bottom">
          <span className="tidings-room-line-preview">
            <Preview room={room} />
          </span>
          <UnreadBadge count={room.unread} mentions={room.mentions} isMuted={room.isMuted} />
        </span>
      </span>
    </span>
  );
}

function Mark({ name, label }: { readonly name: 'pin' | 'bellOff'; readonly label: string }): ReactNode {
  return (
    <span className="tidings-room-line-mark">
      <Icon name={name} />
      <span className="tidings-sr-only">{label}</span>
    </span>
  );
}

/** What was begun goes before what was said last. Who said it and what may be written in two directions. */
function Preview({ room }: { readonly room: RoomView }): ReactNode {
  const labels = useLabels();
  const message = room.lastMessage;
  if (room.draft !== undefined && room.draft.text !== '') {
    return (
      <>
        <span className="tidings-room-line-whose tidings-draft-mark">
          <bdi>{labels.draft}</bdi>:{' '}
        </span>
        <bdi>{plainText(room.draft.text)}</bdi>
      </>
    );
  }
  if (message === undefined || message.kind === 'hidden') return <bdi>{room.room.topic ?? ''}</bdi>;
  if (message.deletedAt !== undefined) {
    return (
      <bdi>
        <i>{labels.deleted}</i>
      </bdi>
    );
  }
  const said = <bdi>{messageSummary(message, labels)}</bdi>;
  if (room.peer !== undefined || message.kind === 'system') return said;
  return (
    <>
      <span className="tidings-room-line-whose">
        <bdi>
          <SenderName user={message.sender} />
        </bdi>
        :{' '}
      </span>
      {said}
    </>
  );
}

function SenderName({ user }: { readonly user: string }): ReactNode {
  const labels = useLabels();
  const me = useMe();
  const name = useName(user);
  return user === me ? labels.you : name;
}
