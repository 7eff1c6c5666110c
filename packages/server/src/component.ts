/**
 * What has a life time. The engine starts components in order and stops them in reverse.
 */

/**
 * Law: `start` resolves when the component serves, or throws and leaves nothing behind. `drain` stops taking new work
 * and finishes what is under way, or returns when `until` aborts. `stop` releases everything and never throws;
 * after it the component emits nothing. `stop` without `start`, and twice, does nothing.
 */
export interface Component {
  readonly name: string;
  start(): Promise<void>;
  drain?(until: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

/** Starts in order; when one fails, stops those already started, in reverse, and throws its error. */
export async function startAll(components: readonly Component[]): Promise<void> {
  const started: Component[] = [];
  try {
    for (const component of components) {
      await component.start();
      started.push(component);
    }
  } catch (error) {
    await stopAll(started);
    throw error;
  }
}

/** Drains in order, each until the signal aborts. */
export async function drainAll(components: readonly Component[], until: AbortSignal): Promise<void> {
  for (const component of components) {
    await component.drain?.(until);
  }
}

/** Stops in reverse order; one that fails does not keep the others from stopping. */
export async function stopAll(components: readonly Component[]): Promise<void> {
  for (const component of components.toReversed()) {
    await component.stop().catch(() => {});
  }
}
