/** Who is in a room. */
import type { ChatRoom, Member } from '@tidings/client';
import type { ReactNode } from 'react';

export interface MemberListProps {
  /** Instead of the room that it stands in. */
  readonly room?: ChatRoom;
  /** Makes each member a button. */
  readonly onSelect?: (member: Member) => void;
  readonly renderMember?: (member: Member) => ReactNode;
  readonly className?: string;
}

export function MemberList(_: MemberListProps): ReactNode {
  return null;
}
