// @vitest-environment happy-dom
import { TidingsError, type MessageView } from '@tidings/client';
import { act } from 'react';
import { afterEach, expect, test, vi } from 'vitest';
import { click, press, render, type Rendered } from '../testing/render.tsx';
import { roomView, ScriptedChat, type ScriptedRoom } from '../testing/scripted-chat.ts';
import { messageView } from '../testing/scripted-timeline.ts';
import { MessageList } from './message-list.tsx';
import { Message } from './message.tsx';
import { Room } from './room.tsx';

afterEach(() => void vi.unstubAllGlobals());

function open(message: MessageView): { readonly page: Rendered; readonly room: ScriptedRoom } & Disposable {
  const chat = new ScriptedChat({ me: 'me', users: [{ id: 'ann', name: 'Ann' }] });
  const room = chat.addRoom(roomView({ id: 'r' }), { messages: [message] });
  const page = render(
    <Room id="r" onOpenThread={(seq) => room.done.push(['openThread', seq])}>
      <Message message={message} isActive />
    </Room>,
    chat,
  );
  return { page, room, [Symbol.dispose]: () => page.unmount() };
}

const mine = (change: Partial<MessageView>): MessageView =>
  messageView({ key: '1', sender: 'me', isOwn: true, text: 'mine', ...change });
const theirs = (change: Partial<MessageView> = {}): MessageView =>
  messageView({ key: '1', seq: 1, sender: 'ann', text: 'theirs', ...change });

test.each([
  ['sending', 'Sending'],
  ['sent', 'Sent'],
  ['delivered', 'Delivered'],
  ['read', 'Read'],
] as const)('an own message that is %s says so', (state, words) => {
  using at = open(mine({ state }));
  expect(at.page.find('.tidings-message-state').getAttribute('aria-label')).toBe(words);
});

test('a message that was refused says why, is sent again, or goes', () => {
  using at = open(mine({ key: 'k', state: 'failed', failure: new TidingsError(603, 'too fast') }));
  expect(at.page.find('[role=alert]').textContent).toContain('Not sent: too fast');
  click(at.page.button('Send again'));
  click(at.page.button('Discard'));
  expect(at.room.done).toEqual(
    expect.arrayContaining([
      ['retry', 'k'],
      ['discard', 'k'],
    ]),
  );
});

test('of others neither ticks nor edit are shown; their name is', () => {
  using at = open(theirs());
  expect(at.page.all('.tidings-message-state')).toEqual([]);
  expect(at.page.find('.tidings-message-sender').textContent).toBe('Ann');
  click(at.page.button('More actions'));
  const items = at.page.all('[role=menuitem]').map(({ textContent }) => textContent);
  expect(items).toContain('Reply');
  expect(items).not.toContain('Edit');
  expect(items).not.toContain('Delete');
});

test('copying is offered where the browser has a clipboard: not on pages without HTTPS', () => {
  const offered = (): readonly string[] => {
    using at = open(theirs());
    click(at.page.button('More actions'));
    return at.page.all('[role=menuitem]').map(({ textContent }) => textContent);
  };
  expect(offered()).toContain('Copy text');
  vi.stubGlobal('navigator', { userAgent: 'without HTTPS' });
  expect(offered()).not.toContain('Copy text');
  expect(offered()).toContain('Reply');
});

test('what can be done with a message goes with the pointer, and not before its menu is closed', () => {
  const chat = new ScriptedChat({ me: 'me' });
  chat.addRoom(roomView({ id: 'r' }), { messages: [] });
  using page = render(
    <Room id="r">
      <Message message={theirs()} />
    </Room>,
    chat,
  );
  const point = (name: string): void =>
    act(() => void page.find('.tidings-bubble').dispatchEvent(new Event(name, { bubbles: true })));
  const menuButton = (): readonly HTMLElement[] => page.all('[aria-haspopup=menu]');
  expect(menuButton()).toEqual([]);
  point('pointerover');
  for (let i = 0; i < 2; i++) press(page.button('More actions'), 'ArrowDown');
  point('pointerout');
  expect(menuButton()).toHaveLength(1);
  press(page.find('[role=menuitem]'), 'Escape');
  expect(menuButton()).toEqual([]);
});

test('a reaction is added by a click, and one’s own taken back', async () => {
  const reactions = [
    { emoji: '👍', count: 2, isOwn: true },
    { emoji: '🎉', count: 1, isOwn: false },
  ];
  using at = open(theirs({ reactions }));
  const [own, other] = at.page.all('.tidings-reaction');
  expect([own, other].map((button) => button?.getAttribute('aria-pressed'))).toEqual(['true', 'false']);
  if (own !== undefined) click(own);
  if (other !== undefined) click(other);
  await act(async () => {});
  expect(at.room.done).toEqual(
    expect.arrayContaining([
      ['unreact', 1, '👍'],
      ['react', 1, '🎉'],
    ]),
  );
});

