/** Searching all conversations at once. */
import type { ReactNode } from 'react';
import { SearchPanel } from '@tidings/react';
import { useApp } from '../shell/app-context.ts';
import { Dialog } from '../shell/dialog.tsx';
import { useWords } from '../words/use-words.ts';

export function SearchDialog(): ReactNode {
  const words = useWords();
  const { router, open } = useApp();
  return (
    <Dialog title={words.searchEverywhere} size="wide" onClose={() => open(undefined)}>
      <SearchPanel
        onSelect={({ message: { room, seq, threadSeq } }) => {
          open(undefined);
          router.go(threadSeq === undefined ? { room, message: seq } : { room, panel: 'thread', thread: threadSeq });
        }}
      />
    </Dialog>
  );
}
