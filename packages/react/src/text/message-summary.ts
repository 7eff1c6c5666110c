/** What a message says in one line without marks: in lists, quotes and for screen readers. */
import type { Message, MessageView } from '@tidings/client';
import type { Labels } from '../labels.ts';
import { plainText } from './plain-text.ts';

type Summarised = Pick<Message, 'kind' | 'text' | 'attachments' | 'poll' | 'deletedAt'>;

export function messageSummary(message: Summarised, labels: Labels): string {
  if (message.deletedAt !== undefined) return labels.deleted;
  if (message.kind === 'hidden') return '';
  if (message.poll !== undefined) return `${labels.poll}: ${message.poll.question}`;
  if (message.text !== undefined && message.text !== '') return plainText(message.text);
  const [first] = message.attachments ?? [];
  if (first === undefined) return '';
  return first.contentType.startsWith('image/') ? labels.photo : first.name;
}

/** The same for a message of a timeline, whether it has reached the server or not. */
export function viewSummary(view: MessageView, labels: Labels): string {
  if (view.isDeleted) return labels.deleted;
  if (view.message !== undefined) return messageSummary(view.message, labels);
  if (view.text !== '') return plainText(view.text);
  const [first] = view.uploads;
  if (first === undefined) return '';
  return first.contentType.startsWith('image/') ? labels.photo : first.name;
}
