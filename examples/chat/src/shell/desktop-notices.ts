/** Notices of the system, for who has allowed them: the client tells each once, however many tabs are open. */
import { useEffect, useState } from 'react';
import { useChat, useLabels, useNotices } from '@tidings/react';
import type { ChatNotice } from '@tidings/client';
import { useWords } from '../words/use-words.ts';
import { useApp } from './app-context.ts';

const storageKey = 'tidings-notices';

export interface DesktopNotices {
  /** missing: the browser has none. */
  readonly state: 'on' | 'off' | 'denied' | 'missing';
  /** Asks the person for permission when it is needed. */
  readonly set: (isOn: boolean) => void;
}

export function useDesktopNotices(): DesktopNotices {
  const [state, setState] = useState(currentState);
  return {
    state,
    set(isOn) {
      const change = async (): Promise<void> => {
        if (isOn && Notification.permission !== 'granted') await Notification.requestPermission();
        localStorage.setItem(storageKey, isOn ? 'on' : 'off');
        setState(currentState());
      };
      void change();
    },
  };
}

function currentState(): DesktopNotices['state'] {
  if (typeof Notification === 'undefined') return 'missing';
  if (Notification.permission === 'denied') return 'denied';
  return Notification.permission === 'granted' && localStorage.getItem(storageKey) === 'on' ? 'on' : 'off';
}

/** Shows notices while the component is there. */
export function useNoticeDisplay(): void {
  const chat = useChat();
  const words = useWords();
  const labels = useLabels();
  const { router } = useApp();

  useNotices((notice) => {
    if (currentState() !== 'on' || document.hasFocus()) return;
    const { message, room } = notice;
    const show = (sender: string): void => {
      const title =
        notice.kind === 'invite' ? words.noticeInvite(room.title) : titleOf(notice, sender, words.noticeMessage);
      const body = message?.text ?? (message?.attachments === undefined ? '' : words.photo);
      const shown = new Notification(title, {
        body: body.slice(0, 200),
        tag: `${room.id} ${message?.seq ?? ''}`,
        icon: 'icon.svg',
      });
      shown.onclick = () => {
        window.focus();
        router.go({ room: room.id, ...(message !== undefined && { message: message.seq }) });
        shown.close();
      };
    };
    show(message === undefined ? labels.untitledRoom : (chat.user(message.sender).get()?.name ?? message.sender));
  });
}

function titleOf({ room }: ChatNotice, sender: string, withRoom: (name: string, room: string) => string): string {
  return room.kind === 'direct' ? room.title : withRoom(sender, room.title);
}

/** How much is unread, in the title of the page and on the icon of an installed app. */
export function useTitleBadge(count: number, place: string | undefined): void {
  useEffect(() => {
    const name = place === undefined ? 'Tidings' : `${place} – Tidings`;
    document.title = count > 0 ? `(${count > 99 ? '99+' : count}) ${name}` : name;
    // Where the browser has no such thing, there is the title.
    const { setAppBadge } = navigator as Partial<Pick<Navigator, 'setAppBadge'>>;
    setAppBadge?.call(navigator, count).catch(() => {});
  }, [count, place]);
}
