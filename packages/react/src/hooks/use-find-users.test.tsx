// @vitest-environment happy-dom
import { TidingsError } from '@tidings/client';
import { act, type ReactNode } from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { useFindUsers } from '../index.ts';
import { render } from '../testing/render.tsx';
import { ScriptedChat } from '../testing/scripted-chat.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function Found({ text }: { readonly text: string }): ReactNode {
  const { status, users, failure } = useFindUsers(text, { delayMs: 100 });
  return `${status} ${users.map(({ id }) => id).join()} ${failure?.code ?? ''}`;
}

const pause = () => act(() => vi.advanceTimersByTimeAsync(150));

test('it waits for a pause, keeps those who were found until others are, and shows no late answer', async () => {
  const chat = new ScriptedChat({ me: 'me' });
  const answers = new Map<string, (ids: readonly string[]) => void>();
  chat.answers.findUsers = ({ query }) =>
    new Promise((resolve) => answers.set(query, (ids) => resolve({ users: ids.map((id) => ({ id })) })));
  using page = render(<Found text=" " />, chat);
  await pause();
  expect(page.container.textContent).toBe('idle  ');
  page.rerender(<Found text="a" />);
  page.rerender(<Found text="an" />);
  await pause();
  expect([...answers.keys()]).toEqual(['an']);
  await act(async () => answers.get('an')?.(['ann', 'anton']));
  expect(page.container.textContent).toBe('done ann,anton ');
  page.rerender(<Found text="ann" />);
  expect(page.container.textContent).toBe('searching ann,anton ');
  await pause();
  page.rerender(<Found text="anna" />);
  await pause();
  await act(async () => answers.get('anna')?.(['anna']));
  await act(async () => answers.get('ann')?.(['ann']));
  expect(page.container.textContent).toBe('done anna ');
  page.rerender(<Found text="" />);
  expect(page.container.textContent).toBe('idle  ');
});

test('what fails is asked again with the next letter, what is not permitted is not', async () => {
  const chat = new ScriptedChat({ me: 'me' });
  const asked: string[] = [];
  let failure = TidingsError.of('timeout');
  chat.answers.findUsers = ({ query }) => {
    asked.push(query);
    throw failure;
  };
  using page = render(<Found text="a" />, chat);
  await pause();
  expect(page.container.textContent).toBe(`failed  ${failure.code}`);
  failure = new TidingsError(604, 'not allowed');
  page.rerender(<Found text="an" />);
  await pause();
  expect(page.container.textContent).toBe('failed  604');
  page.rerender(<Found text="ann" />);
  await pause();
  expect(page.container.textContent).toBe('failed  604');
  expect(asked).toEqual(['a', 'an']);
});
