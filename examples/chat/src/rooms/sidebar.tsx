/** The column of conversations: who one is, finding, the list, and beginning something new. */
import { useState, type ReactNode } from 'react';
import { Icon, RoomList, useRooms, useUnread } from '@tidings/react';
import type { RoomView } from '@tidings/client';
import { PersonMenu } from '../people/person-menu.tsx';
import { useApp, useRoute } from '../shell/app-context.ts';
import { useWords } from '../words/use-words.ts';
import { matches } from './match-names.ts';

type Show = 'all' | 'unread' | 'direct';

export function Sidebar(): ReactNode {
  const words = useWords();
  const { router, open } = useApp();
  const { room: selected } = useRoute();
  const { archived, rooms, status } = useRooms();
  const { rooms: unreadRooms } = useUnread();
  const [query, setQuery] = useState('');
  const [show, setShow] = useState<Show>('all');
  const [showArchived, setShowArchived] = useState(false);

  const filter = (room: RoomView): boolean => {
    if (!matches(room.title, query)) return false;
    // The room that is open stays where it is while it is being read.
    if (show === 'unread') return room.unread > 0 || room.id === selected;
    return show === 'all' || room.kind === 'direct';
  };
  const empty =
    query !== '' ? words.noMatch : { all: words.noRooms, unread: words.noUnread, direct: words.noDirect }[show];

  return (
    <nav className="app-sidebar" aria-label={words.conversations}>
      <header className="app-sidebar-head">
        <PersonMenu />
        <button
          type="button"
          className="app-icon-button"
          aria-label={words.searchEverywhere}
          title={words.searchEverywhere}
          onClick={() => open({ kind: 'search' })}
        >
          <Icon name="search" />
        </button>
        <button
          type="button"
          className="app-icon-button app-new"
          aria-label={words.newConversation}
          title={words.newConversation}
          onClick={() => open({ kind: 'new' })}
        >
          <Icon name="plus" />
        </button>
      </header>
      <div className="app-sidebar-tools">
        <input
          type="search"
          className="app-input app-filter"
          aria-label={words.filterRooms}
          placeholder={words.filterRooms}
          value={query}
          onChange={(event) => setQuery(event.target.value)}
        />
        <div className="app-tabs" role="group" aria-label={words.conversations}>
          {(['all', 'unread', 'direct'] as const).map((one) => (
            <button
              key={one}
              type="button"
              className="app-tab"
              aria-pressed={show === one}
              onClick={() => setShow(one)}
            >
              {words[one]}
              {one === 'unread' && unreadRooms > 0 && <span className="app-tab-count">{unreadRooms}</span>}
            </button>
          ))}
        </div>
      </div>
      <div className="app-sidebar-list">
        {status === 'loading' && rooms.length === 0 ? (
          <ListSkeleton />
        ) : (
          <RoomList
            selected={selected}
            filter={filter}
            showArchived={showArchived}
            onSelect={(room) => router.go({ room: room.id })}
            renderEmpty={() => <p className="app-list-empty">{empty}</p>}
          />
        )}
        {archived.length > 0 && (
          <button
            type="button"
            className="app-quiet-button"
            aria-expanded={showArchived}
            onClick={() => setShowArchived(!showArchived)}
          >
            {showArchived ? words.hideArchived : words.showArchived}
          </button>
        )}
      </div>
    </nav>
  );
}

/** The shape of the list, while nothing of it is known. */
function ListSkeleton(): ReactNode {
  return (
    <div className="app-skeleton" aria-hidden="true">
      {Array.from({ length: 7 }, (_, i) => (
        <div key={i} className="app-skeleton-line">
          <span />
          <i />
        </div>
      ))}
    </div>
  );
}
