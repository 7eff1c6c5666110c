/**
 * Who on this node is subscribed to what. Encodes a publication once per form and hands it to every subscriber.
 *
 * The stream of a channel is checked here once per node, not once per subscriber: all live subscribers of a channel
 * stand at the same position, because they are given the same publications in the same order.
 *
 * Path of a message: transport → connection → use case → broker → **hub** → outbox → transport.
 */
import type { ClientInfo, Payload, Publication } from '@tidings/protocol';
import type { Position } from '../brokers/broker.ts';
import type { ChannelOptions } from '../config/schema.ts';
import type { Metrics } from '../lib/metrics.ts';
import { encodePush, PublicationEncoder, variants } from './publication-encoder.ts';
import { subscriptionFlags as flags, type Subscription } from './subscription.ts';

/** Publications held for a subscriber that is still subscribing; more means it cannot catch up. */
const maxBuffered = 10_000;

export class HubChannel {
  readonly name: string;
  options: ChannelOptions;
  readonly subscribers: Subscription[] = [];
  /** Position of the last publication seen live, or at which the first positioned subscriber went live. */
  position: Position | undefined;
  /** Data of the last publication seen live, if the channel has deltas. */
  previous: Payload | undefined;
  /** Subscribers that rely on the position. */
  positioned = 0;
  /** When the position was last compared with the broker's, Unix milliseconds. */
  checkedAtMs = 0;

  constructor(name: string, options: ChannelOptions) {
    this.name = name;
    this.options = options;
  }
}

export class Hub {
  readonly #channels = new Map<string, HubChannel>();
  readonly #metrics: Metrics;
  /** Channels with subscribers that rely on the position, those compared longest ago first. */
  readonly #positioned = new Set<HubChannel>();
  #subscriptions = 0;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** Subscriptions on this node. */
  get subscriptionCount(): number {
    return this.#subscriptions;
  }

  /** Channels in use on this node. */
  get channelCount(): number {
    return this.#channels.size;
  }

  get channels(): ReadonlyMap<string, HubChannel> {
    return this.#channels;
  }

  /** The channel's entry, made if nobody is there yet. */
  channel(name: string, options: ChannelOptions): HubChannel {
    let channel = this.#channels.get(name);
    if (!channel) {
      channel = new HubChannel(name, options);
      this.#channels.set(name, channel);
    }
    return channel;
  }

  /** Adds a subscription; it buffers until `goLive`. */
  join(subscription: Subscription): void {
    const { channel } = subscription;
    // The entry may have been dropped between `channel()` and here, when the last other subscriber left.
    this.#channels.set(channel.name, channel);
    subscription.index = channel.subscribers.length;
    channel.subscribers.push(subscription);
    this.#subscriptions++;
  }

  /** Channels whose position was last compared before `beforeMs`. Costs what it returns, whatever there is. */
  positionsDue(beforeMs: number): HubChannel[] {
    const due: HubChannel[] = [];
    for (const channel of this.#positioned) {
      if (channel.checkedAtMs > beforeMs) break;
      due.push(channel);
    }
    return due;
  }

  /** The position of the channel is being compared now. */
  checked(channel: HubChannel, nowMs: number): void {
    channel.checkedAtMs = nowMs;
    this.#positioned.delete(channel);
    if (channel.positioned > 0) this.#positioned.add(channel);
  }

  /** Removes a subscription; nothing is delivered to it afterwards. Twice does nothing. */
  leave(subscription: Subscription): void {
    const { channel, index } = subscription;
    if (index < 0) return;
    const last = channel.subscribers.pop() as Subscription;
    if (last !== subscription) {
      channel.subscribers[index] = last;
      last.index = index;
    }
    subscription.index = -1;
    if (subscription.buffer === undefined && subscription.has(flags.positioned) && --channel.positioned === 0) {
      this.#positioned.delete(channel);
    }
    this.#subscriptions--;
    if (channel.subscribers.length === 0 && this.#channels.get(channel.name) === channel) {
      this.#channels.delete(channel.name);
    }
  }

  /**
   * Ends buffering: the subscriber's result is on its way, and contains everything up to `position`. What was
   * buffered behind it is delivered now; if it does not join on, the subscriber is told to start over.
   * @param held data of the last publication in the result.
   */
  goLive(subscription: Subscription, position: Position | undefined, held: Payload | undefined, nowMs: number): void {
    const { channel, buffer } = subscription;
    if (subscription.index < 0 || !buffer) return;
    if (position && !this.#joinsOn(channel, position, buffer)) {
      subscription.owner.insufficientState(subscription);
      return;
    }
    subscription.buffer = undefined;
    subscription.startOffset = position?.offset ?? 0;
    if (subscription.has(flags.positioned) && channel.positioned++ === 0) this.checked(channel, nowMs);
    let last = held;
    let isUnknown = false;
    for (const publication of buffer) {
      const encoder = new PublicationEncoder(
        channel.name,
        publication,
        undefined,
        channel.options.payload === 'binary',
      );
      const given = this.#give(subscription, publication, encoder);
      if (given) last = publication.data;
      isUnknown ||= given === undefined;
    }
    if (isUnknown) {
      subscription.owner.insufficientState(subscription);
      return;
    }
    // What the node saw last need not be what this subscriber was given last: signals have no place in the stream.
    const { previous } = channel;
    subscription.set(
      flags.deltaBase,
      last !== undefined && previous !== undefined && Buffer.compare(last, previous) === 0,
    );
  }

