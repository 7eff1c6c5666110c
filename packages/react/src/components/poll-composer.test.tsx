// @vitest-environment happy-dom
import { TidingsError } from '@tidings/client';
import { act } from 'react';
import { afterEach, expect, test, vi } from 'vitest';
import { click, render, type } from '../testing/render.tsx';
import { roomView, ScriptedChat } from '../testing/scripted-chat.ts';
import { PollComposer } from './poll-composer.tsx';
import { Room } from './room.tsx';

afterEach(() => void vi.unstubAllGlobals());

test.each([
  ['with HTTPS', globalThis.crypto],
  ['without HTTPS, where browsers make up no ids', { getRandomValues: crypto.getRandomValues.bind(crypto) }],
])('a poll that is sent again is known as the same one, on pages %s', async (_, ofPage) => {
  vi.stubGlobal('crypto', ofPage);
  const chat = new ScriptedChat({ me: 'me' });
  chat.addRoom(roomView({ id: 'r' }), { messages: [] });
  const asked: unknown[] = [];
  chat.answers.createPoll = (input) => {
    asked.push(input);
    throw TidingsError.of('offline');
  };
  using page = render(
    <Room id="r">
      <PollComposer onDone={() => {}} />
    </Room>,
    chat,
  );
  for (const [i, text] of ['Where?', 'Here', 'There'].entries()) {
    type(page.all('input:not([type=checkbox])')[i] as HTMLInputElement, text);
  }
  for (let i = 0; i < 2; i++) {
    click(page.button('Send'));
    await act(async () => {});
  }
  expect(page.find('[role=alert]').textContent).toContain('not connected');
  expect(asked).toHaveLength(2);
  expect(asked[0]).toMatchObject({ question: 'Where?', options: ['Here', 'There'] });
  expect(asked[1]).toEqual(asked[0]);
  expect((asked[0] as { clientId: string }).clientId).toMatch(/^[\da-f-]{32,36}$/u);
});
