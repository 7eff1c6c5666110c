/** Renders into a page that is not shown, for tests. */
import { act, StrictMode, type ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import { TidingsProvider } from '../provider.tsx';
import type { ScriptedChat } from './scripted-chat.ts';

export interface Rendered extends Disposable {
  readonly container: HTMLElement;
  rerender(element: ReactNode): void;
  unmount(): void;
  /** @throws Error if there is none. */
  find<E extends Element = HTMLElement>(selector: string): E;
  all(selector: string): readonly HTMLElement[];
  /** By their text. @throws Error if there is none. */
  button(name: string): HTMLButtonElement;
}

/** As an application does, with effects run twice to find what does not clean up. */
export function render(element: ReactNode, chat: ScriptedChat): Rendered {
  (globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;
  const container = document.createElement('div');
  document.body.append(container);
  const root = createRoot(container);
  const rerender = (next: ReactNode): void =>
    act(() =>
      root.render(
        <StrictMode>
          <TidingsProvider client={chat} locale="en-GB" timeZone="UTC">
            {next}
          </TidingsProvider>
        </StrictMode>,
      ),
    );
  let isMounted = true;
  const unmount = (): void => {
    if (isMounted) act(() => root.unmount());
    isMounted = false;
    container.remove();
  };
  rerender(element);
  const all = (selector: string): readonly HTMLElement[] => [...container.querySelectorAll<HTMLElement>(selector)];
  return {
    container,
    rerender,
    unmount,
    find<E extends Element = HTMLElement>(selector: string): E {
      const found = container.querySelector<E>(selector);
      if (found === null) throw new Error(`no ${selector} in ${container.innerHTML.slice(0, 500)}`);
      return found;
    },
    button(name) {
      const found = all('button').find(
        (button) => button.getAttribute('aria-label') === name || button.textContent === name,
      );
      if (found === undefined) throw new Error(`no button "${name}" in ${container.innerHTML.slice(0, 500)}`);
      return found as HTMLButtonElement;
    },
    all,
    [Symbol.dispose]: unmount,
  };
}

/** Types into a field, as the person would: the value becomes another one, and React is told. */
export function type(field: HTMLTextAreaElement | HTMLInputElement, text: string): void {
  const prototype = Object.getPrototypeOf(field) as object;
  act(() => {
    // React keeps the value that it set; only the setter of the prototype goes past it.
    Object.getOwnPropertyDescriptor(prototype, 'value')?.set?.call(field, text);
    field.setSelectionRange(text.length, text.length);
    field.dispatchEvent(new Event('input', { bubbles: true }));
  });
}

/** @returns whether the browser would go on with what it does for the key. */
export function press(element: Element, key: string, options: KeyboardEventInit = {}): boolean {
  let goesOn = true;
  act(() => {
    goesOn = element.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...options }));
  });
  return goesOn;
}

export function click(element: HTMLElement): void {
  act(() => element.click());
}
