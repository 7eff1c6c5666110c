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
    if (!isEnabled || inside.current === null) return undefined;
    const conversation = conversationAround(inside.current);
    const area = conversation ?? inside.current;
    // Entering a child comes before leaving its parent.
    let depth = 0;
    // A thread may stand within the room: what is above it is not for the room, whether or not the thread takes it.
    const isForThis = (event: DragEvent): boolean =>
      event.dataTransfer?.types.includes('Files') === true && conversationAround(event.target as Node) === conversation;
    const enter = (event: Event): void => {
      if (!isForThis(event as DragEvent)) return;
      depth++;
      setOver(true);
    };
    const leave = (event: Event): void => {
      if (isForThis(event as DragEvent) && --depth <= 0) setOver(false);
    };
    const over = (event: Event): void => {
      if (isForThis(event as DragEvent)) event.preventDefault();
    };
    const drop = (event: Event): void => {
      if (!isForThis(event as DragEvent)) return;
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

/** The innermost conversation that a node stands in; a node of text is a target too. */
function conversationAround(node: Node): Element | null {
  const element = node instanceof Element ? node : node.parentElement;
  return element?.closest('.tidings-room, .tidings-thread') ?? null;
}
