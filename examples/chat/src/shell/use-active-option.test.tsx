// @vitest-environment happy-dom
import { act, type ReactNode } from 'react';
import { createRoot, type Root } from 'react-dom/client';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { useActiveOption } from './use-active-option.ts';

let root: Root;
let chosen: string[];
let reset: () => void;

beforeEach(() => {
  (globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;
  document.body.innerHTML = '';
  root = createRoot(document.body.appendChild(document.createElement('div')));
  chosen = [];
});
afterEach(() => act(() => root.unmount()));

function Field({
  keys,
  isFirstMeant,
}: {
  readonly keys: readonly string[];
  readonly isFirstMeant: boolean;
}): ReactNode {
  const option = useActiveOption({ keys, isFirstMeant, choose: (at) => chosen.push(keys[at] ?? '') });
  ({ reset } = option);
  return <input data-active={keys[option.active] ?? 'none'} onKeyDown={option.onKeyDown} />;
}

const show = (keys: readonly string[], isFirstMeant = true) =>
  act(() => root.render(<Field keys={keys} isFirstMeant={isFirstMeant} />));
const active = () => document.querySelector('input')?.dataset['active'];

/** @returns whether the key was for the list. */
function press(key: string, more: KeyboardEventInit = {}): boolean {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more });
  act(() => void document.querySelector('input')?.dispatchEvent(event));
  return event.defaultPrevented;
}

test('arrows go round, and the return key chooses', () => {
  show(['ann', 'ben', 'cleo']);
  expect(active()).toBe('ann');
  press('ArrowDown');
  press('ArrowDown');
  expect(active()).toBe('cleo');
  press('ArrowDown');
  expect(active()).toBe('ann');
  press('ArrowUp');
  expect(press('Enter')).toBe(true);
  expect(chosen).toEqual(['cleo']);
  expect(press('x')).toBe(false);
});

test('what is meant stays so when others come before or behind it, until it is gone or something else is typed', () => {
  show(['ann', 'ben']);
  press('ArrowDown');
  show(['ada', 'ann', 'ben', 'zoe']);
  expect(active()).toBe('ben');
  show(['ada', 'zoe']);
  expect(active()).toBe('ada');
  show(['ada', 'ben']);
  expect(active()).toBe('ben');
  act(() => reset());
  expect(active()).toBe('ada');
});

test('with nothing typed no option is meant before an arrow is pressed, and the return key is not for the list', () => {
  show(['ann', 'ben'], false);
  expect(active()).toBe('none');
  expect(press('Enter')).toBe(false);
  press('ArrowUp');
  expect(active()).toBe('ben');
  expect(press('Enter', { isComposing: true })).toBe(false);
  show([], true);
  expect([press('Enter'), press('ArrowDown'), active()]).toEqual([false, false, 'none']);
  expect(chosen).toEqual([]);
});
