/**
 * A connection of `pg`: statements that are sent in one tick leave in one write, and one that is not answered in time ends
 * the connection. `pg` would set a timer for each statement, whose remains keep results until the next full collection of
 * garbage: small collections then copy every row that was read, for nothing.
 */
import type { PoolClient, QueryConfig } from 'pg';
import type { Clock } from '../lib/clock.ts';
import { StatementNames } from './statement-names.ts';

/** What is read of an answer of `pg`. */
export interface PostgresAnswer {
  readonly command: string;
  readonly rowCount: number | null;
  readonly rows: unknown[];
}

export class PostgresConnection {
  readonly client: PoolClient;
  /** What is prepared on it. */
  readonly names = new StatementNames();
  readonly #clock: Clock;
  #unanswered = 0;
  /** When the last answer came, or the first statement after a rest was sent. */
  #sinceMs = 0;
  /** One of the statements that were sent may take as long as it likes. */
  #unlimited = false;
  #gathers = false;

  constructor(client: PoolClient, clock: Clock) {
    this.client = client;
    this.#clock = clock;
  }

  /** @param unlimited it may take as long as it likes. @throws Error of `pg`. */
  send(query: QueryConfig, unlimited: boolean): Promise<PostgresAnswer> {
    this.#gather();
    if (this.#unanswered++ === 0) {
      this.#sinceMs = this.#clock.now();
      this.#unlimited = false;
    }
    this.#unlimited ||= unlimited;
    return new Promise((resolve, reject) => {
      this.client.query(query, (error: Error | null, answer: PostgresAnswer) => {
        this.#unanswered--;
        this.#sinceMs = this.#clock.now();
        if (error) reject(error);
        else resolve(answer);
      });
    });
  }

  /** Ends it if the server has not answered for so long: what was sent rejects. */
  endIfSilent(limitMs: number): void {
    if (this.#unanswered === 0 || this.#unlimited || this.#clock.now() - this.#sinceMs < limitMs) return;
    this.client.connection.stream.destroy(new Error(`timeout: no answer for ${limitMs} ms`));
  }

  #gather(): void {
    if (this.#gathers) return;
    this.#gathers = true;
    const { stream } = this.client.connection;
    stream.cork();
    process.nextTick(() => {
      this.#gathers = false;
      stream.uncork();
    });
  }
}
