/** Chooses files of the device. */
import { useRef, type ReactNode } from 'react';
import { useLabels } from '../context.ts';
import { Icon } from './icon.tsx';

export function FileButton({ onFiles }: { readonly onFiles: (files: readonly File[]) => void }): ReactNode {
  const labels = useLabels();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button
        type="button"
        className="tidings-icon-button tidings-composer-button"
        aria-label={labels.attachFiles}
        title={labels.attachFiles}
        onClick={() => input.current?.click()}
      >
        <Icon name="attach" />
      </button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label={labels.attachFiles}
        onChange={(event) => {
          onFiles([...(event.target.files ?? [])]);
          // So that the same file can be chosen again.
          event.target.value = '';
        }}
      />
    </>
  );
}
