/**
 * Which option of a list is meant while somebody types in the field above it: by the arrows, the pointer, or because it
 * is the first. It stays the same one when others come. By the pattern of the ARIA Authoring Practices for a combobox.
 */
import { useState, type KeyboardEvent } from 'react';

export interface ActiveOption {
  /** Its place in the list; -1: none. */
  readonly active: number;
  /** The option at this place is meant. */
  mean(at: number): void;
  /** Nothing was chosen yet: after another letter. */
  reset(): void;
  onKeyDown(event: KeyboardEvent): void;
}

export interface ActiveOptionInput {
  /** What is in the list, in its order; each once. */
  readonly keys: readonly string[];
  /** Whether the first one is meant as long as nobody says otherwise. */
  readonly isFirstMeant: boolean;
  /** The return key was pressed on it. */
  choose(at: number): void;
}

export function useActiveOption({ keys, isFirstMeant, choose }: ActiveOptionInput): ActiveOption {
  const [meant, mean] = useState<string>();
  const at = meant === undefined ? -1 : keys.indexOf(meant);
  const active = at >= 0 || !isFirstMeant || keys.length === 0 ? at : 0;
  const move = (to: number): void => mean(keys[(to + keys.length) % keys.length]);
  return {
    active,
    mean: (to) => mean(keys[to]),
    reset: () => mean(undefined),
    onKeyDown(event) {
      if (event.nativeEvent.isComposing || keys.length === 0) return;
      if (event.key === 'ArrowDown') move(active + 1);
      else if (event.key === 'ArrowUp') move(active < 0 ? -1 : active - 1);
      else if (event.key === 'Enter' && active >= 0) choose(active);
      else return;
      event.preventDefault();
    },
  };
}
