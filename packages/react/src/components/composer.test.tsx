// @vitest-environment happy-dom
import type { RoomView } from '@tidings/client';
import { act } from 'react';
import { afterEach, expect, test, vi } from 'vitest';
import { click, press, render, type, type Rendered } from '../testing/render.tsx';
import { roomView, ScriptedChat, type ScriptedRoom } from '../testing/scripted-chat.ts';
import { messageView } from '../testing/scripted-timeline.ts';
import { Composer } from './composer.tsx';
import { Room } from './room.tsx';
import { Thread } from './thread.tsx';

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

interface Setting extends Disposable {
  readonly chat: ScriptedChat;
  readonly room: ScriptedRoom;
  readonly page: Rendered;
  readonly field: HTMLTextAreaElement;
}

function open(view: Partial<RoomView> = {}): Setting {
  const users = [
    { id: 'ann', name: 'Ann Lee' },
    { id: 'ben', name: 'Bén' },
  ];
  const chat = new ScriptedChat({ me: 'me', users });
  const messages = [
    messageView({ key: '1', seq: 1, sender: 'me', isOwn: true, text: 'mine', createdAt: Date.now() - 10_000 }),
    messageView({ key: '2', seq: 2, sender: 'ann', text: 'theirs' }),
  ];
  const members = ['ann', 'ben', 'me'].map((user) => ({
    room: 'r',
    user,
    role: 'member' as const,
    joinedAt: 0,
    state: 'member' as const,
  }));
  const room = chat.addRoom(roomView({ id: 'r', title: 'Room', ...view }), { messages }, members);
  const page = render(
    <Room id="r">
      <Composer />
    </Room>,
    chat,
  );
  return {
    chat,
    room,
    page,
    get field() {
      return page.find<HTMLTextAreaElement>('textarea');
    },
    [Symbol.dispose]: () => page.unmount(),
  };
}

const sent = (room: ScriptedRoom): readonly unknown[] =>
  room.done.filter(([name]) => name === 'send').map(([, outgoing]) => outgoing);

test('Enter sends what is written and empties the draft; Shift+Enter is left to the browser', () => {
  using at = open();
  type(at.field, '  hello ');
  expect(at.room.draft.get()).toBe('  hello ');
  expect(press(at.field, 'Enter', { shiftKey: true })).toBe(true);
  expect(sent(at.room)).toEqual([]);
  expect(press(at.field, 'Enter')).toBe(false);
  expect(sent(at.room)).toEqual([{ text: 'hello' }]);
  expect(at.field.value).toBe('');
  expect(at.room.draft.get()).toBe('');
});

test('nothing is sent of nothing, nor while an input method composes', () => {
  using at = open();
  type(at.field, '   ');
  press(at.field, 'Enter');
  type(at.field, 'こ');
  press(at.field, 'Enter', { isComposing: true });
  expect(sent(at.room)).toEqual([]);
});

test('typing is signalled with every change, and taken back when the conversation closes', () => {
  using at = open();
  type(at.field, 'h');
  type(at.field, 'he');
  at.page.unmount();
  expect(at.room.done.filter(([name]) => name === 'setTyping').map(([, text]) => text)).toEqual(['', 'h', 'he', '']);
});

test('the draft is what was begun, here or on another device', () => {
  using at = open();
  act(() => at.room.draft.set('from elsewhere'));
  expect(at.field.value).toBe('from elsewhere');
});

test('ArrowUp edits the last own message, Escape gives it up, and the draft is still there', async () => {
  using at = open();
  press(at.field, 'ArrowUp');
  expect(at.field.value).toBe('mine');
  type(at.field, 'mine, better');
  press(at.field, 'Escape');
  expect(at.field.value).toBe('');
  press(at.field, 'ArrowUp');
  type(at.field, 'mine, best');
  press(at.field, 'Enter');
  await act(async () => {});
  expect(at.room.done).toContainEqual(['edit', 1, 'mine, best']);
  expect(sent(at.room)).toEqual([]);
  expect(at.field.value).toBe('');
});

test('ArrowUp in a text moves the caret and nothing else', () => {
  using at = open();
  type(at.field, 'text');
  expect(press(at.field, 'ArrowUp')).toBe(true);
  expect(at.field.value).toBe('text');
});

test('a mention is chosen by the keys, found without accents, and sent with the message', () => {
  using at = open();
  type(at.field, 'hi @be');
  expect(at.page.all('[role=option]').map((option) => option.textContent)).toEqual([expect.stringContaining('Bén')]);
  expect(at.field.getAttribute('aria-activedescendant')).toBe(at.page.find('[aria-selected=true]').id);
  expect(press(at.field, 'Enter')).toBe(false);
  expect(at.field.value).toBe('hi @Bén ');
  expect(at.page.all('[role=option]')).toEqual([]);
  press(at.field, 'Enter');
  expect(sent(at.room)).toEqual([{ text: 'hi @Bén', mentions: { users: ['ben'] } }]);
});

