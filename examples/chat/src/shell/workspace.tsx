/** The app of somebody who is signed in: the list of conversations, the one that is open, and windows over both. */
import { useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { ConnectionBanner, useRoomView, useUnread } from '@tidings/react';
import type { Person } from '../people/identity.ts';
import { PersonDialog } from '../people/person-dialog.tsx';
import { ProfileDialog } from '../people/profile-dialog.tsx';
import { NewConversation } from '../rooms/new-conversation.tsx';
import { EditRoomDialog, InviteDialog, LeaveDialog } from '../rooms/room-dialogs.tsx';
import { RoomPage } from '../rooms/room-page.tsx';
import { SearchDialog } from '../rooms/search-dialog.tsx';
import { Sidebar } from '../rooms/sidebar.tsx';
import { Switcher } from '../rooms/switcher.tsx';
import { useWords } from '../words/use-words.ts';
import { AppContext, useRoute, type AppContextValue, type Open } from './app-context.ts';
import type { AppearanceStore } from './appearance.ts';
import { useNoticeDisplay, useTitleBadge } from './desktop-notices.ts';
import { Glyph } from './glyph.tsx';
import type { Router } from './route.ts';
import { keyNames, useShortcuts } from './shortcuts.ts';
import { ShortcutsDialog } from './shortcuts-dialog.tsx';

export interface WorkspaceProps {
  readonly router: Router;
  readonly appearance: AppearanceStore;
  readonly person: Person;
  readonly switchPerson: () => void;
}

/** How long it is said that something did not work. */
const failureMs = 6_000;

export function Workspace({ router, appearance, person, switchPerson }: WorkspaceProps): ReactNode {
  const words = useWords();
  const [opened, open] = useState<Open>();
  const [failure, setFailure] = useState<string>();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const fail = useCallback((error: unknown): void => {
    clearTimeout(timer.current);
    setFailure(error instanceof Error ? error.message : String(error));
    timer.current = setTimeout(() => setFailure(undefined), failureMs);
  }, []);
  useEffect(() => () => clearTimeout(timer.current), []);
  const value = useMemo<AppContextValue>(
    () => ({ router, appearance, person, switchPerson, open, fail }),
    [router, appearance, person, switchPerson, fail],
  );
  return (
    <AppContext.Provider value={value}>
      <Frame opened={opened} open={open} />
      <OpenDialog what={opened} />
      <div className="app-toast" role="alert">
        {failure !== undefined && <p>{words.failed(failure)}</p>}
      </div>
    </AppContext.Provider>
  );
}

interface FrameProps {
  readonly opened: Open | undefined;
  readonly open: (what: Open | undefined) => void;
}

function Frame({ opened, open }: FrameProps): ReactNode {
  const words = useWords();
  const { room, panel } = useRoute();
  const { messages } = useUnread();
  useTitleBadge(messages, useRoomView(room)?.title);
  useNoticeDisplay();
  useShortcuts(opened !== undefined, open);
  return (
    <div className="app" data-view={room === undefined ? 'list' : 'room'} data-panel={panel}>
      <a className="app-skip" href="#messages" onClick={skipToMessages}>
        {words.skipToMessages}
      </a>
      <Sidebar />
      <main className="app-main" id="messages">
        <h1 className="tidings-sr-only">Tidings</h1>
        <ConnectionBanner />
        {room === undefined ? <NothingOpen /> : <RoomPage key={room} id={room} />}
      </main>
    </div>
  );
}

/** The address is the app's own, so that a link to a place of the page cannot be one. */
function skipToMessages(event: { preventDefault(): void }): void {
  event.preventDefault();
  document.querySelector<HTMLElement>('main textarea, main [role="log"] [tabindex="0"], main button')?.focus();
}

function NothingOpen(): ReactNode {
  const words = useWords();
  const [before, after] = words.pickRoomText.split('{keys}');
  return (
    <div className="app-empty">
      <span className="app-empty-mark">
        <Glyph name="logo" />
      </span>
      <h2>{words.pickRoom}</h2>
      <p className="app-quiet">
        {before}
        <kbd>{keyNames.switcher}</kbd>
        {after}
      </p>
    </div>
  );
}

function OpenDialog({ what }: { readonly what: Open | undefined }): ReactNode {
  switch (what?.kind) {
    case undefined:
      return null;
    case 'switcher':
      return <Switcher />;
    case 'new':
      return <NewConversation />;
    case 'profile':
      return <ProfileDialog />;
    case 'shortcuts':
      return <ShortcutsDialog />;
    case 'search':
      return <SearchDialog />;
    case 'invite':
      return <InviteDialog room={what.room} />;
    case 'edit':
      return <EditRoomDialog room={what.room} />;
    case 'leave':
      return <LeaveDialog room={what.room} />;
    case 'person':
      return <PersonDialog user={what.user} {...(what.room !== undefined && { room: what.room })} />;
  }
}
