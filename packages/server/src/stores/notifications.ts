/** Who listens to which topic, and how a topic and its payload travel as one text. */
import type { Logger } from '../lib/logger.ts';

/** PostgreSQL takes less than 8,000 bytes; both databases keep to it. */
const maxNotificationBytes = 7_999;
const maxTopicLength = 200;

export type NotifyListener = (payload: string) => void;

export class TopicListeners {
  readonly #logger: Logger;
  readonly #byTopic = new Map<string, Set<NotifyListener>>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @returns takes the listener off. */
  add(topic: string, listener: NotifyListener): () => void {
    checkTopic(topic);
    // Its own function: the same listener may be added twice.
    const own: NotifyListener = (payload) => listener(payload);
    const listeners = this.#byTopic.get(topic) ?? new Set();
    this.#byTopic.set(topic, listeners.add(own));
    return () => {
      listeners.delete(own);
      if (listeners.size === 0 && this.#byTopic.get(topic) === listeners) this.#byTopic.delete(topic);
    };
  }

  /** Tells those of the topic in a text of `encodeNotification`. */
  tell(encoded: string): void {
    const end = encoded.indexOf('\n');
    const topic = encoded.slice(0, end);
    for (const listener of [...(this.#byTopic.get(topic) ?? [])]) this.#call(topic, listener, encoded.slice(end + 1));
  }

  /** Tells all, with an empty payload, that something may have been missed. */
  tellAll(): void {
    for (const [topic, listeners] of [...this.#byTopic]) {
      for (const listener of [...listeners]) this.#call(topic, listener, '');
    }
  }

  /** Takes all off. */
  clear(): void {
    for (const listeners of this.#byTopic.values()) listeners.clear();
    this.#byTopic.clear();
  }

  #call(topic: string, listener: NotifyListener, payload: string): void {
    try {
      listener(payload);
    } catch (error) {
      this.#logger.error({ topic, err: error }, 'a listener to the database failed');
    }
  }
}

/**
 * Topic and payload as one text; without the payload if that is too long.
 * @throws TypeError for a topic or payload that PostgreSQL would not take.
 */
export function encodeNotification(topic: string, payload: string): string {
  checkTopic(topic);
  if (payload.includes('\0')) throw new TypeError('the payload of a notification has a NUL character');
  const encoded = `${topic}\n${payload}`;
  return Buffer.byteLength(encoded) > maxNotificationBytes ? `${topic}\n` : encoded;
}

function checkTopic(topic: string): void {
  if (topic !== '' && topic.length <= maxTopicLength && !/[\n\0]/.test(topic)) return;
  throw new TypeError(
    `the topic ${JSON.stringify(topic.slice(0, 64))} is not 1 to ${maxTopicLength} characters on a line`,
  );
}
