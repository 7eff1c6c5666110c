/**
 * Presence of all channels in memory. A channel with nobody on it costs nothing; a renewal costs one look-up.
 */
import type { ClientInfo } from '@tidings/protocol';
import type { Clock } from '../lib/clock.ts';
import { ExpiryHeap, type Expiring } from '../lib/expiry-heap.ts';
import { Sweeper } from '../lib/sweeper.ts';

interface Member extends Expiring {
  info: ClientInfo;
  expiresAtMs: number;
}

/** Queued in the sweeper by the member due first. */
class PresenceChannel implements Expiring {
  readonly name: string;
  heapDueMs = 0;
  heapIndex = -1;
  readonly members = new Map<string, Member>();
  /** Clients by user, so that users need not be counted. */
  readonly users = new Map<string, number>();
  /** A member is queued at an expiry it had once: renewing does not move it. */
  readonly heap = new ExpiryHeap<Member>();

  constructor(name: string) {
    this.name = name;
  }

  add(member: Member): void {
    this.members.set(member.info.client, member);
    this.countUser(member.info.user, 1);
    this.heap.set(member, member.expiresAtMs);
  }

  delete(member: Member): void {
    this.members.delete(member.info.client);
    this.countUser(member.info.user, -1);
    this.heap.delete(member);
  }

  countUser(user: string, by: number): void {
    const count = (this.users.get(user) ?? 0) + by;
    if (count === 0) this.users.delete(user);
    else this.users.set(user, count);
  }

  trim(nowMs: number): void {
    for (let first = this.heap.first; first && first.heapDueMs <= nowMs; first = this.heap.first) {
      if (first.expiresAtMs <= nowMs) this.delete(first);
      else this.heap.set(first, first.expiresAtMs);
    }
  }
}

export class PresenceTable {
  readonly #clock: Clock;
  readonly #channels = new Map<string, PresenceChannel>();
  readonly #sweeper: Sweeper<PresenceChannel>;
  #stores = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sweeper = new Sweeper(clock, (channel, nowMs) => {
      channel.trim(nowMs);
      this.#queue(channel);
    });
  }

  /** Channels that anything is kept of. */
  get size(): number {
    return this.#channels.size;
  }

  /** The sweep runs from the first store's start to the last one's stop. */
  start(): void {
    if (this.#stores++ === 0) this.#sweeper.start();
  }

  stop(): void {
    if (--this.#stores === 0) this.#sweeper.stop();
  }

  touch(name: string, info: ClientInfo, ttlMs: number): void {
    const expiresAtMs = this.#clock.now() + ttlMs;
    let channel = this.#channels.get(name);
    if (!channel) {
      channel = new PresenceChannel(name);
      this.#channels.set(name, channel);
    }
    const member = channel.members.get(info.client);
    if (!member) {
      channel.add({ info, expiresAtMs, heapDueMs: 0, heapIndex: -1 });
    } else {
      if (member.info.user !== info.user) {
        channel.countUser(member.info.user, -1);
        channel.countUser(info.user, 1);
      }
      member.info = info;
      member.expiresAtMs = expiresAtMs;
      if (expiresAtMs < member.heapDueMs) channel.heap.set(member, expiresAtMs);
    }
    this.#queue(channel);
  }

  remove(name: string, clientId: string): void {
    const channel = this.#channels.get(name);
    const member = channel?.members.get(clientId);
    if (!channel || !member) return;
    channel.delete(member);
    this.#queue(channel);
  }

  list(name: string): Map<string, ClientInfo> {
    const infos = new Map<string, ClientInfo>();
    for (const [clientId, member] of this.#current(name)?.members ?? []) infos.set(clientId, member.info);
    return infos;
  }

  stats(name: string): { clients: number; users: number } {
    const channel = this.#current(name);
    return { clients: channel?.members.size ?? 0, users: channel?.users.size ?? 0 };
  }

  /** The channel without what has expired. */
  #current(name: string): PresenceChannel | undefined {
    const channel = this.#channels.get(name);
    if (!channel) return undefined;
    channel.trim(this.#clock.now());
    this.#queue(channel);
    return channel;
  }

  /** Queues a channel by its first member, or forgets it with its last. */
  #queue(channel: PresenceChannel): void {
    const first = channel.heap.first;
    if (!first) {
      this.#sweeper.delete(channel);
      this.#channels.delete(channel.name);
    } else if (channel.heapIndex < 0 || first.heapDueMs < channel.heapDueMs) {
      this.#sweeper.set(channel, first.heapDueMs);
    }
  }
}
