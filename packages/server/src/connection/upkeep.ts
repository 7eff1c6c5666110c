/**
 * What a connection must do as time passes: ping, expect a pong, expire, renew presence, give up a client that never
 * connects. One due time for the heartbeat wheel, whatever there is to do.
 */
import { closeCodes, unsubscribeCodes, type CloseReason } from '@tidings/protocol';
import { HookDisconnect, HookFailure } from '../auth/hooks.ts';
import type { Core } from '../core.ts';
import { subscriptionFlags as flags, type Subscription } from '../hub/subscription.ts';
import { clientInfo } from '../publish.ts';
import { refreshByHook, subRefreshByHook } from '../refresh.ts';
import type { Socket } from '../transports/transport.ts';
import { unsubscribeFromServer } from '../unsubscribe.ts';
import type { Connection } from './connection.ts';

const never = Number.POSITIVE_INFINITY;

/** Encoded pings by format: an empty reply. */
const emptyMessages: Record<'json' | 'protobuf', Uint8Array> = {
  json: new TextEncoder().encode('{}'),
  protobuf: new Uint8Array(0),
};

export class Upkeep {
  readonly #core: Core;
  readonly #connection: Connection;
  readonly #socket: Socket;
  /** Before connect: when to give up. */
  #staleMs: number;
  #pingMs = never;
  /** When an outstanding pong is overdue; `never`: none is outstanding. */
  #pongMs = never;
  #expectPong = false;
  #expireMs = never;
  #refreshing = false;
  #presenceMs = never;

  constructor(core: Core, connection: Connection, socket: Socket) {
    this.#core = core;
    this.#connection = connection;
    this.#socket = socket;
    this.#staleMs = core.clock.now() + core.config.timeouts.connect;
  }

  /** The connection is open. */
  opened(pings: boolean, expectPong: boolean): void {
    const { interval } = this.#core.config.ping;
    this.#staleMs = never;
    this.#expectPong = expectPong;
    // Spread, so that clients that came at once are not pinged at once for ever.
    if (pings) this.#pingMs = this.#core.clock.now() + interval * (0.5 + Math.random() * 0.5);
  }

