/** The files that will go with the next message: chosen, pasted or dropped. */
import { useEffect, useRef, useState } from 'react';
import { useFormats, useLabels } from '../context.ts';

export interface PickedFile {
  readonly key: string;
  readonly file: File;
  /** For showing a picture. */
  readonly url: string | undefined;
}

export interface Files {
  readonly files: readonly PickedFile[];
  /** Why one was not taken. */
  readonly problem: string | undefined;
  add(files: readonly File[]): void;
  remove(key: string): void;
  clear(): void;
}

export function useFiles(maxFiles: number, maxFileBytes: number): Files {
  const labels = useLabels();
  const formats = useFormats();
  const [files, setFiles] = useState<readonly PickedFile[]>([]);
  const [problem, setProblem] = useState<string>();
  /** Keys are counted: browsers make up random ones only on pages with HTTPS. */
  const lastKey = useRef(0);
  const urls = useRef(new Set<string>());

  const release = (url: string | undefined): void => {
    if (url === undefined) return;
    urls.current.delete(url);
    URL.revokeObjectURL(url);
  };
  useEffect(() => {
    const held = urls.current;
    return () => {
      for (const url of held) URL.revokeObjectURL(url);
      held.clear();
    };
  }, []);

  return {
    files,
    problem,
    add(added) {
      setProblem(undefined);
      const next = [...files];
      for (const file of added) {
        if (next.length >= maxFiles) {
          setProblem(labels.tooManyFiles(maxFiles));
          break;
        }
        if (file.size > maxFileBytes) {
          setProblem(labels.fileTooLarge(file.name, formats.bytes(maxFileBytes)));
          continue;
        }
        const url = file.type.startsWith('image/') ? URL.createObjectURL(file) : undefined;
        if (url !== undefined) urls.current.add(url);
        next.push({ key: String(++lastKey.current), file, url });
      }
      setFiles(next);
    },
    remove(key) {
      release(files.find((picked) => picked.key === key)?.url);
      setProblem(undefined);
      setFiles(files.filter((picked) => picked.key !== key));
    },
    clear() {
      for (const { url } of files) release(url);
      setFiles([]);
      setProblem(undefined);
    },
  };
}
