/** What one does with a conversation as a whole. */
import type { ReactNode } from 'react';
import { Icon, useConversation, useOpenRoomView } from '@tidings/react';
import { useApp } from '../shell/app-context.ts';
import { Glyph } from '../shell/glyph.tsx';
import { isPhone } from '../shell/screen.ts';
import { Menu, type MenuItem } from '../shell/menu.tsx';
import { useWords } from '../words/use-words.ts';

const hourMs = 3_600_000;

export function RoomMenu({ id }: { readonly id: string }): ReactNode {
  const words = useWords();
  const { router, open, fail } = useApp();
  const { room } = useConversation();
  const view = useOpenRoomView(room);
  const role = view?.membership?.role;
  const isMember = view?.membership?.state === 'member';
  const isDirect = view?.kind === 'direct';
  const mayChange = !isDirect && (role === 'owner' || role === 'admin');
  const mayInvite = isMember && (view?.kind === 'group' || mayChange) && !isDirect;
  const attempt = (work: () => Promise<unknown>) => (): void => void work().catch(fail);

  const mute: MenuItem[] = view?.isMuted
    ? [{ label: words.unmute, icon: <Glyph name="bell" />, onSelect: attempt(() => room.setMuted(false)) }]
    : [
        { label: words.mute, icon: <Icon name="bellOff" />, onSelect: attempt(() => room.setMuted()) },
        {
          label: words.muteHour,
          icon: <Icon name="clock" />,
          onSelect: attempt(() => room.setMuted(Date.now() + hourMs)),
        },
      ];
  const isPinned = view?.isPinned ?? false;
  const isArchived = view?.isArchived ?? false;
  return (
    <Menu
      label={words.roomMenu}
      button={<Icon name="more" />}
      groups={[
        {
          items: [
            // Where there is no place for buttons of their own.
            ...(isPhone()
              ? [
                  {
                    label: words.searchHere,
                    icon: <Icon name="search" />,
                    onSelect: () => router.go({ room: id, panel: 'search' }),
                  },
                  {
                    label: words.members,
                    icon: <Icon name="people" />,
                    onSelect: () => router.go({ room: id, panel: 'members' }),
                  },
                ]
              : []),
            { label: words.pins, icon: <Icon name="pin" />, onSelect: () => router.go({ room: id, panel: 'pins' }) },
            ...(mayInvite
              ? [
                  {
                    label: words.invite,
                    icon: <Icon name="plus" />,
                    onSelect: () => open({ kind: 'invite', room: id }),
                  },
                ]
              : []),
            ...(mayChange
              ? [{ label: words.rename, icon: <Icon name="edit" />, onSelect: () => open({ kind: 'edit', room: id }) }]
              : []),
          ],
        },
        {
          items: isMember
            ? [
                ...mute,
                {
                  label: isPinned ? words.unpinRoom : words.pinRoom,
                  icon: <Icon name="pin" />,
                  onSelect: attempt(() => room.setPinned(!isPinned)),
                },
                {
                  label: isArchived ? words.unarchive : words.archive,
                  icon: <Glyph name="archive" />,
                  onSelect: attempt(() => room.setArchived(!isArchived)),
                },
              ]
            : [],
        },
        {
          items: isMember
            ? [
                {
                  label: words.leave,
                  icon: <Glyph name="leave" />,
                  isDanger: true,
                  onSelect: () => open({ kind: 'leave', room: id }),
                },
              ]
            : [],
        },
      ]}
    />
  );
}
