/** Finds messages. */
import type { ReactNode } from 'react';
import type { SearchResult } from '../hooks/use-search.ts';

export interface SearchPanelProps {
  /** Only in this room; in all without it. */
  readonly room?: string | undefined;
  readonly onSelect: (result: SearchResult) => void;
  readonly onClose?: () => void;
  readonly renderResult?: (result: SearchResult) => ReactNode;
  readonly className?: string;
}

export function SearchPanel(_: SearchPanelProps): ReactNode {
  return null;
}
