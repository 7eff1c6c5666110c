/**
 * Work that mostly goes along with that of others, and sometimes finds that it must count or look up what others may be
 * changing in the same transaction: then it is run again by itself.
 */
import type { ChatTransaction, ChatWriter, Needs } from './chat-writer.ts';

class NotAlone extends Error {}

/**
 * @param work calls `beAlone` before it reads what only work that runs alone may rely on; it does not return if it is not.
 * @throws what `work` threw, and what the writer throws.
 */
export async function runAloneIfAsked<T>(
  writer: ChatWriter,
  needs: Needs,
  work: (tx: ChatTransaction, beAlone: () => void) => Promise<T>,
): Promise<T> {
  try {
    return await writer.run(needs, (tx) =>
      work(tx, () => {
        throw new NotAlone('run again');
      }),
    );
  } catch (error) {
    if (!(error instanceof NotAlone)) throw error;
    return writer.run({ ...needs, alone: true }, (tx) => work(tx, () => {}));
  }
}
