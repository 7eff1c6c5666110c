/** Asks before something that cannot be taken back. */
import { useEffect, useId, useRef, type ReactNode } from 'react';
import { useLabels } from '../context.ts';

export interface ConfirmDialogProps {
  readonly question: string;
  readonly confirmLabel: string;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
  /** What it is about. */
  readonly children?: ReactNode;
}

export function ConfirmDialog({ question, confirmLabel, onConfirm, onClose, children }: ConfirmDialogProps): ReactNode {
  const labels = useLabels();
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  useEffect(() => {
    // It goes with the element; closing it here would tell `onClose` of it when effects run twice.
    if (dialog.current?.open === false) dialog.current.showModal();
  }, []);
  return (
    <dialog
      ref={dialog}
      className="tidings-dialog"
      aria-labelledby={title}
      onClose={onClose}
      onKeyDown={(event) => event.stopPropagation()}
    >
      <h2 className="tidings-dialog-title" id={title}>
        {question}
      </h2>
      {children}
      <div className="tidings-dialog-buttons">
        <button type="button" className="tidings-button" autoFocus onClick={onClose}>
          {labels.cancel}
        </button>
        <button
          type="button"
          className="tidings-button tidings-button-danger"
          onClick={() => {
            onConfirm();
            onClose();
          }}
        >
          {confirmLabel}
        </button>
      </div>
    </dialog>
  );
}