test('a deleted message is a word in its place, without anything to do', () => {
  using at = open(theirs({ isDeleted: true, text: '', replySeq: 7 }));
  expect(at.page.find('.tidings-deleted').textContent).toBe('This message was deleted');
  expect(at.page.all('button')).toEqual([]);
});

test('edited is said; a thread is led to', () => {
  const view = theirs({ isEdited: true });
  const message = view.message && { ...view.message, thread: { count: 2, lastSeq: 9, lastAt: 0 } };
  using at = open({ ...view, ...(message && { message }) });
  expect(at.page.find('.tidings-message-meta').textContent).toContain('edited');
  click(at.page.find('.tidings-thread-summary'));
  expect(at.room.done).toContainEqual(['openThread', 1]);
});

test('a poll is voted on, and a second click takes the vote back', async () => {
  const poll = {
    question: 'Where?',
    options: [
      { id: 'a', text: 'Here', votes: 1 },
      { id: 'b', text: 'There', votes: 0 },
    ],
    voters: 1,
  };
  const view = theirs({ ownVotes: ['a'] });
  const message = view.message && { ...view.message, kind: 'poll' as const, poll };
  using at = open({ ...view, ...(message && { message }) });
  expect(at.page.find('legend').textContent).toBe('Where?');
  const [first, second] = at.page.all('input');
  if (second !== undefined) click(second);
  if (first !== undefined) click(first);
  await act(async () => {});
  expect(at.room.done.filter(([name]) => name === 'vote')).toEqual([
    ['vote', 1, ['b']],
    ['vote', 1, []],
  ]);
});

test('pictures keep their space, other files are lines, and nothing that can hold a script is shown as a picture', async () => {
  const file = (name: string, contentType: string): MessageView['attachments'][number] => ({
    id: name,
    name,
    contentType,
    bytes: 1000,
    url: `/${name}`,
  });
  const attachments = [file('a.png', 'image/png'), file('b.svg', 'image/svg+xml'), file('c.html', 'text/html')];
  using at = open(theirs({ attachments }));
  await act(async () => {});
  expect(at.page.all('.tidings-picture img').map((image) => image.getAttribute('src'))).toEqual(['/a.png']);
  const links = at.page.all('a.tidings-file');
  expect(links.map((link) => [link.getAttribute('href'), link.getAttribute('download')])).toEqual([
    ['/b.svg', 'b.svg'],
    ['/c.html', 'c.html'],
  ]);
});

test('a picture alone has its own shape before it is there; several have the same, and one of unknown size the usual', () => {
  const picture = (id: string, size: { width?: number; height?: number } = {}): MessageView['attachments'][number] => ({
    ...{ id, name: `${id}.png`, contentType: 'image/png', bytes: 1_000, url: `/${id}` },
    ...size,
  });
  const shapes = (...attachments: MessageView['attachments']): readonly string[] => {
    using at = open(theirs({ attachments }));
    return at.page.all('.tidings-picture').map((place) => place.style.aspectRatio);
  };
  expect(shapes(picture('a', { width: 300, height: 500 }))).toEqual(['300 / 500']);
  expect(shapes(picture('a'))).toEqual(['']);
  expect(shapes(picture('a', { width: 300, height: 500 }), picture('b', { width: 500, height: 300 }))).toEqual([
    '',
    '',
  ]);
});

test('new messages of others are said to screen readers, own ones and old ones are not', () => {
  const chat = new ScriptedChat({ me: 'me', users: [{ id: 'ann', name: 'Ann' }] });
  const room = chat.addRoom(roomView({ id: 'r' }), { messages: [theirs()] });
  using page = render(
    <Room id="r">
      <MessageList />
    </Room>,
    chat,
  );
  const said = (): string => page.find('[aria-live=polite]').textContent;
  expect(said()).toBe('');
  act(() => room.append(mine({ key: '2', seq: 2, state: 'sent' })));
  expect(said()).toBe('');
  act(() => room.append(theirs({ key: '3', seq: 3, text: '**news**' })));
  expect(said()).toBe('Ann: news');
  // The same words once more are another element, or nobody would hear them.
  const before = page.find('[aria-live=polite]').firstElementChild;
  act(() => room.append(theirs({ key: '4', seq: 4, text: 'news' })));
  expect(said()).toBe('Ann: news');
  expect(page.find('[aria-live=polite]').firstElementChild).not.toBe(before);
});

test('an action that fails is told, and the word can be sent away', async () => {
  const chat = new ScriptedChat({ me: 'me' });
  const room = chat.addRoom(roomView({ id: 'r' }), { messages: [] });
  room.react = () => Promise.reject(new TidingsError(103, 'permission denied'));
  const message = theirs({ reactions: [{ emoji: '👍', count: 1, isOwn: false }] });
  using page = render(
    <Room id="r">
      <MessageList />
      <Message message={message} />
    </Room>,
    chat,
  );
  click(page.find('.tidings-reaction'));
  await act(async () => {});
  expect(page.find('.tidings-toast').textContent).toContain('permission denied');
  click(page.button('Close'));
  expect(page.all('.tidings-toast')).toEqual([]);
});
