/** The channel of the user alone: what is new in all rooms, and what the user does on other devices. */
import type { ChannelPosition, ChannelSubscription } from '../connection/connection.ts';
import type { ChatContext } from './chat-context.ts';
import { Coalesced } from './coalesced.ts';
import type { UserPublication } from './publications.ts';

const keepMs = 2_000;

export interface UserChannelListener {
  /** @param isWhole nothing was missed since the position that was given, or since it was live last. */
  live(isWhole: boolean): void;
  heard(publication: UserPublication): void;
  /** Whether what was heard so far is on the device, or will be. */
  isCurrent(): boolean;
  /** Before the position is kept: what belongs to it. */
  keep(): void;
  /** The server does not let this user listen. */
  ended(reason: { readonly code: number; readonly message: string }): void;
}

export class UserChannel {
  readonly #context: ChatContext;
  readonly #listener: UserChannelListener;
  readonly #keep: Coalesced;
  readonly #subscription: ChannelSubscription;
  #position: ChannelPosition | undefined;

  constructor(context: ChatContext, user: string, since: ChannelPosition | undefined, listener: UserChannelListener) {
    this.#context = context;
    this.#listener = listener;
    this.#position = since;
    this.#keep = new Coalesced(context.clock, keepMs, () => this.#remember());
    this.#subscription = context.connection.subscribe(
      `chat:user:${user}`,
      {
        publication: (data, offset) => {
          listener.heard(data as UserPublication);
          if (offset === undefined || !this.#position) return;
          this.#position = { ...this.#position, offset };
          this.#keep.want();
        },
        subscribed: ({ recovered, position }) => {
          if (position) this.#position = position;
          listener.live(recovered);
          this.#keep.want();
        },
        ended: (reason) => listener.ended(reason),
      },
      since,
    );
  }

  /** Keeps the position now, if that is due. */
  flush(): void {
    this.#keep.flush();
  }

  close(): void {
    this.flush();
    this.#keep.cancel();
    this.#subscription.unsubscribe();
  }

  #remember(): void {
    const position = this.#position;
    if (!position) return;
    if (!this.#listener.isCurrent()) {
      this.#keep.want();
      return;
    }
    this.#listener.keep();
    this.#context.remember((cache) => cache.putPosition(position));
  }
}
