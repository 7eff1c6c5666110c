// @vitest-environment happy-dom
import { TidingsError } from '@tidings/client';
import { act, type ReactNode } from 'react';
import { renderToString } from 'react-dom/server';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  Room,
  RoomList,
  TidingsProvider,
  useAttachmentUrl,
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

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

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

test('a room that was closed is never given again', () => {
  const chat = chatWithRooms();
  const given: boolean[] = [];
  function Opened({ id }: { readonly id: string | undefined }): ReactNode {
    const room = useRoom(id);
    given.push(room !== undefined);
    return null;
  }
  using page = render(<Opened id="a" />, chat);
  page.rerender(<Opened id={undefined} />);
  given.length = 0;
  page.rerender(<Opened id="a" />);
  expect(given).toEqual([false, false, true, true]);
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

test('a link to an attachment that is shown for long is renewed', async () => {
  const chat = chatWithRooms();
  const attachment = { id: 'f', name: 'a.pdf', contentType: 'application/pdf', bytes: 1, url: '' };
  let link = '/first';
  chat.attachmentUrl = async () => link;
  function Link(): ReactNode {
    return useAttachmentUrl(attachment);
  }
  using page = render(<Link />, chat);
  await act(() => vi.advanceTimersByTimeAsync(0));
  expect(page.container.textContent).toBe('/first');
  link = '/second';
  await act(() => vi.advanceTimersByTimeAsync(5 * 60_000));
  expect(page.container.textContent).toBe('/second');
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

test('more results that cannot be had leave those that are there, and are asked for again', async () => {
  const chat = chatWithRooms();
  const asked: (string | undefined)[] = [];
  chat.answers.search = ({ cursor }) => {
    asked.push(cursor);
    if (asked.length === 2) throw TidingsError.of('offline');
    return asked.length === 1 ? answer('first', 'more') : answer('second');
  };
  let more = (): void => {};
  function Paged(): ReactNode {
    const { status, results, hasMore, loadMore } = useSearch('lamp', { delayMs: 100 });
    more = loadMore;
    return `${status} ${results.map(({ message }) => message.text).join()} ${hasMore}`;
  }
  using page = render(<Paged />, chat);
  const step = async (work: () => void): Promise<void> => {
    act(work);
    await act(() => vi.advanceTimersByTimeAsync(150));
  };
  await step(() => {});
  expect(page.container.textContent).toBe('done first true');
  await step(() => more());
  expect(page.container.textContent).toBe('failed first true');
  await step(() => more());
  expect(page.container.textContent).toBe('done first,second false');
  expect(asked).toEqual([undefined, 'more', 'more']);
});

test('the wish for more ends with its question: who comes back to it begins with the first page', async () => {
  const chat = chatWithRooms();
  const asked: (readonly [string, string | undefined])[] = [];
  chat.answers.search = ({ query, cursor }) => {
    asked.push([query, cursor]);
    return cursor === undefined ? answer(query, 'more') : answer(`${query} 2`);
  };
  let more = (): void => {};
  function Paged({ text }: { readonly text: string }): ReactNode {
    const { results, loadMore } = useSearch(text, { delayMs: 100 });
    more = loadMore;
    return results.map(({ message }) => message.text).join();
  }
  using page = render(<Paged text="lamp" />, chat);
  const pause = (): Promise<void> => act(async () => void (await vi.advanceTimersByTimeAsync(150)));
  await pause();
  act(() => more());
  await pause();
  expect(page.container.textContent).toBe('lamp,lamp 2');
  page.rerender(<Paged text="lamps" />);
  await pause();
  page.rerender(<Paged text="lamp" />);
  await pause();
  expect(page.container.textContent).toBe('lamp');
  expect(asked).toEqual([
    ['lamp', undefined],
    ['lamp', 'more'],
    ['lamps', undefined],
    ['lamp', undefined],
  ]);
});

test('a search that fails says why', async () => {
  const chat = chatWithRooms();
  chat.answers.search = () => Promise.reject(TidingsError.of('offline'));
  using page = render(<Results text="lamp" />, chat);
  await act(() => vi.advanceTimersByTimeAsync(150));
  expect(page.container.textContent).toContain('failed  not connected');
});
