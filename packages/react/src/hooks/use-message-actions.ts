/** What can be done with a message, as items of a menu. */
import type { MessageView } from '@tidings/client';
import type { MenuItem } from '../components/menu.tsx';
import { useLabels } from '../context.ts';
import { useConversation } from '../conversation.ts';
import { messagePermissions, type MessagePermissions } from '../permissions.ts';
import { useOpenRoomView } from './use-room.ts';

export interface MessageActions {
  readonly permissions: MessagePermissions;
  /** Undefined where there are no threads: the message is in one, or they are not shown. */
  readonly openThread: (() => void) | undefined;
  reply(): void;
  readonly items: readonly MenuItem[];
}

/**
 * @param askDelete is called before a message is deleted for all.
 */
export function useMessageActions(message: MessageView, askDelete: () => void): MessageActions {
  const labels = useLabels();
  const conversation = useConversation();
  const view = useOpenRoomView(conversation.room);
  const permissions = messagePermissions(message, view);
  const { seq } = message;
  const { room, attempt, compose } = conversation;
  const canThread = conversation.openThread !== undefined && conversation.thread === undefined && permissions.canReact;
  const openThread = canThread && seq !== undefined ? () => conversation.openThread?.(seq) : undefined;
  const reply = (): void => compose({ kind: 'reply', message });

  const items: MenuItem[] = [];
  const offer = (isOffered: boolean, item: MenuItem): void => void (isOffered && items.push(item));
  offer(permissions.canReply, { key: 'reply', label: labels.reply, icon: 'reply', run: reply });
  offer(openThread !== undefined, {
    key: 'thread',
    label: labels.replyInThread,
    icon: 'thread',
    run: () => openThread?.(),
  });
  offer(permissions.canEdit, {
    key: 'edit',
    label: labels.edit,
    icon: 'edit',
    run: () => compose({ kind: 'edit', message }),
  });
  // Browsers have one only on pages with HTTPS.
  const hasClipboard = 'clipboard' in navigator;
  offer(hasClipboard && message.text !== '' && !message.isDeleted, {
    key: 'copy',
    label: labels.copyText,
    icon: 'copy',
    run: () => attempt(navigator.clipboard.writeText(message.text)),
  });
  if (seq !== undefined) {
    const isPinned = message.message?.pinnedAt !== undefined;
    offer(permissions.canPin, {
      key: 'pin',
      label: isPinned ? labels.unpin : labels.pin,
      icon: 'pin',
      run: () => attempt(isPinned ? room.unpin(seq) : room.pin(seq)),
    });
    offer(permissions.canMarkUnread, {
      key: 'unread',
      label: labels.markUnread,
      icon: 'unread',
      run: () => attempt(room.markUnread(seq)),
    });
    offer(permissions.canDelete, {
      key: 'delete',
      label: labels.delete,
      icon: 'trash',
      isDangerous: true,
      run: askDelete,
    });
  }
  return { permissions, openThread, reply, items };
}
