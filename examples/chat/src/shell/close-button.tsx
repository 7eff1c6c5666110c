/** The cross that closes a window or a panel. */
import type { ReactNode } from 'react';
import { Icon } from '@tidings/react';
import { useWords } from '../words/use-words.ts';

export function CloseButton({ onClose }: { readonly onClose: (() => void) | undefined }): ReactNode {
  const { close } = useWords();
  return (
    <button type="button" className="app-icon-button" aria-label={close} title={close} onClick={onClose}>
      <Icon name="close" />
    </button>
  );
}
