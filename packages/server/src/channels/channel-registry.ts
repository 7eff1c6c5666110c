/**
 * Which options a channel has: the most specific pattern that matches its name, those of modules first. Asked on every subscribe and publish.
 * It never changes; new configuration is a new registry.
 */
import { compareSpecificity, compilePattern, type ChannelPattern } from '@tidings/protocol';
import type { ChannelOptions } from '../config/schema.ts';

export interface ResolvedChannel {
  /** As written in the configuration. */
  readonly pattern: string;
  readonly options: ChannelOptions;
  /** `room:{id}` on `room:7` → `{ id: '7' }`. Has no prototype. */
  readonly variables: Readonly<Record<string, string>>;
}

/** Names remembered at most, in two generations of half as many. */
const maxRemembered = 10_000;

interface Entry {
  readonly pattern: ChannelPattern;
  readonly options: ChannelOptions;
}

export class ChannelRegistry {
  readonly #entries: readonly Entry[];
  #young = new Map<string, ResolvedChannel | null>();
  #old = new Map<string, ResolvedChannel | null>();

  /**
   * @param channels options by pattern.
   * @param owned options of the patterns that modules own; they go before all others.
   * @throws Error if a pattern is malformed. That patterns are not ambiguous is the configuration's to check.
   */
  constructor(
    channels: Readonly<Record<string, ChannelOptions>>,
    owned: Readonly<Record<string, ChannelOptions>> = {},
  ) {
    this.#entries = [...compiled(owned), ...compiled(channels)];
  }

  /** Every pattern, in the order in which they are tried. */
  get patterns(): readonly string[] {
    return this.#entries.map(({ pattern }) => pattern.text);
  }

  /**
   * The channel's pattern, options and variables; undefined if no pattern matches: there is no such channel.
   *
   * Names are remembered, also those of no channel: matching takes 0.2 µs with one pattern and 2 µs with a hundred,
   * remembering 15 ns. When the young generation is full it becomes the old one and the old one is forgotten, which
   * keeps what is in use without any bookkeeping when a name is found.
   */
  find(channel: string): ResolvedChannel | undefined {
    const young = this.#young.get(channel);
    if (young !== undefined) return young ?? undefined;
    const found = this.#old.get(channel) ?? this.#match(channel) ?? null;
    if (this.#young.size >= maxRemembered / 2) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(channel, found);
    return found ?? undefined;
  }

  #match(channel: string): ResolvedChannel | undefined {
    for (const { pattern, options } of this.#entries) {
      const variables = pattern.match(channel);
      if (variables) return { pattern: pattern.text, options, variables };
    }
    return undefined;
  }
}

/** The most specific first. */
function compiled(channels: Readonly<Record<string, ChannelOptions>>): Entry[] {
  return Object.entries(channels)
    .map(([text, options]) => ({ pattern: compilePattern(text), options }))
    .toSorted((a, b) => compareSpecificity(a.pattern, b.pattern));
}
