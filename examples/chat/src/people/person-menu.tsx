/** Who one is in this window, and everything that is about oneself and this device. */
import type { ReactNode } from 'react';
import { Avatar, Icon, useMe, useName, useStore } from '@tidings/react';
import { useApp } from '../shell/app-context.ts';
import { Glyph } from '../shell/glyph.tsx';
import { Menu } from '../shell/menu.tsx';
import { useDesktopNotices } from '../shell/desktop-notices.ts';
import { useWords } from '../words/use-words.ts';

export function PersonMenu(): ReactNode {
  const words = useWords();
  const { appearance, person, switchPerson, open } = useApp();
  const me = useMe() ?? person.user;
  const known = useName(me);
  const name = known === me ? person.name : known;
  const { theme, language } = useStore(appearance.store);
  const notices = useDesktopNotices();

  return (
    <Menu
      label={name}
      isButtonNamed
      className="app-me"
      align="start"
      button={
        <>
          <span aria-hidden="true">
            <Avatar user={me} showPresence />
          </span>
          <bdi className="app-me-name">{name}</bdi>
          <span className="tidings-sr-only">: {words.menu}</span>
          <Icon name="chevronDown" />
        </>
      }
      groups={[
        {
          items: [
            { label: words.profile, icon: <Glyph name="person" />, onSelect: () => open({ kind: 'profile' }) },
            {
              label:
                notices.state === 'on'
                  ? words.notifyOn
                  : notices.state === 'denied'
                    ? words.notifyDenied
                    : words.notify,
              icon: <Glyph name="bell" />,
              isDisabled: notices.state === 'denied' || notices.state === 'missing',
              onSelect: () => notices.set(notices.state !== 'on'),
            },
            { label: words.shortcuts, icon: <Glyph name="keyboard" />, onSelect: () => open({ kind: 'shortcuts' }) },
          ],
        },
        {
          heading: words.theme,
          items: (['system', 'light', 'dark'] as const).map((one) => ({
            label: words.themes[one],
            isChecked: theme === one,
            icon: theme === one ? <Icon name="check" /> : undefined,
            onSelect: () => appearance.change({ theme: one }),
          })),
        },
        {
          heading: words.language,
          items: (
            [
              ['en', 'English'],
              ['ar', 'العربية'],
            ] as const
          ).map(([one, label]) => ({
            label,
            isChecked: language === one,
            icon: language === one ? <Icon name="check" /> : undefined,
            onSelect: () => appearance.change({ language: one }),
          })),
        },
        {
          items: [
            {
              label: words.anotherWindow,
              icon: <Glyph name="window" />,
              // Without an opener it has a session of its own.
              onSelect: () => void window.open(location.pathname, '_blank', 'noopener'),
            },
            { label: words.switchPerson, icon: <Glyph name="switch" />, onSelect: switchPerson },
            {
              label: words.engineDemo,
              icon: <Glyph name="wave" />,
              onSelect: () => void window.open('demo/', '_blank', 'noopener'),
            },
          ],
        },
      ]}
    />
  );
}
