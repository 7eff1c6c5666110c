/** Tells a room that the user is typing: at the first keystroke, then at most every 2 s, and when nothing is left. */
import type { ChatContext } from '../chat-context.ts';

const everyMs = 2_000;

export class TypingSignal {
  readonly #context: ChatContext;
  readonly #place: { readonly room: string; readonly threadSeq?: number };
  #toldAtMs: number | undefined;

  constructor(context: ChatContext, room: string, threadSeq: number | undefined) {
    this.#context = context;
    this.#place = { room, ...(threadSeq !== undefined && { threadSeq }) };
  }

  set(text: string): void {
    const nowMs = this.#context.clock.now();
    if (text === '') {
      if (this.#toldAtMs !== undefined) this.#tell({ ...this.#place, stopped: true });
      this.#toldAtMs = undefined;
      return;
    }
    if (this.#toldAtMs !== undefined && nowMs - this.#toldAtMs < everyMs) return;
    this.#toldAtMs = nowMs;
    this.#tell(this.#place);
  }

  /** The message says it for itself. */
  sent(): void {
    this.#toldAtMs = undefined;
  }

  #tell(input: { readonly room: string; readonly threadSeq?: number; readonly stopped?: boolean }): void {
    // Nobody misses one that does not arrive.
    this.#context.call('typing', input).catch(() => undefined);
  }
}