test('arrows go round the suggestions, Escape leaves them', () => {
  using at = open();
  type(at.field, '@');
  const names = at.page.all('.tidings-mention-name').map((name) => name.textContent);
  expect(names).toEqual(['Ann Lee', 'Bén', '@here', '@room']);
  const selected = (): string => at.page.find('[aria-selected=true] .tidings-mention-name').textContent;
  press(at.field, 'ArrowUp');
  expect(selected()).toBe(names[3]);
  press(at.field, 'ArrowDown');
  expect(selected()).toBe(names[0]);
  press(at.field, 'Escape');
  expect(at.page.all('[role=option]')).toEqual([]);
  expect(at.field.value).toBe('@');
});

test.each([
  ['a public room', { kind: 'public' }, undefined],
  ['a livestream', { kind: 'livestream' }, undefined],
  ['a group', { kind: 'group' }, { here: true, room: true }],
] as const)(
  'everybody is named in %s only by who may: the server refuses the whole message otherwise',
  (_, view, named) => {
    using at = open(view);
    type(at.field, '@here and @room, and @Bén!');
    press(at.field, 'Enter');
    expect(sent(at.room)).toEqual([{ text: '@here and @room, and @Bén!', mentions: { users: ['ben'], ...named } }]);
  },
);

test('a moderator of a public room names everybody', () => {
  const { membership } = roomView({ id: 'r' });
  using at = open({ kind: 'public', ...(membership && { membership: { ...membership, role: 'moderator' } }) });
  type(at.field, '@room');
  press(at.field, 'Escape');
  press(at.field, 'Enter');
  expect(sent(at.room)).toEqual([{ text: '@room', mentions: { room: true } }]);
});

test('everybody is named only on purpose: they come after the people, whatever those are called', () => {
  using at = open();
  act(() => at.chat.user('ben').set({ id: 'ben', name: 'Zoe' }));
  type(at.field, '@');
  const names = at.page.all('.tidings-mention-name').map((name) => name.textContent);
  expect(names).toEqual(['Ann Lee', 'Zoe', '@here', '@room']);
  const pictures = at.page.all('[role=option] .tidings-avatar-picture').map((picture) => picture.textContent);
  expect(pictures).toEqual(['AL', 'Z', '@', '@']);
});

test('pasted files go with the message, up to the limit, also on a page without HTTPS', () => {
  vi.stubGlobal('crypto', {});
  using at = open();
  const files = Array.from({ length: 12 }, (_, i) => new File(['x'], `${i}.txt`, { type: 'text/plain' }));
  act(() => {
    const event = new Event('paste', { bubbles: true, cancelable: true });
    Object.assign(event, { clipboardData: { files } });
    at.field.dispatchEvent(event);
  });
  expect(at.page.all('.tidings-picked-file')).toHaveLength(10);
  expect(at.page.find('[role=alert]').textContent).toContain('At most 10 files');
  click(at.page.button('Remove 0.txt'));
  press(at.field, 'Enter');
  expect(sent(at.room)).toEqual([{ files: files.slice(1, 10) }]);
  expect(at.page.all('.tidings-picked-file')).toEqual([]);
});

test('dropped files go with the message; what is dragged and is no file is left to the browser', () => {
  using at = open();
  const file = new File(['x'], 'a.txt', { type: 'text/plain' });
  const drag = (name: string, on: string, types?: readonly string[]): boolean =>
    dragFile(at.page.find(on), name, file, types);
  const hint = (): number => at.page.all('.tidings-drop').length;
  drag('dragenter', '.tidings-room');
  // Into a part of it: it is entered before the whole is left.
  drag('dragenter', 'textarea');
  drag('dragleave', '.tidings-room');
  expect([hint(), drag('dragover', 'textarea')]).toEqual([1, false]);
  drag('dragleave', 'textarea');
  expect(hint()).toBe(0);
  drag('dragenter', 'textarea');
  expect(drag('drop', 'textarea')).toBe(false);
  expect(hint()).toBe(0);
  expect(at.page.all('.tidings-picked-file').map(({ textContent }) => textContent)).toEqual(['a.txt1 B']);
  press(at.field, 'Enter');
  expect(sent(at.room)).toEqual([{ files: [file] }]);

  drag('dragenter', '.tidings-room', ['text/plain']);
  expect([hint(), drag('drop', 'textarea', ['text/plain'])]).toEqual([0, true]);
  expect(at.page.all('.tidings-picked-file')).toEqual([]);
});

