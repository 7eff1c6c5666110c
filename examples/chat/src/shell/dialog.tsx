/** A window over the page. The element of the browser keeps the keyboard in it, and gives it back to where it was. */
import { useId, useLayoutEffect, useRef, type ReactNode } from 'react';
import { CloseButton } from './close-button.tsx';

export interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
  /** Wide ones hold lists. */
  readonly size?: 'small' | 'wide';
  /** The title is for screen readers alone. */
  readonly isTitleHidden?: boolean;
}

export function Dialog({ title, onClose, children, size = 'small', isTitleHidden = false }: DialogProps): ReactNode {
  const ref = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useLayoutEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    // What is written into comes first; React's own `autoFocus` comes before the window is there.
    dialog?.querySelector<HTMLElement>('input:not([type="checkbox"])')?.focus();
    // Before it leaves the page, or the keyboard is not given back.
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      className="app-dialog"
      data-size={size}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      // What lies around it is the element itself.
      onClick={(event) => event.target === ref.current && onClose()}
    >
      <div className="app-dialog-body">
        <header className={isTitleHidden ? 'tidings-sr-only' : 'app-dialog-head'}>
          <h2 id={titleId}>{title}</h2>
          {!isTitleHidden && <CloseButton onClose={onClose} />}
        </header>
        {children}
      </div>
    </dialog>
  );
}
