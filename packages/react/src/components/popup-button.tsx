/** A button that opens something small beside itself, and closes it again. */
import { useRef, useState, type ReactNode } from 'react';
import { Icon, type IconName } from './icon.tsx';
import { Popup } from './popup.tsx';

export interface PopupButtonProps {
  /** What the button is called, and what it opens. */
  readonly label: string;
  readonly icon: IconName;
  readonly className: string;
  readonly tabIndex?: number | undefined;
  /** What opens, as ARIA calls it. Arrows open a menu, too. */
  readonly kind: 'menu' | 'dialog';
  readonly onOpenChange?: ((isOpen: boolean) => void) | undefined;
  readonly children: (close: () => void) => ReactNode;
}

export function PopupButton(props: PopupButtonProps): ReactNode {
  const { label, icon, className, tabIndex, kind, onOpenChange, children } = props;
  const button = useRef<HTMLButtonElement>(null);
  const [isOpen, setOpen] = useState(false);
  const open = (next: boolean): void => {
    if (next === isOpen) return;
    setOpen(next);
    onOpenChange?.(next);
  };
  const close = (): void => open(false);
  return (
    <>
      <button
        ref={button}
        type="button"
        className={className}
        aria-label={label}
        title={label}
        aria-haspopup={kind}
        aria-expanded={isOpen}
        tabIndex={tabIndex}
        onClick={() => open(!isOpen)}
        onKeyDown={(event) => {
          if (kind !== 'menu' || (event.key !== 'ArrowDown' && event.key !== 'ArrowUp')) return;
          event.preventDefault();
          event.stopPropagation();
          open(true);
        }}
      >
        <Icon name={icon} />
      </button>
      {isOpen && (
        <Popup anchor={button} onClose={close} {...(kind === 'menu' && { className: 'tidings-menu' })}>
          {children(close)}
        </Popup>
      )}
    </>
  );
}
