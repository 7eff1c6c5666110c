/**
 * Scenario `fanout`: one publisher, many subscribers of one channel. Closed loop (a window of publications is
 * outstanding; how much can it carry?) or open loop (a rate; how late is a message at that rate?).
 *
 * Latency holds the time this process takes to receive, which is the larger part when many subscribers are served by
 * a small machine. CPU per delivery against the floor is measured by `bench/floor/wsfan.c`.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { LatencyRecorder, type LatencySummary } from './latency.ts';
import { LoadClient, type LoadTarget } from './load-client.ts';
import { decodeProbe, encodeProbe, ProbeTracker } from './probe-message.ts';
import { readProcessUsage } from './process-usage.ts';
import { forEachIndex, waitUntil, type RunControl } from './run-control.ts';

export interface FanoutOptions {
  readonly target: LoadTarget;
  readonly channel: string;
  readonly subscribers: number;
  readonly payloadBytes: number;
  /** Publications outstanding (closed loop). */
  readonly window: number;
  /** Publications per second (open loop); undefined: closed loop. */
  readonly ratePerSecond?: number | undefined;
  readonly warmUpMs: number;
  readonly durationMs: number;
  readonly serverPid?: number | undefined;
  /** How long to wait for deliveries that do not come before they count as lost. */
  readonly patienceMs: number;
}

export interface FanoutResult {
  readonly scenario: 'fanout';
  readonly subscribers: number;
  readonly payloadBytes: number;
  readonly window?: number;
  readonly ratePerSecond?: number;
  readonly elapsedMs: number;
  /** All, warm-up included. */
  readonly publications: number;
  /** Within the measured time. */
  readonly deliveries: number;
  readonly deliveriesPerSecond: number;
  readonly lost: number;
  readonly doubled: number;
  /** Subscribers whose connection ended, and why the first one did. */
  readonly dropped: number;
  readonly firstDrop?: string;
  readonly latency: LatencySummary;
  readonly serverCpuUsPerDelivery?: number;
}

/** Publications whose answer is not here yet, at most: a server that hangs must not fill our memory. */
const maxUnanswered = 10_000;

/** @throws Error if a client or a publication is refused. */
export async function runFanout(options: FanoutOptions, control: RunControl): Promise<FanoutResult> {
  const run = new FanoutRun(options, control);
  try {
    return await run.result();
  } finally {
    run.end();
  }
}

class FanoutRun {
  readonly #options: FanoutOptions;
  readonly #control: RunControl;
  readonly #clients: LoadClient[] = [];
  readonly #trackers: ProbeTracker[] = [];
  readonly #latency = new LatencyRecorder();
  #publisher: LoadClient | undefined;
  #sent = 0;
  #unanswered = 0;
  /** Deliveries plus what is known to be lost: what the window goes by. */
  #progressed = 0;
  #delivered = 0;
  #lastDeliveryMs = 0;
  #refused: Error | undefined;

  constructor(options: FanoutOptions, control: RunControl) {
    this.#options = options;
    this.#control = control;
  }

  async result(): Promise<FanoutResult> {
    const { subscribers, payloadBytes, window, ratePerSecond, warmUpMs, durationMs, serverPid } = this.#options;
    await this.#open();
    const usage = () => (serverPid === undefined ? undefined : readProcessUsage(serverPid));
    await this.#publishFor(warmUpMs, 'warming up');
    this.#latency.reset();
    const deliveredBefore = this.#delivered;
    const before = usage();
    const startedAt = performance.now();
    await this.#publishFor(durationMs, 'fan-out');
    const elapsedMs = performance.now() - startedAt;
    const after = usage();
    const deliveries = this.#delivered - deliveredBefore;
    await waitUntil(() => this.#progressed >= this.#sent * subscribers, this.#options.patienceMs, this.#control.signal);
    // A moment more, so that a doubled last message is seen.
    await sleep(100, undefined, { signal: this.#control.signal });
    if (this.#refused) throw this.#refused;

    let lost = 0;
    let doubled = 0;
    for (const tracker of this.#trackers) {
      tracker.finish(this.#sent);
      lost += tracker.lost;
      doubled += tracker.doubled;
    }
    const dropped = this.#clients.filter((client) => client.closed !== undefined);
    const firstDrop = dropped[0]?.closed;
    return {
      scenario: 'fanout',
      subscribers,
      payloadBytes,
      ...(ratePerSecond === undefined ? { window } : { ratePerSecond }),
      elapsedMs,
      publications: this.#sent,
      deliveries,
      deliveriesPerSecond: deliveries / (elapsedMs / 1000),
      lost,
      doubled,
      dropped: dropped.length,
      ...(firstDrop !== undefined && { firstDrop }),
      latency: this.#latency.summary(),
      ...(before &&
        after &&
        deliveries > 0 && { serverCpuUsPerDelivery: ((after.cpuMs - before.cpuMs) * 1000) / deliveries }),
    };
  }

  end(): void {
    for (const client of this.#clients) client.cut();
    this.#publisher?.cut();
  }

  async #open(): Promise<void> {
    const { target, subscribers, channel } = this.#options;
    const { progress, signal } = this.#control;
    await forEachIndex(subscribers, 64, signal, async (index) => {
      const client = await LoadClient.open(target);
      this.#clients.push(client);
      const tracker = new ProbeTracker();
      this.#trackers.push(tracker);
      client.onPublication(({ data }) => this.#take(tracker, data));
      await client.connect(index, { channel });
      progress('opening', `${this.#clients.length} of ${subscribers}`);
    });
    this.#publisher = await LoadClient.open(target);
    await this.#publisher.connect(subscribers);
  }

  #take(tracker: ProbeTracker, data: Uint8Array): void {
    const probe = decodeProbe(data);
    if (!probe) return;
    const expected = tracker.expected;
    tracker.take(probe.number);
    this.#progressed += tracker.expected - expected;
    this.#delivered++;
    this.#lastDeliveryMs = performance.now();
    this.#latency.record(this.#lastDeliveryMs - probe.sentMs);
  }

  async #publishFor(ms: number, phase: string): Promise<void> {
    const { window, ratePerSecond, subscribers } = this.#options;
    const { progress, signal } = this.#control;
    const startedAt = performance.now();
    const sentBefore = this.#sent;
    this.#lastDeliveryMs = startedAt;
    for (let now = startedAt; now < startedAt + ms; now = performance.now()) {
      signal.throwIfAborted();
      if (this.#refused) throw this.#refused;
      if (now - this.#lastDeliveryMs > this.#options.patienceMs && this.#sent > sentBefore) return;
      const due =
        ratePerSecond === undefined
          ? window + Math.floor(this.#progressed / subscribers)
          : sentBefore + 1 + Math.floor(((now - startedAt) * ratePerSecond) / 1000);
      while (this.#sent < due && this.#unanswered < maxUnanswered) {
        // At a rate the time that counts is when it was due: a late publisher must not hide a late server.
        this.#publish(
          ratePerSecond === undefined ? now : startedAt + ((this.#sent - sentBefore) * 1000) / ratePerSecond,
        );
      }
      progress(phase, `${this.#delivered} deliveries`);
      await (ratePerSecond === undefined ? nextTurn() : sleep(1));
    }
  }

  #publish(sentMs: number): void {
    const data = encodeProbe({ number: this.#sent++, sentMs }, this.#options.payloadBytes);
    this.#unanswered++;
    (this.#publisher as LoadClient).publish(this.#options.channel, data).then(
      () => this.#unanswered--,
      (error: Error) => (this.#refused ??= error),
    );
  }
}
