// @vitest-environment happy-dom
import { act } from 'react';
import { expect, test } from 'vitest';
import { click, press, render } from '../testing/render.tsx';
import { roomView, ScriptedChat } from '../testing/scripted-chat.ts';
import { messageView } from '../testing/scripted-timeline.ts';
import { RoomList } from './room-list.tsx';

function chatWithRooms(): ScriptedChat {
  const chat = new ScriptedChat({ me: 'me', users: [{ id: 'ann', name: 'Ann' }] });
  const { message } = messageView({ key: '1', seq: 1, sender: 'ann', text: '**hello**' });
  const said = message && { lastMessage: message };
  chat.addRoom(roomView({ id: 'a', title: 'First', unread: 3, ...said, lastAt: Date.now() }), { messages: [] });
  chat.addRoom(roomView({ id: 'b', title: 'Second', unread: 120, mentions: 2, isMuted: true }), { messages: [] });
  const draft = { room: 'c', text: 'begun', updatedAt: 0 };
  chat.addRoom(roomView({ id: 'c', kind: 'direct', peer: 'ann', title: 'Ann', ...said, draft }), { messages: [] });
  chat.presence('ann').set({ user: 'ann', status: 'online' });
  return chat;
}

test('each line says who, what was said last, and what is unread', () => {
  using page = render(<RoomList onSelect={() => {}} />, chatWithRooms());
  const [first, second, third] = page.all('.tidings-room-list-button').map((button) => button.textContent);
  expect(first).toContain('First');
  expect(first).toContain('Ann: hello');
  expect(first).toContain('3 unread messages');
  expect(second).toContain('120 unread messages and 2 mentions');
  expect(second).toContain('99+');
  expect(second).toContain('Muted');
  expect(third).toContain('Draft: begun');
  expect(page.find('[role=img]').getAttribute('aria-label')).toBe('Online');
});

test('one stop for Tab, arrows move within, Home and End to the ends', () => {
  const chosen: string[] = [];
  using page = render(<RoomList selected="b" onSelect={({ id }) => chosen.push(id)} />, chatWithRooms());
  const buttons = page.all('.tidings-room-list-button');
  expect(buttons.map(({ tabIndex }) => tabIndex)).toEqual([-1, 0, -1]);
  expect(buttons[1]?.getAttribute('aria-current')).toBe('page');
  const at = (): number => buttons.indexOf(document.activeElement as HTMLElement);
  act(() => buttons[1]?.focus());
  for (const [key, index] of [
    ['ArrowDown', 2],
    ['ArrowDown', 2],
    ['Home', 0],
    ['ArrowUp', 0],
    ['End', 2],
  ] as const) {
    press(document.activeElement ?? document.body, key);
    expect(at(), key).toBe(index);
  }
  click(buttons[2] ?? document.body);
  expect(chosen).toEqual(['c']);
});

test('an own line, a filter, and a word when nothing is there', () => {
  const chat = chatWithRooms();
  using page = render(<RoomList onSelect={() => {}} renderRoom={({ title }) => <b>{title}</b>} />, chat);
  expect(page.all('button b').map((title) => title.textContent)).toEqual(['First', 'Second', 'Ann']);
  page.rerender(<RoomList onSelect={() => {}} filter={({ kind }) => kind === 'direct'} />);
  expect(page.all('.tidings-room-list-button')).toHaveLength(1);
  act(() => chat.rooms.update((rooms) => ({ ...rooms, rooms: [] })));
  expect(page.container.textContent).toBe('No conversations yet');
  act(() => chat.rooms.update((rooms) => ({ ...rooms, status: 'loading' })));
  expect(page.container.textContent).toBe('Loading…');
});

test('an invitation is taken, and the room opened', async () => {
  const chat = chatWithRooms();
  const invited = roomView({ id: 'new', title: 'New', isInvited: true });
  chat.rooms.update((rooms) => ({ ...rooms, invites: [invited] }));
  const chosen: string[] = [];
  using page = render(<RoomList onSelect={({ id }) => chosen.push(id)} />, chat);
  click(page.button('Join'));
  await act(async () => {});
  expect(chosen).toEqual(['new']);
});