  /**
   * Delivers a publication to every subscriber of its channel on this node.
   * @returns how many received it.
   */
  deliver(name: string, publication: Publication, position: Position | undefined): number {
    const channel = this.#channels.get(name);
    if (!channel) return 0;
    if (position && !this.#follows(channel, position)) return 0;
    const binary = channel.options.payload === 'binary';
    const deltas = channel.options.delta && !binary;
    const encoder = new PublicationEncoder(name, publication, deltas ? channel.previous : undefined, binary);
    // Forgotten when a new configuration ends deltas: a patch against it would be against something long past.
    channel.previous = deltas ? publication.data : undefined;
    const { subscribers } = channel;
    let delivered = 0;
    let unknown: Subscription[] | undefined;
    for (let i = 0; i < subscribers.length; i++) {
      const subscription = subscribers[i] as Subscription;
      if (subscription.buffer) {
        this.#hold(subscription, publication);
        continue;
      }
      const given = this.#give(subscription, publication, encoder);
      if (given) delivered++;
      else if (given === undefined) (unknown ??= []).push(subscription);
    }
    this.#metrics.deliveries += delivered;
    // Without a word they would never know that they may have missed something.
    for (const subscription of unknown ?? []) subscription.owner.insufficientState(subscription);
    return delivered;
  }

  /** Tells those subscribers who asked for it that somebody came or went. */
  deliverPresence(kind: 'join' | 'leave', name: string, info: ClientInfo): void {
    const channel = this.#channels.get(name);
    if (!channel) return;
    const forms: (Uint8Array | undefined)[] = [];
    for (const subscription of channel.subscribers) {
      if (!subscription.has(flags.joinLeave) || subscription.buffer) continue;
      const { format } = subscription.recipient;
      const push = kind === 'join' ? { channel: name, join: { info } } : { channel: name, leave: { info } };
      subscription.recipient.push((forms[format.index] ??= encodePush(format, push)));
    }
  }

  /** Publications of this channel may have been missed: everybody who relies on the position starts over. */
  gap(name: string): void {
    const channel = this.#channels.get(name);
    if (!channel) return;
    channel.position = undefined;
    channel.previous = undefined;
    for (const subscription of channel.subscribers.slice()) {
      if (subscription.has(flags.positioned) && !subscription.buffer)
        subscription.owner.insufficientState(subscription);
      subscription.set(flags.deltaBase, false);
    }
  }

  /** Whether a result that ends at `position`, what was buffered behind it and what comes next are one stream. */
  #joinsOn(channel: HubChannel, position: Position, buffer: readonly Publication[]): boolean {
    let last = position.offset;
    for (const { offset = 0 } of buffer) {
      if (offset > last + 1) return false;
      if (offset > last) last = offset;
    }
    const at = channel.position;
    if (at && at.epoch === position.epoch) return at.offset <= last;
    if (at) {
      // Either stream may be the newer one. If something came live meanwhile, history is asked again.
      if (buffer.some(({ offset = 0 }) => offset > 0)) return false;
      this.gap(channel.name);
    }
    channel.position = { offset: last, epoch: position.epoch };
    return true;
  }

  /** Whether the publication is the next of its stream; a duplicate is dropped, a hole or a new stream is a gap. */
  #follows(channel: HubChannel, position: Position): boolean {
    const at = channel.position;
    if (at) {
      if (at.epoch === position.epoch) {
        if (position.offset <= at.offset) return false;
        if (position.offset > at.offset + 1) this.gap(channel.name);
      } else {
        this.gap(channel.name);
      }
    }
    channel.position = position;
    return true;
  }

  #hold(subscription: Subscription, publication: Publication): void {
    const buffer = subscription.buffer as Publication[];
    // Beyond the bound the hole shows when the buffer is merged, and the client starts over.
    if (buffer.length < maxBuffered) buffer.push(publication);
  }

  /** @returns whether it received it; undefined: nobody can say at present whether it may. */
  #give(subscription: Subscription, publication: Publication, encoder: PublicationEncoder): boolean | undefined {
    const { recipient } = subscription;
    const offset = publication.offset ?? 0;
    if (offset !== 0 && offset <= subscription.startOffset) {
      // The node has moved on, the subscriber has not: the next one is sent full.
      subscription.set(flags.deltaBase, false);
      return false;
    }
    const takes = subscription.extra === undefined || subscription.takes(publication);
    if (takes !== true) {
      // It does not hold this one, so the next cannot be a patch against it.
      subscription.set(flags.deltaBase, false);
      return takes;
    }
    if (!subscription.has(flags.delta)) {
      recipient.push(encoder.encode(recipient.format, variants.plain));
    } else if (subscription.has(flags.deltaBase)) {
      recipient.push(encoder.encode(recipient.format, variants.deltaPatch));
    } else {
      recipient.push(encoder.encode(recipient.format, variants.deltaFull));
      subscription.set(flags.deltaBase, true);
    }
    return true;
  }
}
