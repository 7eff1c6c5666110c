/** Latencies of a load: recorded in microseconds, reported in milliseconds. */
import { build } from 'hdr-histogram-js';

export interface LatencySummary {
  readonly count: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

export class LatencyRecorder {
  /** A minute and more is recorded as a minute; every run is over by then. */
  readonly #highestUs = 60_000_000;
  readonly #histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: this.#highestUs,
    numberOfSignificantValueDigits: 3,
    useWebAssembly: false,
  });

  record(ms: number): void {
    this.#histogram.recordValue(Math.min(Math.max(1, Math.round(ms * 1000)), this.#highestUs));
  }

  /** Forgets everything, as after a warm-up. */
  reset(): void {
    this.#histogram.reset();
  }

  summary(): LatencySummary {
    const at = (percentile: number) => this.#histogram.getValueAtPercentile(percentile) / 1000;
    const count = this.#histogram.totalCount;
    return {
      count,
      p50Ms: at(50),
      p90Ms: at(90),
      p99Ms: at(99),
      p999Ms: at(99.9),
      maxMs: count ? this.#histogram.maxValue / 1000 : 0,
    };
  }
}
