/** One channel of the connection, with everybody who listens to it: a server takes one subscription of a client. */
import type { Centrifuge, Subscription } from 'centrifuge';
import type { ChannelListener, ChannelPosition, ChannelSubscription } from './connection.ts';

export class CentrifugeChannel {
  readonly #centrifuge: Centrifuge;
  readonly #subscription: Subscription;
  readonly #listeners = new Set<ChannelListener>();
  readonly #onOver: () => void;
  #isLive = false;
  #position: ChannelPosition | undefined;

  /** @param onOver is called when nobody listens any more, or the server has ended it. */
  constructor(centrifuge: Centrifuge, name: string, since: ChannelPosition | undefined, onOver: () => void) {
    this.#centrifuge = centrifuge;
    this.#onOver = onOver;
    // One that is being left is still registered until it is removed.
    const old = centrifuge.getSubscription(name);
    if (old) centrifuge.removeSubscription(old);
    this.#subscription = centrifuge.newSubscription(name, since ? { since } : {});
    this.#listen();
    this.#subscription.subscribe();
  }

  add(listener: ChannelListener): ChannelSubscription {
    this.#listeners.add(listener);
    if (this.#isLive) {
      const position = this.#position;
      queueMicrotask(() => {
        if (this.#isLive && this.#listeners.has(listener)) listener.subscribed({ recovered: false, position });
      });
    }
    const isLive = (): boolean => this.#isLive && this.#listeners.has(listener);
    return {
      get isLive() {
        return isLive();
      },
      unsubscribe: () => {
        if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return;
        this.#end();
      },
    };
  }

  #listen(): void {
    const subscription = this.#subscription;
    subscription.on('subscribed', ({ recovered, streamPosition }) => {
      this.#isLive = true;
      this.#position = streamPosition;
      for (const listener of [...this.#listeners]) listener.subscribed({ recovered, position: streamPosition });
    });
    subscription.on('publication', ({ data, offset }) => {
      if (offset !== undefined && this.#position) this.#position = { ...this.#position, offset };
      for (const listener of [...this.#listeners]) listener.publication(data, offset);
    });
    subscription.on('subscribing', () => {
      if (!this.#isLive) return;
      this.#isLive = false;
      for (const listener of [...this.#listeners]) listener.interrupted?.();
    });
    subscription.on('unsubscribed', ({ code, reason }) => {
      const listeners = [...this.#listeners];
      if (listeners.length === 0) return;
      this.#listeners.clear();
      this.#end();
      for (const listener of listeners) listener.ended?.({ code, message: reason });
    });
  }

  #end(): void {
    this.#isLive = false;
    this.#onOver();
    this.#centrifuge.removeSubscription(this.#subscription);
  }
}
