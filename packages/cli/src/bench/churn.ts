/** Scenario `churn`: clients come, subscribe and leave, over and over. */
import { LatencyRecorder, type LatencySummary } from './latency.ts';
import type { Join } from './member.ts';
import { readProcessUsage } from './process-usage.ts';
import type { RunControl } from './run-control.ts';

export interface ChurnOptions {
  readonly join: Join;
  /** Clients that come and go side by side. */
  readonly concurrency: number;
  readonly durationMs: number;
  readonly serverPid?: number | undefined;
}

export interface ChurnResult {
  readonly scenario: 'churn';
  readonly concurrency: number;
  readonly elapsedMs: number;
  /** Clients that connected, subscribed and left. */
  readonly cycles: number;
  readonly cyclesPerSecond: number;
  readonly failed: number;
  /** The first failure, in words. */
  readonly firstFailure?: string;
  /** From dialling to the answer to subscribe. */
  readonly joined: LatencySummary;
  readonly serverCpuUsPerCycle?: number;
}

export async function runChurn(options: ChurnOptions, { progress, signal }: RunControl): Promise<ChurnResult> {
  const { join, concurrency, durationMs, serverPid } = options;
  const usage = () => (serverPid === undefined ? undefined : readProcessUsage(serverPid));
  const latency = new LatencyRecorder();
  let cycles = 0;
  let failed = 0;
  let firstFailure: string | undefined;
  const before = usage();
  const startedAt = performance.now();
  const until = startedAt + durationMs;
  const worker = async (first: number) => {
    // A server that refuses everything is told so after a few attempts, not after a million.
    for (let index = first; performance.now() < until && failed < 100; index += concurrency) {
      signal.throwIfAborted();
      try {
        const diallingAt = performance.now();
        const member = await join(index);
        latency.record(performance.now() - diallingAt);
        await member.leave();
        cycles++;
      } catch (error) {
        failed++;
        firstFailure ??= (error as Error).message;
      }
      progress('churn', `${cycles} clients`);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, (_, index) => worker(index)));
  const elapsedMs = performance.now() - startedAt;
  const after = usage();
  return {
    scenario: 'churn',
    concurrency,
    elapsedMs,
    cycles,
    cyclesPerSecond: cycles / (elapsedMs / 1000),
    failed,
    ...(firstFailure !== undefined && { firstFailure }),
    joined: latency.summary(),
    ...(before && after && cycles > 0 && { serverCpuUsPerCycle: ((after.cpuMs - before.cpuMs) * 1000) / cycles }),
  };
}
