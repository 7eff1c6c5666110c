/**
 * Compares the stream position of idle channels with that of their history, so that a publication lost on the way to this node
 * is noticed even if nothing follows it. Once per channel and node, whatever the number of subscribers.
 */
import type { HistoryReader } from '../brokers/broker.ts';
import type { Component } from '../component.ts';
import type { Clock, TimerId } from '../lib/clock.ts';
import { GatedLogger } from '../lib/log-gate.ts';
import type { Logger } from '../lib/logger.ts';
import type { Hub, HubChannel } from './hub.ts';

const sweepIntervalMs = 1_000;
/** Checks under way at once: a sweep must not flood the broker. */
const concurrency = 16;
/** A publication that is in history may still be on its way here; only later is it missing. */
const graceMs = 2_000;

export interface PositionCheckOptions {
  readonly hub: Hub;
  /** Where the history of a channel is read. */
  readonly historyOf: (channel: string) => HistoryReader;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A channel is compared when nothing was for this long. */
  readonly intervalMs: () => number;
}

export class PositionCheck implements Component {
  readonly name = 'position check';
  readonly #options: PositionCheckOptions;
  /** Where history is away, every channel has something to say. */
  readonly #log: GatedLogger;
  #timer: TimerId;
  #stopped = false;

  constructor(options: PositionCheckOptions) {
    this.#options = options;
    this.#log = new GatedLogger(options.logger, options.clock);
  }

  async start(): Promise<void> {
    this.#stopped = false;
    this.#later();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#options.clock.clearTimeout(this.#timer);
  }

  #later(): void {
    if (this.#stopped) return;
    this.#timer = this.#options.clock.setTimeout(() => {
      void this.sweep().finally(() => this.#later());
    }, sweepIntervalMs);
  }

  /** Compares every channel that is due. */
  async sweep(): Promise<void> {
    const { hub, clock, intervalMs } = this.#options;
    const due = hub.positionsDue(clock.now() - intervalMs());
    const worker = async (): Promise<void> => {
      for (let channel = due.pop(); channel && !this.#stopped; channel = due.pop()) await this.#compare(channel);
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
  }

  async #compare(channel: HubChannel): Promise<void> {
    const { hub, clock } = this.#options;
    hub.checked(channel, clock.now());
    try {
      if (!(await this.#isBehind(channel))) return;
      await new Promise<void>((resolve) => clock.setTimeout(resolve, graceMs));
      if (this.#stopped || !(await this.#isBehind(channel))) return;
      this.#log.warn(
        { channel: channel.name, position: channel.position },
        'publications did not arrive; subscribers recover',
      );
      hub.gap(channel.name);
    } catch (error) {
      this.#log.warn({ channel: channel.name, err: error }, 'position could not be compared');
    }
  }

  async #isBehind(channel: HubChannel): Promise<boolean> {
    const at = channel.position;
    if (!at) return false;
    const history = this.#options.historyOf(channel.name);
    const page = await history.read(channel.name, { limit: 0 }, channel.options.history.metaTtl);
    // Read after the answer: what arrived meanwhile counts.
    const now = channel.position;
    if (!now || channel.positioned === 0) return false;
    return page.position.epoch !== now.epoch || page.position.offset > now.offset;
  }
}
