/** What an application keeps with a room or a user, as it is stored. */
import { ChatError } from './chat-error.ts';

/**
 * @param data a JSON value that was checked; null clears.
 * @throws ChatError tooLarge.
 */
export function toStoredJson(data: unknown, maxBytes: number): string | null {
  if (data === null || data === undefined) return null;
  const json = JSON.stringify(data);
  const bytes = Buffer.byteLength(json);
  if (bytes > maxBytes) throw new ChatError('tooLarge', `data has ${bytes} bytes; at most ${maxBytes}`);
  return json;
}
