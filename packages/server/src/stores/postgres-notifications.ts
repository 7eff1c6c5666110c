/**
 * Listens to what processes on the same database notify, on a connection of its own. When it breaks, it is made again,
 * and every listener is told that it may have missed something.
 */
import type { Client, ClientConfig } from 'pg';
import type { Clock, TimerId } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { backoffMs } from '../lib/retry.ts';
import type { TopicListeners } from './notifications.ts';

/** The one channel of the database that everything goes over; listeners are told apart by topic. */
export const notificationChannel = 'tidings';
/** A connection that a firewall has forgotten looks alive; so it is asked from time to time. */
const checkEveryMs = 15_000;
const reconnect = { minMs: 100, maxMs: 10_000 };

export interface PostgresNotificationsOptions {
  readonly newClient: (config: ClientConfig) => Client;
  readonly config: ClientConfig;
  readonly listeners: TopicListeners;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class PostgresNotifications {
  readonly #options: PostgresNotificationsOptions;
  #client: Client | undefined;
  #timer: TimerId;
  #failures = 0;
  #stopped = false;

  constructor(options: PostgresNotificationsOptions) {
    this.#options = options;
  }

  /** Resolves when it listens. @throws Error of `pg`; nothing is left then. */
  start(): Promise<void> {
    return this.#connect();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#options.clock.clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    // Not waited for: a server that does not answer does not say goodbye either.
    void client?.end().catch(() => {});
  }

  async #connect(): Promise<void> {
    const { newClient, config, listeners } = this.#options;
    const client = newClient(config);
    client.on('notification', ({ payload }) => {
      if (this.#client === client) listeners.tell(payload ?? '');
    });
    // Both come, in no order one could rely on, and errors must not come to nobody.
    client.on('error', (error) => this.#lost(client, error));
    client.on('end', () => this.#lost(client, new Error('the connection was closed')));
    try {
      await client.connect();
      // From here on what arrives is told, though the answer to LISTEN is not here yet.
      if (!this.#stopped) this.#client = client;
      await client.query(`LISTEN ${notificationChannel}`);
    } catch (error) {
      if (this.#client === client) this.#client = undefined;
      void client.end().catch(() => {});
      throw error;
    }
    if (this.#client !== client) {
      void client.end().catch(() => {});
      throw new Error('the connection was closed');
    }
    this.#failures = 0;
    this.#checkLater(client);
  }

  #lost(client: Client, error: unknown): void {
    if (this.#client !== client || this.#stopped) return;
    this.#client = undefined;
    void client.end().catch(() => {});
    this.#options.logger.warn({ err: error }, 'the connection for notifications is lost; connecting again');
    this.#connectLater();
  }

  #connectLater(): void {
    const { clock, listeners, logger } = this.#options;
    clock.clearTimeout(this.#timer);
    this.#timer = clock.setTimeout(
      () => {
        this.#connect().then(
          () => {
            logger.info('the connection for notifications is back');
            listeners.tellAll();
          },
          () => {
            if (!this.#stopped) this.#connectLater();
          },
        );
      },
      backoffMs(++this.#failures, reconnect),
    );
  }

  #checkLater(client: Client): void {
    const { clock } = this.#options;
    clock.clearTimeout(this.#timer);
    this.#timer = clock.setTimeout(() => {
      client.query('SELECT 1').then(
        () => {
          if (this.#client === client) this.#checkLater(client);
        },
        (error: unknown) => this.#lost(client, error),
      );
    }, checkEveryMs);
  }
}
