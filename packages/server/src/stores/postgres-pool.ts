/**
 * Connections of `pg` by turns. Its own pool does not serve who waits once it is to end, so who waits does so here: what
 * was begun before the end is finished.
 */
import type { Pool, PoolClient, PoolConfig } from 'pg';
import type { Clock, TimerId } from '../lib/clock.ts';
import { OverloadedError, Semaphore } from '../lib/semaphore.ts';
import { PostgresConnection } from './postgres-connection.ts';
import { StoreUnavailableError } from './store.ts';

/** So many may wait for a connection. */
const maxWaiting = 100_000;
const idleMs = 30_000;
/** The server limits a statement; where it does not answer at all, the client does, a little later. */
const answerMarginMs = 500;
/** How often it is looked at who was not answered. */
const watchMs = 250;
/**
 * Plans of prepared statements are kept, and the planner prefers to read all of a table that is small just then, such as
 * an outbox that was vacuumed while it was empty. Our statements have their indexes. Where there is none it reads all of
 * a table nevertheless, but takes that for so expensive that it would compile the statement.
 *
 * What is new in a GIN index waits in a list, and whoever finds it full sorts all of it in: 70 ms for a full list of the
 * usual 4 MB, so the list is kept shorter.
 */
const settings = 'set enable_seqscan = off; set jit = off; set gin_pending_list_limit = 256';

export interface PostgresPoolOptions {
  readonly config: PoolConfig;
  readonly maxConnections: number;
  /** How long to wait for a free connection, and for an answer; how long `close` waits for those in use. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** A connection for as long as somebody needs it. */
export interface PoolPlace {
  readonly connection: PostgresConnection;
  /** @param spent the connection is not to be used again. */
  leave(spent: boolean): void;
}

export class PostgresPool {
  readonly #pool: Pool;
  readonly #places: Semaphore;
  readonly #options: PostgresPoolOptions;
  readonly #connections = new Map<PoolClient, PostgresConnection>();
  #inUse = 0;
  #watchTimer: TimerId;
  #closing = false;

  constructor(newPool: (config: PoolConfig) => Pool, options: PostgresPoolOptions) {
    const { config, maxConnections, clock } = options;
    this.#options = options;
    this.#places = new Semaphore(maxConnections, maxWaiting, clock);
    // Pipelined: statements of a transaction that are given at once go out at once.
    const pipelined = { pipeline: true };
    this.#pool = newPool({ ...config, ...pipelined, max: maxConnections, idleTimeoutMillis: idleMs });
    // Connections that break while nobody uses them: the pool has dropped them.
    this.#pool.on('error', () => {});
    // Those that break between two statements of somebody: the next statement says so.
    this.#pool.on('connect', (client) => {
      client.on('error', () => {});
      // Whoever gets the connection finds out if it is broken.
      client.query(settings).catch(() => {});
    });
    this.#pool.on('remove', (client) => this.#connections.delete(client));
  }

  /** @throws StoreUnavailableError if none becomes free in time; Error of `pg` if none can be made. */
  async enter(): Promise<PoolPlace> {
    if (this.#closing) throw new StoreUnavailableError('the database is closed');
    const leave = await this.#takePlace();
    try {
      const client = await this.#pool.connect();
      let connection = this.#connections.get(client);
      if (!connection)
        this.#connections.set(client, (connection = new PostgresConnection(client, this.#options.clock)));
      this.#inUse++;
      this.#watch();
      return {
        connection,
        leave: (spent) => {
          this.#inUse--;
          client.release(spent);
          leave();
        },
      };
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Takes nothing new, lets what waits and runs finish for as long as the timeout, and closes. Never throws. */
  async close(): Promise<void> {
    this.#closing = true;
    const { maxConnections, timeoutMs, clock } = this.#options;
    await Promise.allSettled(Array.from({ length: maxConnections }, () => this.#places.acquire(timeoutMs)));
    this.#places.close();
    // A server that does not answer does not say goodbye either.
    let timer: TimerId;
    const late = new Promise<void>((resolve) => {
      timer = clock.setTimeout(resolve, timeoutMs);
    });
    await Promise.race([this.#pool.end().catch(() => {}), late]);
    clock.clearTimeout(timer);
    clock.clearTimeout(this.#watchTimer);
  }

  /** Looks for connections that are not answered, for as long as any is in use: whoever rests now may ask later. */
  #watch(): void {
    const { clock, timeoutMs } = this.#options;
    this.#watchTimer ??= clock.setTimeout(() => {
      this.#watchTimer = undefined;
      for (const connection of this.#connections.values()) connection.endIfSilent(timeoutMs + answerMarginMs);
      if (this.#inUse > 0) this.#watch();
    }, watchMs);
  }

  async #takePlace(): Promise<() => void> {
    try {
      return await this.#places.acquire(this.#options.timeoutMs);
    } catch (error) {
      if (!(error instanceof OverloadedError)) throw error;
      throw new StoreUnavailableError(`no connection to the database is free: ${error.message}`, { cause: error });
    }
  }
}
