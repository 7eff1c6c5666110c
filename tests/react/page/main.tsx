/**
 * The page that the tests of @tidings/react look at: one scene, on a scripted chat. The address chooses:
 * `?scene=room|long|alone|everything|panels&theme=light|dark&dir=ltr|rtl`.
 */
import '@tidings/react/styles.css';
import './page.css';
import { StrictMode, type ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import {
  Composer,
  ConnectionBanner,
  MemberList,
  MessageList,
  PollComposer,
  Room,
  RoomHeader,
  RoomList,
  SearchPanel,
  Thread,
  TidingsProvider,
  TypingIndicator,
} from '@tidings/react';
import { createScript } from './script.ts';

const query = new URLSearchParams(location.search);
const scene = query.get('scene') ?? 'room';
const theme = query.get('theme');
if (theme !== null) document.documentElement.dataset['theme'] = theme;
document.documentElement.dir = query.get('dir') ?? 'ltr';

const script = createScript({
  count: Number(query.get('count') ?? 500),
  pageSize: Number(query.get('pageSize') ?? 50),
});
Object.assign(window, { script });

function Scene(): ReactNode {
  if (scene === 'long') return <Room id="long" className="page-alone" />;
  if (scene === 'alone') return <Room id="weekend" className="page-alone" />;
  return (
    <div className="page">
      <h1 className="tidings-sr-only">Components</h1>
      <nav className="page-list" aria-label="Rooms">
        <RoomList selected="weekend" onSelect={() => {}} />
      </nav>
      <div className="page-room">
        <ConnectionBanner />
        <Room id="weekend" onOpenThread={() => {}}>
          <RoomHeader />
          <MessageList label="Messages" />
          <TypingIndicator />
          <Composer />
        </Room>
      </div>
      {scene === 'everything' && (
        <aside className="page-side" aria-label="More">
          <Thread room="weekend" seq={3} onClose={() => {}} />
        </aside>
      )}
      {scene === 'panels' && (
        <aside className="page-side" aria-label="More">
          <SearchPanel onSelect={() => {}} onClose={() => {}} />
          <Room id="weekend">
            <MemberList />
            <PollComposer onDone={() => {}} />
          </Room>
        </aside>
      )}
    </div>
  );
}

const root = document.getElementById('root');
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <TidingsProvider client={script.chat} locale={query.get('locale') ?? 'en-GB'} timeZone="UTC">
        <Scene />
      </TidingsProvider>
    </StrictMode>,
  );
}
