/**
 * Calls one hook of the application: one place among so many, a breaker, a time limit, and another attempt only where
 * that is safe. `http-hooks.ts` makes one of these for each hook that is configured.
 */
import { errors, ProtocolError } from '@tidings/protocol';
import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { HooksConfig } from '../config/schema.ts';
import { CircuitBreaker, CircuitOpenError, type BreakerState } from '../lib/circuit-breaker.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Metrics } from '../lib/metrics.ts';
import { retry } from '../lib/retry.ts';
import { OverloadedError, type Semaphore } from '../lib/semaphore.ts';
import { HookAnswerError } from './hook-protocol.ts';
import { HookDisconnect, HookFailure } from './hooks.ts';
import { HttpCallError, type HttpClient } from '../lib/http-client.ts';
import { sign, signatureHeader } from '../lib/signature.ts';

export type HookName = 'connect' | 'refresh' | 'subscribe' | 'subRefresh' | 'publish' | 'rpc';

const maxResponseBytes = 1_048_576;
const minBackoffMs = 50;
const maxBackoffMs = 2_000;

/**
 * Never taken over from a client: what belongs to one connection (RFC 9110 §7.6.1), what describes the body, and what
 * Tidings itself says.
 */
const ownHeaders = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'http2-settings',
  'host',
  'accept-encoding',
  'content-length',
  'content-type',
  'content-encoding',
]);

/** The application answered, but not with 200. */
class HookStatusError extends Error {
  readonly status: number;
  constructor(status: number) {
    super(status >= 300 && status < 400 ? `status ${status}: redirects are not followed` : `status ${status}`);
    this.name = 'HookStatusError';
    this.status = status;
  }
}

export interface HookCallerOptions {
  readonly name: HookName;
  readonly hook: NonNullable<HooksConfig[HookName]>;
  readonly secret: string | undefined;
  readonly breaker: HooksConfig['breaker'];
  /**
   * Whether asking twice does no harm. If not, another attempt follows only on a connection that failed before
   * anything was sent.
   */
  readonly repeatable: boolean;
  /** Shared between all hooks. */
  readonly places: Semaphore;
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: Metrics | undefined;
  readonly random?: (() => number) | undefined;
}

export class HookCaller {
  readonly #options: HookCallerOptions;
  readonly #url: URL;
  readonly #breaker: CircuitBreaker;

  constructor(options: HookCallerOptions) {
    this.#options = options;
    this.#url = new URL(options.hook.url);
    this.#breaker = new CircuitBreaker({
      failures: options.breaker.failures,
      cooldownMs: options.breaker.cooldown,
      clock: options.clock,
      isFailure: isOutage,
      onChange: (state) => this.#log(state),
    });
  }

  /**
   * Asks, and reads the answer.
   * @param client id of the asking client, for the log.
   * @param forwarded headers of the client to pass on.
   * @throws ProtocolError: what the application decided, `internal` when it failed or the breaker is open, or
   *   `tooManyRequests` when too many calls wait. HookDisconnect if the application decided so.
   */
  async call<T>(
    client: string,
    body: string,
    forwarded: Readonly<Record<string, string>> | undefined,
    read: (answer: Uint8Array) => T,
  ): Promise<T> {
    const { name, hook, clock, random } = this.#options;
    try {
      const answer = await retry(() => this.#attempt(body, forwarded), {
        clock,
        retries: hook.retries,
        minMs: minBackoffMs,
        maxMs: maxBackoffMs,
        retryable: (error) => this.#mayRepeat(error),
        ...(random && { random }),
      });
      return read(answer);
    } catch (error) {
      if (error instanceof ProtocolError || error instanceof HookDisconnect) throw error;
      throw this.#failed(name, client, error);
    }
  }

  async #attempt(body: string, forwarded: Readonly<Record<string, string>> | undefined): Promise<Uint8Array> {
    // Asked twice: here so that nobody queues for a refusal, within `run` because things change in the queue.
    if (this.#breaker.refuses) throw new CircuitOpenError();
    const leave = await this.#options.places.acquire(this.#options.hook.timeout);
    try {
      return await this.#breaker.run(() => this.#post(body, forwarded));
    } finally {
      leave();
    }
  }

  async #post(body: string, forwarded: Readonly<Record<string, string>> | undefined): Promise<Uint8Array> {
    const { name, hook, http, repeatable, metrics } = this.#options;
    const call = {
      method: 'POST',
      url: this.#url,
      headers: this.#headers(body, forwarded),
      body,
      timeoutMs: hook.timeout,
      maxResponseBytes,
    } as const;
    const started = performance.now();
    try {
      const answer = await http.call(call).catch((error: unknown) => {
        // The application closed a kept connection just as it was used; that is no failure of the application.
        if (repeatable && error instanceof HttpCallError && error.reused && error.failure === 'network') {
          return http.call(call);
        }
        throw error;
      });
      if (answer.status !== 200) throw new HookStatusError(answer.status);
      return answer.body;
    } finally {
      metrics?.hookSeconds.observe(name, (performance.now() - started) / 1000);
    }
  }

  #headers(body: string, forwarded: Readonly<Record<string, string>> | undefined): Record<string, string> {
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(forwarded ?? {})) {
      const lower = name.toLowerCase();
      if (ownHeaders.has(lower) || lower.startsWith('x-tidings-') || lower.startsWith('sec-websocket-')) continue;
      if (isHeader(lower, value)) headers[lower] = value;
    }
    headers['content-type'] = 'application/json';
    const { secret, clock } = this.#options;
    if (secret !== undefined) headers[signatureHeader] = sign(secret, body, clock.now());
    return headers;
  }

  #mayRepeat(error: unknown): boolean {
    if (error instanceof HttpCallError) {
      if (error.failure === 'stopped' || error.failure === 'too-large') return false;
      return this.#options.repeatable || !error.sent;
    }
    return error instanceof HookStatusError && error.status >= 500 && this.#options.repeatable;
  }

  #failed(hook: HookName, client: string, error: unknown): ProtocolError {
    const { logger, metrics } = this.#options;
    metrics?.hookFailures.add(hook);
    if (error instanceof OverloadedError) {
      logger.debug({ hook, client }, `hook not called: ${error.message}`);
      return new ProtocolError(errors.tooManyRequests, { detail: `hook ${hook}: ${error.message}`, cause: error });
    }
    if (error instanceof CircuitOpenError) {
      logger.debug({ hook, client }, 'hook not called: its breaker is open');
    } else if (error instanceof HookAnswerError) {
      logger.error({ hook, client, problem: error.message }, 'a hook gave an answer that cannot be understood');
    } else {
      logger.error({ hook, client, problem: String((error as Error).message) }, 'a hook failed');
    }
    return new HookFailure(`hook ${hook}: ${(error as Error).message}`, error);
  }

  #log(state: BreakerState): void {
    const { name: hook, breaker, logger } = this.#options;
    if (state === 'open') {
      logger.error(
        { hook, cooldownMs: breaker.cooldown },
        'a hook keeps failing: its breaker is open, calls fail at once',
      );
    } else if (state === 'closed') {
      logger.info({ hook }, 'a hook answers again: its breaker is closed');
    }
  }
}

/** Whether the application is down or overrun. One that answers is neither, even if it refuses this request. */
function isOutage(error: unknown): boolean {
  if (error instanceof HttpCallError) return error.failure !== 'stopped';
  return error instanceof HookStatusError && error.status >= 500;
}

/** Clients of the connect command choose their headers freely; one that HTTP does not take is left out. */
function isHeader(name: string, value: unknown): value is string {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value as string);
    return typeof value === 'string';
  } catch {
    return false;
  }
}
