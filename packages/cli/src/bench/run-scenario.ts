/**
 * Runs one scenario from plain options. Used by `tidings bench` and by the project's own benchmarks, so that both
 * measure the same.
 */
import { jsonCodec, protobufCodec } from '@tidings/protocol';
import { mintBenchToken } from './bench-token.ts';
import { runChurn, type ChurnResult } from './churn.ts';
import { runFanout, type FanoutResult } from './fanout.ts';
import { runIdle, type IdleResult } from './idle.ts';
import type { LoadTarget } from './load-client.ts';
import { protocolJoin, type Join } from './member.ts';
import type { Progress } from './progress-line.ts';
import { runRecover, type RecoverResult } from './recover.ts';

export const scenarioNames = ['fanout', 'idle', 'churn', 'recover'] as const;
export type ScenarioName = (typeof scenarioNames)[number];

/** All that can be chosen. Times in milliseconds, sizes in bytes. */
export interface BenchOptions {
  readonly scenario: ScenarioName;
  readonly url: string;
  readonly protobuf: boolean;
  /** Connection token of every client. */
  readonly token?: string | undefined;
  /** Makes a token for each client (HS256); used if `token` is absent. */
  readonly secret?: string | undefined;
  readonly channel: string;
  /** Over how many channels `idle`, `churn` and `recover` spread. */
  readonly channels: number;
  readonly connections: number;
  readonly durationMs: number;
  readonly payloadBytes: number;
  readonly window: number;
  readonly ratePerSecond?: number | undefined;
  readonly missed: number;
  readonly serverPid?: number | undefined;
  /** How long a handshake or reply may take. */
  readonly timeoutMs: number;
  /** How long to wait for deliveries that do not come before they count as lost. */
  readonly patienceMs: number;
}

export type BenchResult = FanoutResult | IdleResult | ChurnResult | RecoverResult;

/** Handshakes under way at once where nothing is measured by it. */
const openConcurrency = 64;
/** Nothing lasts longer than its duration and this. */
const graceMs = 180_000;

export function loadTarget(options: BenchOptions): LoadTarget {
  const { token, secret } = options;
  return {
    url: new URL(options.url),
    codec: options.protobuf ? protobufCodec : jsonCodec,
    timeoutMs: options.timeoutMs,
    tokenFor: (index) => token ?? (secret === undefined ? undefined : mintBenchToken(secret, `bench-${index}`)),
  };
}

/**
 * @param join how clients of `idle` and `churn` join; by default over the Centrifuge protocol.
 * @throws Error if the server cannot be reached, refuses, or the time is up.
 */
export async function runScenario(options: BenchOptions, progress: Progress, join?: Join): Promise<BenchResult> {
  const {
    channel,
    channels,
    connections,
    durationMs,
    payloadBytes,
    serverPid,
    window,
    ratePerSecond,
    missed,
    patienceMs,
  } = options;
  const target = loadTarget(options);
  const joining = join ?? protocolJoin(target, channel, channels);
  const control = { progress, signal: AbortSignal.timeout(durationMs + graceMs) };
  switch (options.scenario) {
    case 'fanout':
      return runFanout(
        {
          target,
          channel,
          subscribers: connections,
          payloadBytes,
          window,
          ratePerSecond,
          warmUpMs: Math.min(1000, durationMs / 2),
          durationMs,
          serverPid,
          patienceMs,
        },
        control,
      );
    case 'idle':
      return runIdle(
        {
          join: joining,
          connections,
          concurrency: openConcurrency,
          warmUpConnections: Math.min(500, connections),
          holdMs: durationMs,
          serverPid,
        },
        control,
      );
    case 'churn':
      return runChurn({ join: joining, concurrency: connections, durationMs, serverPid }, control);
    case 'recover':
      return runRecover(
        { target, channel, channels, clients: connections, missed, payloadBytes, serverPid, patienceMs },
        control,
      );
  }
}

/** What went wrong in a run that ended, one line each; empty for a good one. */
export function faults(result: BenchResult): string[] {
  const found: string[] = [];
  const add = (count: number, what: string, detail?: string) => {
    if (count > 0) found.push(`${count} ${what}${detail === undefined ? '' : ` (${detail})`}`);
  };
  switch (result.scenario) {
    case 'fanout':
      add(result.lost, 'deliveries lost');
      add(result.doubled, 'deliveries doubled or out of order');
      add(result.dropped, 'subscribers disconnected', result.firstDrop);
      break;
    case 'idle':
      add(result.dropped, 'connections dropped');
      break;
    case 'churn':
      add(result.failed, 'clients failed', result.firstFailure);
      if (result.cycles === 0) found.push('no client came and went');
      break;
    case 'recover':
      add(result.lost, 'publications lost');
      add(result.doubled, 'publications doubled or out of order');
      add(result.reset, 'clients reset instead of recovered');
      add(result.failed, 'clients did not come back', result.firstFailure);
  }
  return found;
}
