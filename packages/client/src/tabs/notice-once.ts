/**
 * Every tab hears of a message; the person is told once, and not at all while a tab shows that room. Nobody keeps a list
 * of tabs, which may be gone or frozen: they are asked. Who shows the room says so; else visible tabs come first, and the
 * first one to claim it tells.
 *
 * 1. A tab that shows the room tells the others that it was seen.
 * 2. Any other asks, and waits a moment, a hidden one longer than a visible one.
 * 3. If nobody has seen or told it by then, it claims it. One gets it, tells the person, and says so.
 */
import type { Clock } from '../clock.ts';
import type { Tabs } from './tabs.ts';

const visibleDelayMs = 120;
const hiddenDelayMs = 480;
/** Notices that are remembered as settled. */
const maxSettled = 500;
const topic = 'notice';

interface NoticeMessage {
  readonly key: string;
  /** Asks who shows it; otherwise it is settled. */
  readonly room?: string;
}

export interface NoticeOnceOptions {
  readonly tabs: Tabs;
  readonly clock: Clock;
  /** Whether the person sees this tab. */
  readonly isVisible: () => boolean;
  /** … and this room in it. */
  readonly showsRoom: (room: string) => boolean;
}

export class NoticeOnce implements Disposable {
  readonly #options: NoticeOnceOptions;
  readonly #settled = new Set<string>();
  readonly #stop: () => void;

  constructor(options: NoticeOnceOptions) {
    this.#options = options;
    this.#stop = options.tabs.onMessage(topic, (message) => this.#heard(message as NoticeMessage));
  }

  /**
   * Whether it is this tab that tells the person.
   * @param key the same in every tab; what has been decided stays so.
   */
  async decide(key: string, room: string): Promise<boolean> {
    const { tabs, clock, isVisible, showsRoom } = this.#options;
    if (this.#settled.has(key)) return false;
    if (showsRoom(room)) {
      this.#settle(key);
      return false;
    }
    if (!tabs.isAlone) {
      tabs.send(topic, { key, room } satisfies NoticeMessage);
      const delayMs = isVisible() ? visibleDelayMs : hiddenDelayMs;
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, delayMs));
      if (this.#settled.has(key) || !(await tabs.claim(`${topic}:${key}`))) return false;
    }
    // Decided twice in this tab, or heard while it was claimed.
    if (this.#settled.has(key)) return false;
    this.#settle(key);
    return true;
  }

  [Symbol.dispose](): void {
    this.#stop();
  }

  #heard({ key, room }: NoticeMessage): void {
    if (room === undefined) this.#remember(key);
    else if (this.#options.showsRoom(room)) this.#settle(key);
  }

  #settle(key: string): void {
    this.#remember(key);
    this.#options.tabs.send(topic, { key } satisfies NoticeMessage);
  }

  #remember(key: string): void {
    this.#settled.add(key);
    for (const oldest of this.#settled) {
      if (this.#settled.size <= maxSettled) break;
      this.#settled.delete(oldest);
    }
  }
}
