/** Files that are dropped anywhere on the conversation. */
import { useEffect, useRef, useState, type RefObject } from 'react';

/**
 * @param inside the element within the conversation; the conversation is what takes the files.
 * @returns whether files are held above it right now.
 */
export function useFileDrop(
  inside: RefObject<HTMLElement | null>,
  isEnabled: boolean,
  onFiles: (files: readonly File[]) => void,
): boolean {
  const [isOver, setOver] = useState(false);
  const latest = useRef(onFiles);
  useEffect(() => {
    latest.current = onFiles;
  });
  useEffect(() => {
    const area = inside.current?.closest('.tidings-room, .tidings-thread') ?? inside.current;
    if (!isEnabled || area === null || area === undefined) return undefined;
    // Entering a child comes before leaving its parent.
    let depth = 0;
    const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false;
    const enter = (event: Event): void => {
      if (!hasFiles(event as DragEvent)) return;
      depth++;
      setOver(true);
    };
    const leave = (event: Event): void => {
      if (hasFiles(event as DragEvent) && --depth <= 0) setOver(false);
    };
    const over = (event: Event): void => {
      if (hasFiles(event as DragEvent)) event.preventDefault();
    };
    const drop = (event: Event): void => {
      if (!hasFiles(event as DragEvent)) return;
      event.preventDefault();
      depth = 0;
      setOver(false);
      latest.current([...((event as DragEvent).dataTransfer?.files ?? [])]);
    };
    const listeners = { dragenter: enter, dragleave: leave, dragover: over, drop };
    for (const [name, listener] of Object.entries(listeners)) area.addEventListener(name, listener);
    return () => {
      for (const [name, listener] of Object.entries(listeners)) area.removeEventListener(name, listener);
    };
  }, [inside, isEnabled]);
  return isOver;
}
