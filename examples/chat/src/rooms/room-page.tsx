/** One room: its messages, and beside them a thread, the members, what was found, or what is pinned. */
import { useState, type ReactNode } from 'react';
import {
  Composer,
  Icon,
  MemberList,
  MessageList,
  PollComposer,
  Room,
  RoomHeader,
  SearchPanel,
  Thread,
  TypingIndicator,
  useLabels,
  useRoomView,
} from '@tidings/react';
import { useApp, useRoute } from '../shell/app-context.ts';
import { Dialog } from '../shell/dialog.tsx';
import type { Route } from '../shell/route.ts';
import { useWords } from '../words/use-words.ts';
import { PinsPanel } from './pins-panel.tsx';
import { RoomMenu } from './room-menu.tsx';
import { SidePanel } from './side-panel.tsx';
import { hasFinePointer, isNarrow } from '../shell/screen.ts';

export function RoomPage({ id }: { readonly id: string }): ReactNode {
  const words = useWords();
  const labels = useLabels();
  const { router } = useApp();
  const route = useRoute();
  const view = useRoomView(id);
  const [isAsking, setAsking] = useState(false);
  const title = view?.title ?? '';
  const back = (): void => router.go({});

  return (
    <Room
      id={id}
      className="app-room"
      onOpenThread={(thread) => router.go({ room: id, panel: 'thread', thread })}
      renderGone={() => (
        <div className="app-empty">
          <h2>{words.roomGone}</h2>
          <p className="app-quiet">{words.roomGoneText}</p>
          <button type="button" className="app-button" onClick={back}>
            {words.toConversations}
          </button>
        </div>
      )}
    >
      <div className="app-conversation">
        <RoomHeader
          start={
            <button
              type="button"
              className="app-icon-button app-back"
              aria-label={words.back}
              title={words.back}
              onClick={back}
            >
              <Icon name="back" isDirectional />
            </button>
          }
          end={<HeaderButtons id={id} />}
        />
        <MessageList
          label={labels.messagesOf(title === '' ? labels.untitledRoom : title)}
          targetSeq={route.panel === 'thread' ? undefined : route.message}
        />
        <TypingIndicator />
        <Composer
          autoFocus={hasFinePointer()}
          showEmoji
          showFiles
          renderActions={() => <PollButton onClick={() => setAsking(true)} />}
        />
        {isAsking && (
          <Dialog title={words.createPoll} isTitleHidden onClose={() => setAsking(false)}>
            <PollComposer onDone={() => setAsking(false)} />
          </Dialog>
        )}
      </div>
      <RoomPanel route={route} id={id} />
    </Room>
  );
}

function PollButton({ onClick }: { readonly onClick: () => void }): ReactNode {
  const words = useWords();
  return (
    <button
      type="button"
      className="tidings-icon-button"
      aria-label={words.createPoll}
      title={words.createPoll}
      onClick={onClick}
    >
      <Icon name="poll" />
    </button>
  );
}

function HeaderButtons({ id }: { readonly id: string }): ReactNode {
  const words = useWords();
  const { router } = useApp();
  const { panel } = useRoute();
  const toggle = (wanted: NonNullable<Route['panel']>): void =>
    router.go({ room: id, ...(panel !== wanted && { panel: wanted }) }, 'replace');
  const button = (wanted: 'search' | 'members', label: string, icon: ReactNode): ReactNode => (
    <button
      type="button"
      className="app-icon-button"
      aria-label={label}
      title={label}
      aria-pressed={panel === wanted}
      onClick={() => toggle(wanted)}
    >
      {icon}
    </button>
  );
  return (
    <>
      <span className="app-wide-only">
        {button('search', words.searchHere, <Icon name="search" />)}
        {button('members', words.members, <Icon name="people" />)}
      </span>
      <RoomMenu id={id} />
    </>
  );
}

function RoomPanel({ route, id }: { readonly route: Route; readonly id: string }): ReactNode {
  const words = useWords();
  const { router, open } = useApp();
  const close = (): void => router.go({ room: id }, 'replace');
  // What was found lies below the panel where there is no place beside it.
  const jump = (seq: number): void =>
    router.go({ room: id, message: seq, ...(!isNarrow() && route.panel && { panel: route.panel }) }, 'replace');
  switch (route.panel) {
    case undefined:
      return null;
    case 'thread':
      return route.thread === undefined ? null : (
        <SidePanel label={words.close} isBare>
          <Thread key={route.thread} room={id} seq={route.thread} onClose={close} />
        </SidePanel>
      );
    case 'members':
      return (
        <SidePanel label={words.members} onClose={close}>
          <MemberList onSelect={({ user }) => open({ kind: 'person', user, room: id })} />
        </SidePanel>
      );
    case 'search':
      return (
        <SidePanel label={words.search} onClose={close}>
          <SearchPanel
            room={id}
            onSelect={({ message: { seq, threadSeq } }) =>
              threadSeq === undefined ? jump(seq) : router.go({ room: id, panel: 'thread', thread: threadSeq })
            }
          />
        </SidePanel>
      );
    case 'pins':
      return (
        <SidePanel label={words.pins} onClose={close}>
          <PinsPanel onSelect={jump} />
        </SidePanel>
      );
  }
}
