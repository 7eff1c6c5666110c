/** An outbox in memory, one message after the other. */
import type { Clock } from '../../clock.ts';
import type { Connection } from '../../connection/connection.ts';
import { TidingsError } from '../../error.ts';
import { WritableStore } from '../../store.ts';
import type { ChatOutput } from '../chat.ts';
import type { Outbox, OutboxEntry } from '../outbox/outbox.ts';
import type { Message } from '../publications.ts';

export function createPlainOutbox(connection: Connection, clock: Clock): Outbox {
  const entries = new WritableStore<readonly OutboxEntry[]>([]);
  const listeners = new Set<(message: Message) => void>();
  let isSending = false;

  const replace = (clientId: string, change: (entry: OutboxEntry) => readonly OutboxEntry[]): void =>
    entries.update((all) => all.flatMap((entry) => (entry.clientId === clientId ? change(entry) : [entry])));

  const send = async (): Promise<void> => {
    if (isSending || connection.state.get().status !== 'online') return;
    const next = entries.get().find(({ failure }) => !failure);
    if (!next) return;
    isSending = true;
    const { room, clientId, threadSeq, content } = next;
    try {
      const place = { room, clientId, ...(threadSeq !== undefined && { threadSeq }) };
      const { message } = await connection.call<ChatOutput<'send'>>('chat.send', { ...content, ...place });
      for (const listener of [...listeners]) listener(message);
      replace(clientId, () => []);
    } catch (error) {
      const failure = error instanceof TidingsError ? error : TidingsError.of('invalid', String(error));
      if (!failure.isTemporary) replace(clientId, (entry) => [{ ...entry, failure }]);
      else if (connection.state.get().status === 'online') clock.setTimeout(() => void send(), 1_000);
      return;
    } finally {
      isSending = false;
    }
    void send();
  };

  const stop = connection.state.subscribe(() => void send());
  return {
    entries,
    async add(room, clientId, outgoing, threadSeq) {
      const { files: _, ...content } = outgoing;
      const place = threadSeq === undefined ? {} : { threadSeq };
      entries.update((all) => [...all, { room, clientId, createdAt: clock.now(), content, uploads: [], ...place }]);
      void send();
    },
    retry(clientId) {
      replace(clientId, (failed) => {
        const { failure: _, ...entry } = failed;
        return [entry];
      });
      void send();
    },
    discard: (clientId) => replace(clientId, () => []),
    onSent(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async [Symbol.asyncDispose]() {
      stop();
    },
  };
}
