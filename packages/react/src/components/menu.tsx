/** A button that opens a list of things to do, as the ARIA menu button pattern has it: arrows, Home, End, first letters. */
import { useEffect, useRef, type KeyboardEvent, type ReactNode } from 'react';
import { Icon, type IconName } from './icon.tsx';
import { PopupButton } from './popup-button.tsx';

export interface MenuItem {
  readonly key: string;
  readonly label: string;
  readonly icon?: IconName;
  readonly isDangerous?: boolean;
  run(): void;
}

export interface MenuProps {
  readonly label: string;
  readonly items: readonly MenuItem[];
  readonly tabIndex?: number;
  readonly onOpenChange?: (isOpen: boolean) => void;
  /** Above the items, for what is no item: a row of emoji. */
  readonly start?: (close: () => void) => ReactNode;
}

export function Menu({ label, items, tabIndex, onOpenChange, start }: MenuProps): ReactNode {
  return (
    <PopupButton
      label={label}
      icon="more"
      className="tidings-icon-button"
      tabIndex={tabIndex}
      kind="menu"
      onOpenChange={onOpenChange}
    >
      {(close) => (
        <>
          {start?.(close)}
          <MenuItems label={label} items={items} onClose={close} />
        </>
      )}
    </PopupButton>
  );
}

interface MenuItemsProps {
  readonly label: string;
  readonly items: readonly MenuItem[];
  readonly onClose: () => void;
}

function MenuItems({ label, items, onClose }: MenuItemsProps): ReactNode {
  const root = useRef<HTMLDivElement>(null);
  const itemElements = (): HTMLElement[] => [...(root.current?.querySelectorAll<HTMLElement>('[role=menuitem]') ?? [])];
  useEffect(() => itemElements()[0]?.focus({ preventScroll: true }), []);

  const onKeyDown = (event: KeyboardEvent): void => {
    // The list behind it has the same keys.
    event.stopPropagation();
    if (event.key === 'Tab') return onClose();
    const elements = itemElements();
    const at = elements.indexOf(document.activeElement as HTMLElement);
    const last = elements.length - 1;
    const to = { ArrowDown: at === last ? 0 : at + 1, ArrowUp: at <= 0 ? last : at - 1, Home: 0, End: last }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      elements[to]?.focus();
    } else if (event.key.length === 1 && event.key !== ' ') {
      const letter = event.key.toLowerCase();
      const ordered = [...elements.slice(at + 1), ...elements.slice(0, at + 1)];
      ordered.find((element) => element.textContent.trim().toLowerCase().startsWith(letter))?.focus();
    }
  };

  return (
    <div role="menu" aria-label={label} ref={root} onKeyDown={onKeyDown}>
      {items.map(({ key, label: text, icon, isDangerous = false, run }) => (
        <button
          key={key}
          type="button"
          role="menuitem"
          tabIndex={-1}
          className="tidings-menu-item"
          data-danger={isDangerous || undefined}
          onClick={() => {
            onClose();
            run();
          }}
        >
          {icon !== undefined && <Icon name={icon} isDirectional={icon === 'reply'} />}
          {text}
        </button>
      ))}
    </div>
  );
}
