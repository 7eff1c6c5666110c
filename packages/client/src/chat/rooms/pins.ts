/** The pinned messages of a room, the latest pinned first: read when somebody watches, then kept up to date by changes. */
import { WatchedStore } from '../../watched-store.ts';
import type { ChatContext } from '../chat-context.ts';
import type { Message } from '../publications.ts';
import { newerOf } from '../timeline/stretch.ts';

/** The server lets a room have so many. */
const maxPins = 100;

export class Pins {
  readonly view: WatchedStore<readonly Message[]>;
  readonly #context: ChatContext;
  readonly #room: string;
  #isLoaded = false;
  #meanwhile: Message[] | undefined;

  constructor(context: ChatContext, room: string) {
    this.#context = context;
    this.#room = room;
    this.view = new WatchedStore<readonly Message[]>([], () => void this.#load());
  }

  /** What changed meanwhile was not told. */
  reload(): void {
    this.#isLoaded = false;
    this.#meanwhile = undefined;
    if (this.view.isWatched) void this.#load();
  }

  receive(messages: readonly Message[]): void {
    this.#meanwhile?.push(...messages);
    if (this.#isLoaded) this.view.update((pins) => messages.reduce(withPin, pins));
  }

  async #load(): Promise<void> {
    if (this.#isLoaded || this.#meanwhile) return;
    const meanwhile: Message[] = [];
    this.#meanwhile = meanwhile;
    try {
      const { messages } = await this.#context.call('pins', { room: this.#room, limit: maxPins });
      if (this.#meanwhile !== meanwhile) return;
      this.#isLoaded = true;
      this.view.set(meanwhile.reduce(withPin, messages));
    } catch {
      // Read when the room is live again, or watched anew.
    } finally {
      if (this.#meanwhile === meanwhile) this.#meanwhile = undefined;
    }
  }
}

function withPin(pins: readonly Message[], message: Message): readonly Message[] {
  const known = pins.find(({ seq }) => seq === message.seq);
  if (known && newerOf(known, message) === known) return pins;
  if (!known && message.pinnedAt === undefined) return pins;
  const others = pins.filter((pin) => pin !== known);
  if (message.pinnedAt === undefined) return others;
  return [...others, message].toSorted((a, b) => (b.pinnedAt ?? 0) - (a.pinnedAt ?? 0) || b.seq - a.seq);
}
