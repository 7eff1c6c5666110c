/** Who is in a room, with their role and whether they are online. */
import type { ChatRoom, Member } from '@tidings/client';
import { useContext, useRef, type KeyboardEvent, type ReactNode } from 'react';
import { classNames } from '../class-names.ts';
import { useLabels } from '../context.ts';
import { ConversationContext } from '../conversation.ts';
import { useMe, useName } from '../hooks/use-chat.ts';
import { useMembers } from '../hooks/use-room.ts';
import { Avatar } from './avatar.tsx';

export interface MemberListProps {
  /** Instead of the room that it stands in. */
  readonly room?: ChatRoom;
  /** Makes each member a button. */
  readonly onSelect?: (member: Member) => void;
  /** Behind the name: actions of the application. */
  readonly renderActions?: (member: Member) => ReactNode;
  readonly renderMember?: (member: Member) => ReactNode;
  readonly className?: string;
}

/** Who is in a room, with their presence. */
export function MemberList({ room, onSelect, renderActions, renderMember, className }: MemberListProps): ReactNode {
  const labels = useLabels();
  const conversation = useContext(ConversationContext);
  const shown = room ?? conversation?.room;
  const { members, hasMore, status, failure } = useMembers(shown);
  const root = useRef<HTMLDivElement>(null);
  const present = members.filter(({ state }) => state === 'member' || state === 'invited');

  const onKeyDown = (event: KeyboardEvent): void => {
    const buttons = [...(root.current?.querySelectorAll<HTMLElement>('button.tidings-member') ?? [])];
    const at = buttons.indexOf(event.target as HTMLElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (at === -1 || step === undefined) return;
    event.preventDefault();
    buttons[at + step]?.focus();
  };

  return (
    <div className={classNames('tidings-members', className)} ref={root} onKeyDown={onKeyDown}>
      <ul className="tidings-plain-list" aria-label={labels.members}>
        {present.map((member) => {
          const line = renderMember?.(member) ?? <MemberLine member={member} />;
          return (
            <li key={member.user} className="tidings-member-line">
              {onSelect === undefined ? (
                <div className="tidings-member">{line}</div>
              ) : (
                <button type="button" className="tidings-member" onClick={() => onSelect(member)}>
                  {line}
                </button>
              )}
              {renderActions?.(member)}
            </li>
          );
        })}
      </ul>
      {status === 'loading' && (
        <p className="tidings-notice" role="status">
          {labels.loading}
        </p>
      )}
      {status === 'failed' && (
        <p className="tidings-notice" role="alert">
          {failure === undefined ? labels.failedToLoad : labels.failure(failure)}
        </p>
      )}
      {hasMore && (
        <button
          type="button"
          className="tidings-button"
          onClick={() => {
            // The list says if it fails.
            shown?.loadMoreMembers().catch(() => {});
          }}
        >
          {labels.showMoreMembers}
        </button>
      )}
    </div>
  );
}

function MemberLine({ member }: { readonly member: Member }): ReactNode {
  const labels = useLabels();
  const me = useMe();
  const name = useName(member.user);
  return (
    <>
      <Avatar user={member.user} showPresence />
      <span className="tidings-member-name">
        <bdi>{name}</bdi>
        {member.user === me && <span className="tidings-member-you"> ({labels.you})</span>}
      </span>
      {member.state === 'invited' ? (
        <span className="tidings-member-role">{labels.invited}</span>
      ) : (
        member.role !== 'member' && <span className="tidings-member-role">{labels.roles[member.role]}</span>
      )}
    </>
  );
}
