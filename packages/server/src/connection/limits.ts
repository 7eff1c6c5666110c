/**
 * What one address, one user and one node may take: connections, and commands per second. The engine asks before it
 * makes a connection; the connection asks when it knows its user, and before every command.
 */
import { isIPv4, isIPv6 } from 'node:net';
import type { Config } from '../config/schema.ts';

/**
 * Lets so many things a second pass, and a burst after a rest. It holds a number of tokens and when that was counted;
 * nothing runs in between.
 */
export class TokenBucket {
  #perSecond: number;
  #burst: number;
  #tokens: number;
  #countedMs: number;

  /**
   * Starts full.
   * @param perSecond tokens that come back per second; 0 is no limit.
   * @param burst tokens it holds at most.
   */
  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#countedMs = nowMs;
  }

  get perSecond(): number {
    return this.#perSecond;
  }

  /** Takes a token. @returns false if there is none. */
  take(nowMs: number): boolean {
    if (this.#perSecond === 0) return true;
    this.#count(nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Changes rate and burst; what was earned so far stays, within the new burst. */
  replace(perSecond: number, burst: number, nowMs: number): void {
    this.#count(nowMs);
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = Math.min(this.#tokens, burst);
  }

  #count(nowMs: number): void {
    // A clock set back gives nothing, and counts on from there.
    const elapsedMs = Math.max(0, nowMs - this.#countedMs);
    this.#tokens = Math.min(this.#burst, this.#tokens + (elapsedMs * this.#perSecond) / 1000);
    this.#countedMs = nowMs;
  }
}

type Limits = Pick<
  Config['limits'],
  'connections' | 'connectionsPerUser' | 'connectionsPerAddress' | 'commandsPerSecondPerUser'
>;

interface UserState {
  connections: number;
  /** Shared by the user's connections, made with the first command under a limit. */
  commands: TokenBucket | undefined;
}

/**
 * Counts connections. Law: everything admitted is released once; what was refused is not. It counts without a limit
 * too, so that a limit set later holds at once; one set below what is there only refuses new ones. Of users and
 * addresses without connections nothing is kept.
 */
export class ConnectionLimits {
  #limits: Limits;
  #total = 0;
  readonly #addresses = new Map<string, number>();
  readonly #users = new Map<string, UserState>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Takes over new limits. */
  replace(limits: Limits): void {
    this.#limits = limits;
  }

  /** Connections admitted on this node and not released. */
  get total(): number {
    return this.#total;
  }

  /** Users and addresses that something is kept of. */
  get size(): number {
    return this.#users.size + this.#addresses.size;
  }

  /** Counts a connection to node and address. @returns false if either has enough. */
  admitAddress(address: string): boolean {
    const key = addressKey(address);
    const count = this.#addresses.get(key) ?? 0;
    const { connections, connectionsPerAddress } = this.#limits;
    if (isFull(this.#total, connections) || isFull(count, connectionsPerAddress)) return false;
    this.#addresses.set(key, count + 1);
    this.#total++;
    return true;
  }

  /** Does nothing if no connection of this address is counted. */
  releaseAddress(address: string): void {
    const key = addressKey(address);
    const count = this.#addresses.get(key);
    if (count === undefined) return;
    if (count === 1) this.#addresses.delete(key);
    else this.#addresses.set(key, count - 1);
    this.#total--;
  }

  /** Counts a connection to a user; leave out anonymous ones, who are not one user. @returns false if they have enough. */
  admitUser(user: string): boolean {
    const state = this.#users.get(user);
    if (isFull(state?.connections ?? 0, this.#limits.connectionsPerUser)) return false;
    if (state) state.connections++;
    else this.#users.set(user, { connections: 1, commands: undefined });
    return true;
  }

  /** Does nothing if no connection of this user is counted. */
  releaseUser(user: string): void {
    const state = this.#users.get(user);
    if (!state) return;
    state.connections--;
    if (state.connections === 0) this.#users.delete(user);
  }

  /** Whether a user may give another command, over all their connections; always, for one without any counted. */
  takeCommand(user: string, nowMs: number): boolean {
    const rate = this.#limits.commandsPerSecondPerUser;
    if (rate === 0) return true;
    const state = this.#users.get(user);
    if (!state) return true;
    state.commands ??= new TokenBucket(rate, 2 * rate, nowMs);
    if (state.commands.perSecond !== rate) state.commands.replace(rate, 2 * rate, nowMs);
    return state.commands.take(nowMs);
  }
}

function isFull(count: number, limit: number): boolean {
  return limit > 0 && count >= limit;
}

/**
 * What an address counts as. One customer usually has a whole IPv6 /64 (RFC 6177), so that is counted as one; an IPv4
 * address in IPv6 clothes (RFC 4291 §2.5.5.2) counts as IPv4. Anything else counts as it is.
 */
export function addressKey(address: string): string {
  if (isIPv4(address)) return address;
  const bare = address.split('%', 1)[0] as string;
  if (!isIPv6(bare)) return address;
  const groups = ipv6Groups(bare);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    const [high = 0, low = 0] = groups.slice(6);
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}

/** The eight groups of a valid IPv6 address. */
function ipv6Groups(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const before = parseGroups(head);
  if (tail === undefined) return before;
  const after = parseGroups(tail);
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function parseGroups(part: string): number[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}
