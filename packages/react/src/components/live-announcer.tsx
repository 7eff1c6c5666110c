/** Says new messages of others to screen readers, politely: the list itself says nothing, since scrolling fills it too. */
import type { MessagesView } from '@tidings/client';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { useLabels } from '../context.ts';
import { useChat } from '../hooks/use-chat.ts';
import { viewSummary } from '../text/message-summary.ts';

/** When many come at once, the last ones are said. */
const maxAtOnce = 3;

export function LiveAnnouncer({ view }: { readonly view: MessagesView }): ReactNode {
  const labels = useLabels();
  const chat = useChat();
  const [said, setSaid] = useState({ seq: 0, words: '' });
  const saidUpTo = useRef<number>(undefined);

  useEffect(() => {
    const last = view.messages.findLast(({ seq }) => seq !== undefined)?.seq;
    const before = saidUpTo.current;
    // What was there when it was opened, and what one scrolls to, is not news.
    if (view.status !== 'live' || view.hasAfter) {
      saidUpTo.current = undefined;
      return;
    }
    saidUpTo.current = last ?? 0;
    if (before === undefined || last === undefined || last <= before) return;
    const news: string[] = [];
    for (let i = view.messages.length - 1; i >= 0 && news.length < maxAtOnce; i--) {
      const message = view.messages[i];
      if (message?.seq === undefined) continue;
      if (message.seq <= before) break;
      if (message.isOwn || message.message?.kind === 'hidden') continue;
      const name = chat.user(message.sender).get()?.name ?? message.sender;
      news.unshift(labels.announce(name, viewSummary(message, labels)));
    }
    if (news.length > 0) setSaid({ seq: last, words: news.join('\n') });
  }, [view, chat, labels]);

  return (
    <div className="tidings-sr-only" aria-live="polite">
      {/* Another element each time: the same words once more are news too. */}
      <span key={said.seq}>{said.words}</span>
    </div>
  );
}
