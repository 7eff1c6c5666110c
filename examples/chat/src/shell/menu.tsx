/** A button with a menu below it, by the pattern of the ARIA Authoring Practices: arrows move, Escape goes back. */
import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';

export interface MenuItem {
  readonly label: string;
  readonly icon?: ReactNode;
  readonly onSelect: () => void;
  /** One of several to choose from. */
  readonly isChecked?: boolean;
  readonly isDanger?: boolean;
  readonly isDisabled?: boolean;
}

/** A group may have a heading. */
export interface MenuGroup {
  readonly heading?: string;
  readonly items: readonly MenuItem[];
}

export interface MenuProps {
  /** What the menu is called, and the button, if there is nothing but a picture on it. */
  readonly label: string;
  readonly isButtonNamed?: boolean;
  readonly button: ReactNode;
  readonly groups: readonly MenuGroup[];
  readonly className?: string;
  /** On which side of the button it lies. */
  readonly align?: 'start' | 'end';
}

export function Menu(props: MenuProps): ReactNode {
  const { label, isButtonNamed = false, button, groups, className = 'app-icon-button', align = 'end' } = props;
  const [isOpen, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const trigger = useRef<HTMLButtonElement>(null);
  const id = useId();
  const items = (): HTMLElement[] => [
    ...(root.current?.querySelectorAll<HTMLElement>('[role^="menuitem"]:not([aria-disabled="true"])') ?? []),
  ];

  useEffect(() => {
    if (!isOpen) return undefined;
    items()[0]?.focus();
    const onPointer = ({ target }: PointerEvent): void => {
      if (!root.current?.contains(target as Node)) setOpen(false);
    };
    document.addEventListener('pointerdown', onPointer);
    return () => document.removeEventListener('pointerdown', onPointer);
  }, [isOpen]);

  const close = (): void => {
    setOpen(false);
    trigger.current?.focus();
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    if (!isOpen) return;
    const all = items();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      all.at(to % all.length)?.focus();
    } else if (event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
      close();
    } else if (event.key === 'Tab') setOpen(false);
  };

  return (
    <div className="app-menu" ref={root} onKeyDown={onKeyDown}>
      <button
        ref={trigger}
        type="button"
        className={className}
        {...(!isButtonNamed && { 'aria-label': label, title: label })}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        onClick={() => setOpen(!isOpen)}
      >
        {button}
      </button>
      {isOpen && (
        <div className="app-menu-list" id={id} role="menu" aria-label={label} data-align={align}>
          {groups
            .filter((group) => group.items.length > 0)
            .map((group, i) => (
              <div key={i} className="app-menu-group" role="group" aria-label={group.heading}>
                {group.heading !== undefined && (
                  <span className="app-menu-heading" aria-hidden="true">
                    {group.heading}
                  </span>
                )}
                {group.items.map((item) => (
                  <Item key={item.label} item={item} onDone={close} />
                ))}
              </div>
            ))}
        </div>
      )}
    </div>
  );
}

function Item({ item, onDone }: { readonly item: MenuItem; readonly onDone: () => void }): ReactNode {
  const { label, icon, onSelect, isChecked, isDanger, isDisabled = false } = item;
  return (
    <button
      type="button"
      className="app-menu-item"
      role={isChecked === undefined ? 'menuitem' : 'menuitemradio'}
      aria-checked={isChecked}
      aria-disabled={isDisabled || undefined}
      data-danger={isDanger || undefined}
      tabIndex={-1}
      onClick={() => {
        if (isDisabled) return;
        onDone();
        onSelect();
      }}
    >
      <span className="app-menu-icon">{icon}</span>
      {label}
    </button>
  );
}