test('what is dropped on a thread above the room is for the thread alone, also while it takes no files', () => {
  using at = open();
  const root = messageView({ key: '2', seq: 2, sender: 'ann', text: 'theirs' });
  const reply = messageView({ key: '3', seq: 3, threadSeq: 2, sender: 'me', isOwn: true, text: 'reply' });
  at.room.addThread({ room: 'r', threadSeq: 2, root, unread: 0, isFollowing: true }, { messages: [reply] });
  at.page.rerender(
    <Room id="r">
      <div className="beneath">
        <Composer />
      </div>
      <Thread room="r" seq={2} />
    </Room>,
  );
  const file = new File(['x'], 'a.txt', { type: 'text/plain' });
  const thread = at.page.find('.tidings-thread');
  const picked = (within: string): number => at.page.all(`${within} .tidings-picked-file`).length;
  dragFile(thread, 'dragenter', file);
  expect(at.page.all('.tidings-drop').map((hint) => thread.contains(hint))).toEqual([true]);
  expect(dragFile(thread, 'drop', file)).toBe(false);
  expect([picked('.tidings-thread'), picked('.beneath')]).toEqual([1, 0]);
  click(at.page.button('Remove a.txt'));

  press(at.page.find('.tidings-thread textarea'), 'ArrowUp');
  expect(at.page.find<HTMLTextAreaElement>('.tidings-thread textarea').value).toBe('reply');
  dragFile(thread, 'dragenter', file);
  dragFile(thread, 'drop', file);
  expect(at.page.all('.tidings-drop, .tidings-picked-file')).toEqual([]);
});

test('slow mode says how long one has to wait, and holds the message back', () => {
  using at = open();
  act(() => at.room.view.update((view) => view && { ...view, room: { ...view.room, slowMs: 60_000 } }));
  type(at.field, 'too soon');
  press(at.field, 'Enter');
  expect(sent(at.room)).toEqual([]);
  const [, seconds] = /you can write again in (\d+) s/u.exec(at.page.find('[role=timer]').textContent) ?? [];
  expect(Number(seconds)).toBeGreaterThan(0);
  expect(Number(seconds)).toBeLessThanOrEqual(50);
  expect(at.field.value).toBe('too soon');
});

/** Seconds that slow mode makes one wait, as they are shown. */
const waiting = ({ page }: Setting): number =>
  Number(/in (\d+) s/u.exec(page.all('[role=timer]')[0]?.textContent ?? '')?.[1] ?? 0);

test.each([
  ['right', 0],
  ['five minutes behind', -300_000],
  ['five minutes ahead', 300_000],
])('slow mode counts from the own message on a device whose clock is %s', async (_, aheadMs) => {
  const serverNow = Date.now();
  vi.useFakeTimers({ now: serverNow + aheadMs });
  using at = open();
  act(() => at.room.view.update((view) => view && { ...view, room: { ...view.room, slowMs: 60_000 } }));
  act(() => at.room.show({ messages: [] }));
  type(at.field, 'now');
  press(at.field, 'Enter');
  expect(waiting(at)).toBe(60);
  // Whether the answer takes long or not, it is the server that begins to count then, with its own clock.
  await act(() => vi.advanceTimersByTimeAsync(20_000));
  expect(waiting(at)).toBe(40);
  const [sending] = at.room.messages.get().messages.slice(-1);
  const stored = messageView({ ...sending, key: 'own-1', seq: 3, state: 'sent', createdAt: serverNow + 20_000 });
  act(() => at.room.show({ messages: [stored] }));
  expect(waiting(at)).toBe(60);
  await act(() => vi.advanceTimersByTimeAsync(45_000));
  expect(waiting(at)).toBe(15);
  await act(() => vi.advanceTimersByTimeAsync(15_000));
  expect(waiting(at)).toBe(0);
});

test('slow mode never says longer than the room asks for, whatever the clock of the device', async () => {
  vi.useFakeTimers({ now: Date.now() });
  using at = open();
  vi.setSystemTime(Date.now() - 300_000);
  act(() => at.room.view.update((view) => view && { ...view, room: { ...view.room, slowMs: 30_000 } }));
  expect(waiting(at)).toBe(30);
  await act(() => vi.advanceTimersByTimeAsync(30_000));
  expect(waiting(at)).toBe(0);
});

test('where one may not write it says why', () => {
  const line = roomView({ id: 'r' });
  const cases = [
    [{ ...line, room: { ...line.room, frozen: true } }, 'Only moderators'],
    [{ ...line, kind: 'broadcast' as const }, 'not write'],
    [{ ...line, membership: undefined }, 'Join this conversation'],
  ] as const;
  for (const [{ membership, ...view }, words] of cases) {
    using at = open(view);
    if (membership === undefined) act(() => at.room.view.update((known) => known && without(known)));
    expect(at.page.container.textContent).toContain(words);
    expect(at.page.all('textarea')).toEqual([]);
  }
});

/** @returns whether the browser would go on with what it does: open the file instead of the page. */
function dragFile(on: Element, name: string, file: File, types: readonly string[] = ['Files']): boolean {
  const event = Object.assign(new Event(name, { bubbles: true, cancelable: true }), {
    dataTransfer: { types, files: [file] },
  });
  let goesOn = true;
  act(() => void (goesOn = on.dispatchEvent(event)));
  return goesOn;
}

/** As somebody sees it who is not in it. */
function without(line: RoomView): RoomView {
  const { membership: _, ...view } = line;
  return view;
}
