/**
 * The tabs of one user in one browser: they hear each other, and agree on who does what only one should do. A tab dies
 * without saying so, and may be frozen for a while; what it led is then another's.
 *
 * Law: nothing that counts may depend on there being only one leader. Two may lead for a moment, and the work must come
 * out right all the same; leading only saves doing it twice.
 *
 * Implementations: `browser-tabs.ts`, `single-tab.ts`.
 */
import type { Store } from '../store.ts';

/** Once it is closed it says nothing to the others, hears nothing, and claims nothing. */
export interface Tabs extends AsyncDisposable {
  /** There are no others, and never will be. */
  readonly isAlone: boolean;
  /** To all other tabs that are there now. `message` is what structured clone takes. */
  send(topic: string, message: unknown): void;
  /** @returns a function that ends it. */
  onMessage(topic: string, listener: (message: unknown) => void): () => void;
  /** Wants to lead what has this name, and does as soon as nobody else leads it. */
  lead(name: string): Leadership;
  /** Whether this tab is the first to want it; for about a minute nobody else is. */
  claim(name: string): Promise<boolean>;
}

export interface Leadership {
  readonly isLeader: Store<boolean>;
  /** Leads no longer and does not want to. */
  release(): void;
}
