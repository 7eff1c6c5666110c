/**
 * A module for tests of what stands beneath modules: maps of keys to values, one for each channel `map:{name}`. Its
 * history is the map itself: the latest value of each key, so that offsets have holes, as in chat.
 */
import { errors, ProtocolError, type Publication } from '@tidings/protocol';
import { z } from 'zod';
import type { Action, Decision } from '../auth/authorizer.ts';
import type { HistoryPage, HistoryQuery } from '../brokers/broker.ts';
import type { Module, ModuleActor, ModuleContext, ModuleEvent } from '../modules/module.ts';

interface Entry {
  readonly value: unknown;
  readonly rev: number;
}

interface MapState {
  epoch: string;
  rev: number;
  /** Who stood before it cannot be brought up to date. */
  minRev: number;
  readonly entries: Map<string, Entry>;
}

export interface Change {
  readonly key: string;
  readonly value: unknown;
}

const encoder = new TextEncoder();

/** What all nodes share, as they would share a database. */
export class MapModules {
  readonly #maps = new Map<string, MapState>();
  /** Of the nodes that were made, in order. */
  readonly contexts: ModuleContext[] = [];
  /** Who may do something; asked each time. */
  allows: (actor: ModuleActor, action: Action, name: string) => boolean | Promise<boolean> = () => true;
  /** What happens before and after the history of a map is read. */
  beforeRead: (() => Promise<void> | void) | undefined;
  afterRead: (() => Promise<void> | void) | undefined;
  /** Everybody who came and went: `+u1 news`, `-u1 news`. */
  readonly seen: string[] = [];
  /** What was called, in the order in which it began and ended. */
  readonly calls: string[] = [];

  /** The factory to give to an engine. */
  readonly factory = (context: ModuleContext): Module => {
    this.contexts.push(context);
    return {
      name: 'map',
      migrations: { owner: 'map', migrations: [] },
      channels: [
        {
          pattern: 'map:{name}',
          options: { recovery: 'always', positioning: 'always', history: { size: 1 } },
          decide: async (actor, action, { name = '' }): Promise<Decision> =>
            (await this.allows(actor, action, name))
              ? { allow: true }
              : { allow: false, error: errors.permissionDenied, because: 'the map says no' },
          history: { read: (channel, query) => this.#read(channel, query), remove: async () => {} },
          onSubscription: (actor, { name }, subscribed) => {
            this.seen.push(`${subscribed ? '+' : '-'}${actor.user} ${name}`);
          },
        },
        {
          pattern: 'map-news:{name}',
          options: { history: { size: 10 }, recovery: 'on-request' },
          decide: (actor) =>
            actor.user !== ''
              ? { allow: true }
              : { allow: false, error: errors.permissionDenied, because: 'for users only' },
        },
      ],
      commands: [
        {
          name: 'set',
          summary: 'Sets a key.',
          input: z.strictObject({
            name: z.string(),
            key: z.string().max(10),
            value: z.unknown(),
            ms: z.int().optional(),
          }),
          output: z.strictObject({ rev: z.int() }),
          example: { name: 'news', key: 'a', value: 1 },
          run: async (actor, input) => {
            const { name, key, value, ms } = input as { name: string; key: string; value: unknown; ms?: number };
            this.calls.push(`${key} begins for ${actor.system ? 'the back end' : actor.user || 'nobody'}`);
            if (ms !== undefined) await new Promise<void>((resolve) => context.clock.setTimeout(resolve, ms));
            this.calls.push(`${key} ends`);
            if (key === 'bad') throw new Error('a defect');
            if (key === 'no') throw new MapError('not this one');
            return { rev: await this.set(name, key, value, context) };
          },
        },
        {
          name: 'clear',
          summary: 'Does nothing.',
          input: z.strictObject({}),
          output: z.strictObject({}),
          example: {},
          run: async () => ({}),
        },
      ],
      httpStatus: (code) => (code === mapErrorCode ? 418 : undefined),
      start: async () => {},
      stop: async () => {},
    };
  };

  /** Changes a map, and publishes that from one of the nodes. @returns the revision. */
  async set(name: string, key: string, value: unknown, context = this.contexts[0] as ModuleContext): Promise<number> {
    const map = this.map(name);
    const rev = ++map.rev;
    map.entries.set(key, { value, rev });
    await context.publish(`map:${name}`, JSON.stringify({ key, value } satisfies Change), {
      position: { offset: rev, epoch: map.epoch },
    });
    return rev;
  }

  map(name: string): MapState {
    let map = this.#maps.get(name);
    if (!map) this.#maps.set(name, (map = { epoch: 'e1', rev: 0, minRev: 0, entries: new Map() }));
    return map;
  }

  /** The numbering starts anew. */
  restart(name: string): void {
    const map = this.map(name);
    map.epoch = `e${Number(map.epoch.slice(1)) + 1}`;
    map.rev = map.entries.size;
    map.minRev = 0;
    [...map.entries].forEach(([key, { value }], i) => map.entries.set(key, { value, rev: i + 1 }));
  }

  event(type: string, subject: string, id: string, data: unknown = {}): ModuleEvent {
    return { type, subject, id, json: JSON.stringify(data), time: 1_700_000_000_000 };
  }

  async #read(channel: string, { since, limit, reverse }: HistoryQuery): Promise<HistoryPage> {
    await this.beforeRead?.();
    const map = this.map(channel.slice('map:'.length));
    const position = { offset: map.rev, epoch: map.epoch };
    const isSame = since === undefined || since.epoch === map.epoch;
    const from = since?.offset ?? 0;
    const changes = [...map.entries]
      .filter(([, { rev }]) => limit !== 0 && isSame && (reverse ? since === undefined || rev < from : rev > from))
      .toSorted(([, a], [, b]) => (reverse ? b.rev - a.rev : a.rev - b.rev));
    const shown = limit < 0 ? changes : changes.slice(0, limit);
    const page = {
      publications: shown.map(([key, { value, rev }]): Publication => ({
        offset: rev,
        data: encoder.encode(JSON.stringify({ key, value } satisfies Change)),
      })),
      position,
      complete: isSame && shown.length === changes.length && from >= map.minRev && from <= map.rev,
    };
    await this.afterRead?.();
    return page;
  }
}

const mapErrorCode = 1900;

class MapError extends ProtocolError {
  constructor(detail: string) {
    super({ code: mapErrorCode, message: `the map refuses: ${detail}`, temporary: false }, { detail });
  }
}
