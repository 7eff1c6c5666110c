/**
 * Scenario `recover`: everybody loses the connection, misses some publications and comes back at the same moment. How
 * long until all are live, and did each get exactly what it missed?
 */
import type { Publication, SubscribeResult } from '@tidings/protocol';
import { LatencyRecorder, type LatencySummary } from './latency.ts';
import { LoadClient, type LoadTarget } from './load-client.ts';
import { channelOf } from './member.ts';
import { decodeProbe, encodeProbe } from './probe-message.ts';
import { readProcessUsage } from './process-usage.ts';
import { forEachIndex, pause, waitUntil, type RunControl } from './run-control.ts';

export interface RecoverOptions {
  readonly target: LoadTarget;
  /** A channel with history and recovery; several are `<channel>:<number>`. */
  readonly channel: string;
  readonly channels: number;
  readonly clients: number;
  /** Publications that every client misses. */
  readonly missed: number;
  readonly payloadBytes: number;
  readonly serverPid?: number | undefined;
  /** How long to wait for deliveries that do not come before they count as lost. */
  readonly patienceMs: number;
}

export interface RecoverResult {
  readonly scenario: 'recover';
  readonly clients: number;
  readonly channels: number;
  readonly missed: number;
  readonly payloadBytes: number;
  /** From the first dial to the last client that is live. */
  readonly allLiveMs: number;
  /** From the common start to a client being live. */
  readonly live: LatencySummary;
  /** Publications that did not arrive, over all clients. */
  readonly lost: number;
  /** Publications that came twice or out of order. */
  readonly doubled: number;
  /** Clients that were told to start over. */
  readonly reset: number;
  /** Clients that could not come back, and why the first one could not. */
  readonly failed: number;
  readonly firstFailure?: string;
  readonly serverCpuMs?: number;
}

interface Place {
  readonly epoch: string;
  readonly offset: number;
}

/** Several tries, as an SDK does: at once, then with growing pauses. */
const maxAttempts = 5;

/** @throws Error if the channel has no recovery, or the first connections are refused. */
export async function runRecover(options: RecoverOptions, control: RunControl): Promise<RecoverResult> {
  const { target, channel, channels, clients, missed, payloadBytes, serverPid, patienceMs } = options;
  const { progress, signal } = control;
  const usage = () => (serverPid === undefined ? undefined : readProcessUsage(serverPid));
  const publisher = await LoadClient.open(target);
  const returned: LoadClient[] = [];
  try {
    await publisher.connect(clients);
    const places = await everybodyOnce(options, control);
    await pause(500, 'all have left', control);
    await forEachIndex(channels, 16, signal, async (index) => {
      progress('publishing what is missed');
      for (let number = 0; number < missed; number++) {
        await publisher.publish(channelOf(index, channel, channels), encodeProbe({ number, sentMs: 0 }, payloadBytes));
      }
    });

    const seen = places.map((place) => new Seen(place.offset));
    const latency = new LatencyRecorder();
    const outcome = { reset: 0, failed: 0, firstFailure: undefined as string | undefined };
    const before = usage();
    const startedAt = performance.now();
    let allLiveMs = 0;
    await Promise.all(
      places.map(async (place, index) => {
        try {
          const { client, result } = await comeBack(options, index, place, seen[index] as Seen, signal);
          returned.push(client);
          allLiveMs = performance.now() - startedAt;
          latency.record(allLiveMs);
          if (!result.recovered) outcome.reset++;
          progress('coming back', `${returned.length} of ${clients}`);
        } catch (error) {
          outcome.failed++;
          outcome.firstFailure ??= (error as Error).message;
        }
      }),
    );
    const after = usage();

    // One more to everybody: live means live.
    await forEachIndex(channels, 16, signal, (index) =>
      publisher.publish(channelOf(index, channel, channels), encodeProbe({ number: missed, sentMs: 0 }, payloadBytes)),
    );
    await waitUntil(() => seen.every((one) => one.numbers >= missed + 1), patienceMs, signal);
    await pause(100, 'counting', control);
    let lost = 0;
    let doubled = 0;
    for (const one of seen) {
      lost += missed + 1 - one.numbers;
      doubled += one.wrong;
    }
    return {
      scenario: 'recover',
      clients,
      channels,
      missed,
      payloadBytes,
      allLiveMs,
      live: latency.summary(),
      lost,
      doubled,
      reset: outcome.reset,
      failed: outcome.failed,
      ...(outcome.firstFailure !== undefined && { firstFailure: outcome.firstFailure }),
      ...(before && after && { serverCpuMs: after.cpuMs - before.cpuMs }),
    };
  } finally {
    publisher.cut();
    for (const client of returned) client.cut();
  }
}

/** What one client received: each publication exactly once, numbers and offsets in order. */
class Seen {
  /** Publications in their place. */
  numbers = 0;
  /** Publications out of place. */
  wrong = 0;
  readonly #firstOffset: number;

  constructor(offset: number) {
    this.#firstOffset = offset + 1;
  }

  take({ data, offset }: Publication): void {
    if (decodeProbe(data)?.number === this.numbers && offset === this.#firstOffset + this.numbers) this.numbers++;
    else this.wrong++;
  }
}

/** Connects everybody, notes the positions, and cuts all lines at once. */
async function everybodyOnce(options: RecoverOptions, { progress, signal }: RunControl): Promise<Place[]> {
  const { target, channel, channels, clients } = options;
  const places: Place[] = [];
  const present: LoadClient[] = [];
  try {
    await forEachIndex(clients, 64, signal, async (index) => {
      const client = await LoadClient.open(target);
      present.push(client);
      const name = channelOf(index, channel, channels);
      const result = await client.connect(index, { channel: name, recoverable: true, positioned: true });
      if (!result?.recoverable) throw new Error(`channel ${name} has no recovery: give it a history and recovery`);
      places[index] = { epoch: result.epoch ?? '', offset: result.offset ?? 0 };
      progress('opening', `${present.length} of ${clients}`);
    });
  } finally {
    for (const client of present) client.cut();
  }
  return places;
}

async function comeBack(
  options: RecoverOptions,
  index: number,
  place: Place,
  seen: Seen,
  signal: AbortSignal,
): Promise<{ client: LoadClient; result: SubscribeResult }> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    let client: LoadClient | undefined;
    try {
      client = await LoadClient.open(options.target);
      client.onPublication((publication) => seen.take(publication));
      const channel = channelOf(index, options.channel, options.channels);
      const request = { channel, recover: true, recoverable: true, positioned: true, ...place };
      const result = (await client.connect(index, request)) as SubscribeResult;
      for (const publication of result.publications ?? []) seen.take(publication);
      return { client, result };
    } catch (error) {
      client?.cut();
      if (attempt === maxAttempts) throw error;
      await pause(100 * attempt, 'coming back', { progress: () => {}, signal });
    }
  }
}
