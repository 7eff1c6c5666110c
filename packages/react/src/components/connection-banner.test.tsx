// @vitest-environment happy-dom
import type { ConnectionState } from '@tidings/client';
import { act } from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { render, type Rendered } from '../testing/render.tsx';
import { ScriptedChat } from '../testing/scripted-chat.ts';
import { ConnectionBanner } from './connection-banner.tsx';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function open(): {
  readonly chat: ScriptedChat;
  readonly page: Rendered;
  become(status: ConnectionState['status']): void;
} {
  const chat = new ScriptedChat({ me: 'me' });
  const page = render(<ConnectionBanner />, chat);
  return { chat, page, become: (status) => act(() => chat.connection.state.set({ status, sinceMs: 0 })) };
}
const wait = (ms: number): void => act(() => void vi.advanceTimersByTime(ms));

test('nothing is said while all is well, nor of a cut that is over at once', () => {
  const { page, become } = open();
  expect(page.container.textContent).toBe('');
  become('connecting');
  wait(1000);
  become('online');
  wait(10_000);
  expect(page.container.textContent).toBe('');
  page.unmount();
});

test('a longer cut is told, and for a moment that it is over', () => {
  const { page, become } = open();
  become('connecting');
  wait(2000);
  expect(page.container.textContent).toBe('Reconnecting…');
  become('online');
  expect(page.container.textContent).toBe('Back online');
  wait(3000);
  expect(page.container.textContent).toBe('');
  page.unmount();
});

test('offline is told at once, with how many messages wait', () => {
  const { chat, page, become } = open();
  become('offline');
  expect(page.container.textContent).toContain('You are offline');
  act(() => chat.outgoing.set(2));
  expect(page.container.textContent).toContain('2 messages are sent when you are back');
  page.unmount();
});
