/** The files that will go with the next message, with a look at the pictures among them. */
import type { ReactNode } from 'react';
import { useFormats, useLabels } from '../context.ts';
import type { PickedFile } from '../hooks/use-files.ts';
import { Icon } from './icon.tsx';

export interface PickedFilesProps {
  readonly files: readonly PickedFile[];
  readonly onRemove: (key: string) => void;
}

export function PickedFiles({ files, onRemove }: PickedFilesProps): ReactNode {
  const labels = useLabels();
  const formats = useFormats();
  if (files.length === 0) return null;
  return (
    <ul className="tidings-picked-files">
      {files.map(({ key, file, url }) => (
        <li key={key} className="tidings-picked-file">
          {url !== undefined ? (
            <img src={url} alt="" />
          ) : (
            <span className="tidings-file-icon">
              <Icon name="file" />
            </span>
          )}
          <span className="tidings-file-text">
            <span className="tidings-file-name">
              <bdi>{file.name}</bdi>
            </span>
            <span className="tidings-file-size">{formats.bytes(file.size)}</span>
          </span>
          <button
            type="button"
            className="tidings-icon-button"
            aria-label={labels.removeFile(file.name)}
            onClick={() => onRemove(key)}
          >
            <Icon name="close" />
          </button>
        </li>
      ))}
    </ul>
  );
}
