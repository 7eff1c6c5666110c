/** What every call of the server API has in common: it is counted and timed, and its failure described and noted. */
import { errors, ProtocolError } from '@tidings/protocol';
import { systemClock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Metrics } from '../lib/metrics.ts';
import { LogGate } from '../lib/log-gate.ts';

export interface ApiError {
  readonly code: number;
  readonly message: string;
}
/** `result` is JSON text. */
export type ApiOutcome = { readonly result: string } | { readonly error: ApiError };

/** Refused calls in the log: so many lines in so long a time, the rest is counted. */
const refusalLines = 100;
const refusalIntervalMs = 10_000;

export class ApiCalls {
  readonly #metrics: Metrics;
  readonly #logger: Logger;
  readonly #gate = new LogGate(systemClock, refusalIntervalMs, refusalLines);

  constructor(metrics: Metrics, logger: Logger) {
    this.#metrics = metrics;
    this.#logger = logger;
  }

  /**
   * Runs one call. Never throws: every failure is an error of the outcome.
   * @param name for the log and as label of metrics: never one that a caller made up.
   * @param work resolves to the result as JSON text.
   */
  async run(name: string, requestId: string, work: () => Promise<string>): Promise<ApiOutcome> {
    const started = performance.now();
    try {
      return { result: await work() };
    } catch (error) {
      return { error: this.#describe(error, name, requestId) };
    } finally {
      this.#metrics.apiCalls.add(name);
      this.#metrics.apiSeconds.observe(name, (performance.now() - started) / 1_000);
    }
  }

  /** Notes in the log that a call was refused. @returns the error. */
  refused(method: string, requestId: string, error: ApiError): ApiError {
    const suppressed = this.#gate.pass();
    if (suppressed !== undefined) {
      const { code, message: detail } = error;
      this.#logger.info(
        { requestId, method, code, detail, ...(suppressed > 0 && { suppressed }) },
        'server API call refused',
      );
    }
    return error;
  }

  #describe(error: unknown, method: string, requestId: string): ApiError {
    if (error instanceof ProtocolError && error.code !== errors.internal.code) {
      const { detail = '' } = error;
      // The caller is the operator's own back end: what is kept from clients helps here.
      const message = error.message.endsWith(detail) ? error.message : `${error.message}: ${detail}`;
      return this.refused(method, requestId, { code: error.code, message });
    }
    this.#logger.error({ err: error, method, requestId }, 'server API call failed');
    return { code: errors.internal.code, message: errors.internal.message };
  }
}

/** The reply as it stands on the wire. */
export function encodeOutcome(outcome: ApiOutcome): string {
  return 'error' in outcome ? JSON.stringify(outcome) : `{"result":${outcome.result}}`;
}