  /** A pong arrived; false if none was expected. */
  pong(): boolean {
    if (this.#pongMs === never) return false;
    this.#pongMs = never;
    return true;
  }

  expireAt(expireAtMs: number | undefined): void {
    this.#expireMs = expireAtMs ?? never;
    this.#refreshing = false;
  }

  /** When there is something to do next. */
  dueMs(): number {
    let due = Math.min(this.#staleMs, this.#pingMs, this.#pongMs, this.#dueExpiry());
    for (const subscription of this.#connection.subscriptions.values()) {
      if (subscription.has(flags.presence) && this.#presenceMs === never) {
        this.#presenceMs = this.#core.clock.now() + this.#presenceInterval();
      }
      due = Math.min(due, this.#dueSubscription(subscription));
    }
    return Math.min(due, this.#presenceMs);
  }

  /** Does what is due. */
  run(nowMs: number): void {
    if (nowMs >= this.#staleMs) {
      this.#staleMs = never;
      if (!this.#connection.open) {
        this.#connection.disconnect(closeCodes.stale, `not connected within ${this.#core.config.timeouts.connect} ms`);
        return;
      }
    }
    if (nowMs >= this.#pongMs) {
      this.#connection.disconnect(closeCodes.noPong, `no pong within ${this.#core.config.ping.pongTimeout} ms`);
      return;
    }
    if (nowMs >= this.#dueExpiry()) this.#expire();
    for (const subscription of [...this.#connection.subscriptions.values()]) {
      if (nowMs >= this.#dueSubscription(subscription)) this.#expireSubscription(subscription);
    }
    if (this.#connection.isClosed) return;
    if (nowMs >= this.#pingMs) this.#ping(nowMs);
    if (nowMs >= this.#presenceMs) this.#renewPresence();
  }

  #ping(nowMs: number): void {
    const { interval, pongTimeout } = this.#core.config.ping;
    this.#connection.recipient.push(emptyMessages[this.#socket.handshake.format.codec]);
    this.#pingMs = nowMs + interval;
    if (this.#expectPong && this.#pongMs === never) this.#pongMs = nowMs + pongTimeout;
  }

  /** A client that refreshes by itself has some time beyond; the hook is asked on the spot. */
  #dueExpiry(): number {
    if (this.#refreshing) return never;
    return this.#connection.refresh === 'hook'
      ? this.#expireMs
      : this.#expireMs + this.#core.config.timeouts.expiryGrace;
  }

  #expire(): void {
    if (this.#connection.refresh !== 'hook') {
      this.#connection.disconnect(closeCodes.expired, 'not refreshed in time');
      return;
    }
    this.#refreshing = true;
    refreshByHook(this.#core, this.#connection).then(
      (stays) => {
        if (!stays) this.#connection.disconnect(closeCodes.expired, 'the application said so');
      },
      (error: unknown) => this.#afterFailure(error, closeCodes.expired, 'refresh hook'),
    );
  }

  #afterFailure(error: unknown, otherwise: CloseReason, hook: string): void {
    if (error instanceof HookDisconnect) this.#connection.disconnect({ code: error.code, reason: error.reason }, hook);
    // It has said so itself.
    else if (error instanceof HookFailure) this.#connection.disconnect(otherwise);
    else this.#connection.disconnect(otherwise, `${hook} failed: ${String(error)}`);
  }

  #dueSubscription(subscription: Subscription): number {
    const { extra } = subscription;
    // Until the result is out no push may speak of the subscription.
    if (!extra?.expireAtMs || extra.refreshing || subscription.buffer) return never;
    return subscription.has(flags.clientRefresh)
      ? extra.expireAtMs + this.#core.config.timeouts.expiryGrace
      : extra.expireAtMs;
  }

  #expireSubscription(subscription: Subscription): void {
    const end = (): void => {
      if (this.#connection.subscriptions.get(subscription.channel.name) !== subscription) return;
      if (subscription.has(flags.serverSide)) {
        this.#connection.disconnect(closeCodes.subscriptionExpired, `subscription to ${subscription.channel.name}`);
      } else {
        unsubscribeFromServer(this.#core, this.#connection, subscription, unsubscribeCodes.expired);
      }
    };
    if (subscription.has(flags.clientRefresh)) {
      end();
      return;
    }
    const extra = (subscription.extra ??= {});
    extra.refreshing = true;
    subRefreshByHook(this.#core, this.#connection, subscription)
      .then(
        (stays) => {
          if (!stays) end();
        },
        (error: unknown) => {
          if (error instanceof HookDisconnect)
            this.#afterFailure(error, closeCodes.subscriptionExpired, 'subRefresh hook');
          else {
            if (!(error instanceof HookFailure)) {
              const { id: client, user } = this.#connection;
              this.#core.logger.error({ client, user, hook: 'subRefresh', err: error }, 'a hook failed');
            }
            end();
          }
        },
      )
      .finally(() => {
        delete extra.refreshing;
        this.#connection.reschedule();
      });
  }

  #presenceInterval(): number {
    return this.#core.config.timeouts.presence / 3;
  }

  #renewPresence(): void {
    this.#presenceMs = never;
    for (const subscription of this.#connection.subscriptions.values()) {
      if (!subscription.has(flags.presence)) continue;
      const { name } = subscription.channel;
      this.#core.presence.touch(name, clientInfo(this.#connection, name), this.#core.config.timeouts.presence).then(
        () => {
          // It may have left, or be hidden now, while the entry was on its way.
          if (subscription.index < 0 || !subscription.has(flags.presence))
            return this.#core.presence.remove(name, this.#connection.id);
          return undefined;
        },
        (error: unknown) => this.#core.logger.warn({ channel: name, err: error }, 'presence was not renewed'),
      );
    }
  }
}
