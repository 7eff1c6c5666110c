/** Keys that work anywhere in the app. */
import { useEffect, useRef } from 'react';
import { useRooms } from '@tidings/react';
import { useApp, useRoute, type Open } from './app-context.ts';

const isMac = /mac|iphone|ipad/i.test(navigator.platform);

/** Names of keys as they stand on the keyboard of this device. */
export const keyNames = {
  switcher: isMac ? '⌘ K' : 'Ctrl K',
  search: isMac ? '⌘ Shift F' : 'Ctrl Shift F',
  previous: isMac ? '⌥ ↑' : 'Alt ↑',
  next: isMac ? '⌥ ↓' : 'Alt ↓',
  previousUnread: isMac ? '⌥ Shift ↑' : 'Alt Shift ↑',
  nextUnread: isMac ? '⌥ Shift ↓' : 'Alt Shift ↓',
  escape: 'Esc',
  send: 'Enter',
  newLine: 'Shift Enter',
  editLast: '↑',
  messages: '↑ ↓',
  help: '?',
} as const;

/** @param isOpen whether a window lies over the page, which has its own keys. */
export function useShortcuts(isOpen: boolean, open: (what: Open | undefined) => void): void {
  const { router } = useApp();
  const route = useRoute();
  const { rooms } = useRooms();

  const onKeyDown = (event: KeyboardEvent): void => {
    const { key, altKey, shiftKey, isComposing } = event;
    const command = isMac ? event.metaKey : event.ctrlKey;
    if (isComposing || event.defaultPrevented) return;
    const take = (work: () => void): void => {
      event.preventDefault();
      work();
    };
    if (command && !altKey && !shiftKey && key.toLowerCase() === 'k') take(() => open({ kind: 'switcher' }));
    if (isOpen) return;
    if (command && shiftKey && key.toLowerCase() === 'f') take(() => open({ kind: 'search' }));
    else if (altKey && !command && (key === 'ArrowUp' || key === 'ArrowDown')) {
      take(() => move(key === 'ArrowDown' ? 1 : -1, shiftKey));
    } else if (key === 'Escape' && route.panel !== undefined && route.room !== undefined) {
      const { room } = route;
      take(() => router.go({ room }, 'replace'));
    } else if (key === '?' && !command && !altKey && !isTextField(event.target))
      take(() => open({ kind: 'shortcuts' }));
  };

  const move = (step: 1 | -1, unreadOnly: boolean): void => {
    const open = rooms.findIndex(({ id }) => id === route.room);
    const from = open === -1 && step === -1 ? 0 : open;
    for (let i = 1; i <= rooms.length; i++) {
      const room = rooms.at((from + step * i) % rooms.length);
      if (room !== undefined && (!unreadOnly || room.unread > 0)) return router.go({ room: room.id });
    }
  };

  const latest = useRef(onKeyDown);
  useEffect(() => {
    latest.current = onKeyDown;
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent): void => latest.current(event);
    addEventListener('keydown', listener);
    return () => removeEventListener('keydown', listener);
  }, []);
}

function isTextField(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
