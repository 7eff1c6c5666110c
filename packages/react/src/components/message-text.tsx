/** The words of a message as React elements: never as HTML, and no address but http and https is a link. */
import type { Message } from '@tidings/client';
import { Fragment, useMemo, useState, type ReactNode } from 'react';
import { classNames } from '../class-names.ts';
import { useLabels } from '../context.ts';
import { useMe, useUsers } from '../hooks/use-chat.ts';
import { emojiOnly } from '../text/emoji-only.ts';
import { parseMarkdown, type BlockNode, type InlineNode } from '../text/markdown.ts';

export interface MessageTextProps {
  readonly text: string;
  readonly mentions?: Message['mentions'];
  /** Whether links can be reached by the Tab key. */
  readonly isReachable?: boolean;
  /** Characters that are shown at first; the rest comes with a click. */
  readonly maxLength?: number;
  readonly className?: string;
}

const noUsers: readonly string[] = [];

/** The text of a message: links, mentions, code and emphasis. */
export function MessageText(props: MessageTextProps): ReactNode {
  const { text, mentions, isReachable = true, maxLength = 3000, className } = props;
  const labels = useLabels();
  const me = useMe();
  const ids = mentions?.users ?? noUsers;
  const users = useUsers(ids);
  const [isWhole, setWhole] = useState(false);
  const isLong = text.length > maxLength * 1.2;
  const shown = isLong && !isWhole ? cutAt(text, maxLength) : text;

  const blocks = useMemo(() => {
    const names = ids.flatMap((id, i) => [id, users[i]?.name ?? id]);
    return parseMarkdown(shown, [...names, ...(mentions?.here ? ['here'] : []), ...(mentions?.room ? ['room'] : [])]);
  }, [shown, mentions, ids, users]);

  const isMe = (name: string): boolean => {
    const said = name.toLowerCase();
    if (said === 'here' || said === 'room') return true;
    return ids.some((id, i) => id === me && [id, users[i]?.name].some((known) => known?.toLowerCase() === said));
  };
  const context: RenderContext = { isMe, tabIndex: isReachable ? undefined : -1 };
  const emoji = emojiOnly(text);
  return (
    <div className={classNames('tidings-text', className)} dir="auto" data-emoji={emoji > 0 ? emoji : undefined}>
      {blocks.map((block, i) => (
        <Fragment key={i}>{renderBlock(block, context)}</Fragment>
      ))}
      {isLong && (
        <button
          type="button"
          className="tidings-link-button"
          aria-expanded={isWhole}
          tabIndex={context.tabIndex}
          onClick={() => setWhole(!isWhole)}
        >
          {isWhole ? labels.showLess : labels.showMore}
        </button>
      )}
    </div>
  );
}

interface RenderContext {
  isMe(name: string): boolean;
  readonly tabIndex: number | undefined;
}

function renderBlock(block: BlockNode, context: RenderContext): ReactNode {
  if (block.kind === 'code') {
    return (
      // Long lines are scrolled, by keyboard too.
      <pre className="tidings-code-block" dir="ltr" tabIndex={context.tabIndex ?? 0} data-language={block.language}>
        <code>{block.text}</code>
      </pre>
    );
  }
  const children = block.children.map((node, i) => <Fragment key={i}>{renderInline(node, context)}</Fragment>);
  return block.kind === 'quote' ? (
    <blockquote className="tidings-text-quote">{children}</blockquote>
  ) : (
    <p className="tidings-paragraph">{children}</p>
  );
}

function renderInline(node: InlineNode, context: RenderContext): ReactNode {
  const inside = (children: readonly InlineNode[]): ReactNode =>
    children.map((child, i) => <Fragment key={i}>{renderInline(child, context)}</Fragment>);
  switch (node.kind) {
    case 'text':
      return node.text;
    case 'bold':
      return <strong>{inside(node.children)}</strong>;
    case 'italic':
      return <em>{inside(node.children)}</em>;
    case 'struck':
      return <s>{inside(node.children)}</s>;
    case 'code':
      return (
        <code className="tidings-code" dir="ltr">
          {node.text}
        </code>
      );
    case 'link':
      return (
        <a href={node.url} target="_blank" rel="noopener noreferrer nofollow ugc" tabIndex={context.tabIndex}>
          {node.text}
        </a>
      );
    case 'mention':
      return (
        <span className="tidings-mention" data-me={context.isMe(node.name) || undefined}>
          {node.text}
        </span>
      );
  }
}

/** Not in the middle of a word, and never in the middle of a character. */
function cutAt(text: string, length: number): string {
  const space = text.lastIndexOf(' ', length);
  const end = space > length * 0.8 ? space : length;
  const cut = text.slice(0, end);
  return `${/[\ud800-\udbff]$/u.test(cut) ? cut.slice(0, -1) : cut}…`;
}
