// @vitest-environment happy-dom
import { TidingsError } from '@tidings/client';
import { act, type ReactNode } from 'react';
import { renderToString } from 'react-dom/server';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  Room,
  RoomList,
  TidingsProvider,
  useChat,
  useMembers,
  useMessages,
  useName,
  useNotices,
  useRoom,
  useSearch,
  useUnread,
  useUsers,
} from '../index.ts';
import { render } from '../testing/render.tsx';
import { roomView, ScriptedChat } from '../testing/scripted-chat.ts';
import { messageView } from '../testing/scripted-timeline.ts';

function chatWithRooms(): ScriptedChat {
  const chat = new ScriptedChat({ me: 'me', users: [{ id: 'ann', name: 'Ann' }] });
  chat.addRoom(roomView({ id: 'a' }), { messages: [messageView({ key: '1', seq: 1, text: 'in a' })] });
  chat.addRoom(roomView({ id: 'b' }), { messages: [messageView({ key: '1', seq: 1, text: 'in b' })] });
  return chat;
}

function Messages({ id }: { readonly id: string | undefined }): ReactNode {
  const { messages } = useMessages(useRoom(id));
  return <p>{messages.map(({ text }) => text).join()}</p>;
}

test('a room is open exactly as long as the component, though effects run twice', () => {
  const chat = chatWithRooms();
  using page = render(<Messages id="a" />, chat);
  expect(page.container.textContent).toBe('in a');
  expect(chat.openHandles).toBe(1);
  page.rerender(<Messages id="b" />);
  expect(page.container.textContent).toBe('in b');
  expect(chat.openHandles).toBe(1);
  page.rerender(<Messages id={undefined} />);
  expect(page.container.textContent).toBe('');
  expect(chat.openHandles).toBe(0);
  page.rerender(<Messages id="a" />);
  page.unmount();
  expect(chat.openHandles).toBe(0);
});

test('what changes in a store is shown, and only by whom it concerns', () => {
  const chat = chatWithRooms();
  let renders = 0;
  function Unread(): ReactNode {
    renders++;
    return useUnread().messages;
  }
  using page = render(<Unread />, chat);
  const before = renders;
  act(() => chat.outgoing.set(3));
  expect(renders).toBe(before);
  act(() => chat.unread.set({ messages: 7, mentions: 0, rooms: 1 }));
  expect(page.container.textContent).toBe('7');
});

test('a name is the id until the profile is known; several profiles are one array', () => {
  const chat = chatWithRooms();
  function Names(): ReactNode {
    const users = useUsers(['ann', 'ben']);
    return `${useName('ben')} ${users.map((user) => user?.name ?? '?').join()}`;
  }
  using page = render(<Names />, chat);
  expect(page.container.textContent).toBe('ben Ann,?');
  act(() => chat.user('ben').set({ id: 'ben', name: 'Ben' }));
  expect(page.container.textContent).toBe('Ben Ann,Ben');
});

test('notices are told to the latest listener, once', () => {
  const chat = chatWithRooms();
  const told: string[] = [];
  function Notices({ prefix }: { readonly prefix: string }): ReactNode {
    useNotices(({ room }) => told.push(prefix + room.id));
    return null;
  }
  using page = render(<Notices prefix="1" />, chat);
  page.rerender(<Notices prefix="2" />);
  act(() => chat.tell({ kind: 'message', room: roomView({ id: 'a' }) }));
  expect(told).toEqual(['2a']);
});

test('everything renders on a server, to what the first render in a browser shows', () => {
  const chat = chatWithRooms();
  function Rest(): ReactNode {
    const room = useRoom('a');
    return `${useMembers(room).status} ${useChat() === chat.chat}`;
  }
  const html = renderToString(
    <TidingsProvider client={chat} locale="en-GB" timeZone="UTC">
      <RoomList onSelect={() => {}} />
      <Room id="a" />
      <Rest />
    </TidingsProvider>,
  );
  expect(html).toContain('tidings-room-list');
  expect(html).toContain('loading true');
  expect(chat.openHandles).toBe(0);
});

test('outside of a provider it says what is missing', () => {
  expect(() => renderToString(<RoomList onSelect={() => {}} />)).toThrow('<TidingsProvider>');
});

const search = {
  beforeEach: (): void => void vi.useFakeTimers(),
  afterEach: (): void => void vi.useRealTimers(),
};
beforeEach(search.beforeEach);
afterEach(search.afterEach);

function Results({ text }: { readonly text: string }): ReactNode {
  const { status, results, failure, hasMore } = useSearch(text, { delayMs: 100 });
  return `${status} ${results.map(({ message }) => message.text).join()} ${failure?.message ?? ''} ${hasMore}`;
}

function answer(text: string, next?: string): Awaited<ReturnType<ScriptedChat['search']>> {
  const { message } = messageView({ key: text, seq: 1, text });
  if (message === undefined) throw new Error('it has a seq');
  return { results: [{ message, snippet: { text, matches: [] } }], ...(next !== undefined && { next }) };
}

test('search waits for a pause, and an answer that comes late is not shown', async () => {
  const chat = chatWithRooms();
  const asked: string[] = [];
  const answers = new Map<string, (value: ReturnType<typeof answer>) => void>();
  chat.answers.search = ({ query }) => {
    asked.push(query);
    return new Promise((resolve) => answers.set(query, resolve));
  };
  using page = render(<Results text="" />, chat);
  expect(page.container.textContent).toContain('idle');
  page.rerender(<Results text="la" />);
  page.rerender(<Results text="lam" />);
  await act(() => vi.advanceTimersByTimeAsync(150));
  expect(asked).toEqual(['lam']);
  page.rerender(<Results text="lamp" />);
  await act(() => vi.advanceTimersByTimeAsync(150));
  await act(async () => answers.get('lamp')?.(answer('new', 'more')));
  await act(async () => answers.get('lam')?.(answer('old')));
  expect(page.container.textContent).toBe('done new  true');
});

test('a search that fails says why', async () => {
  const chat = chatWithRooms();
  chat.answers.search = () => Promise.reject(TidingsError.of('offline'));
  using page = render(<Results text="lamp" />, chat);
  await act(() => vi.advanceTimersByTimeAsync(150));
  expect(page.container.textContent).toContain('failed  not connected');
});
