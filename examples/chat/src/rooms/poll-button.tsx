/** Asks everybody in the room, beside the other buttons of the composer. */
import { useState, type ReactNode } from 'react';
import { Icon, PollComposer } from '@tidings/react';
import { Dialog } from '../shell/dialog.tsx';
import { useWords } from '../words/use-words.ts';

export function PollButton(): ReactNode {
  const words = useWords();
  const [isOpen, setOpen] = useState(false);
  const close = (): void => setOpen(false);
  return (
    <>
      <button
        type="button"
        className="tidings-icon-button"
        aria-label={words.createPoll}
        title={words.createPoll}
        onClick={() => setOpen(true)}
      >
        <Icon name="poll" />
      </button>
      {isOpen && (
        <Dialog title={words.createPoll} onClose={close}>
          <PollComposer onDone={close} />
        </Dialog>
      )}
    </>
  );
}
