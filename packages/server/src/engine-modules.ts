/**
 * The part of the composition root that modules need: gives each what the engine has, and puts together what they add to
 * it: channels, commands, routes, and what starts and stops.
 */
import type { ClientInfo, Payload } from '@tidings/protocol';
import { errors } from '@tidings/protocol';
import type { Action, Actor } from './auth/authorizer.ts';
import type { ChannelOwner } from './channel-owner.ts';
import type { Cluster } from './cluster.ts';
import { Commands, type Caller, type CommandGroup } from './commands.ts';
import type { Component } from './component.ts';
import { ConfigError, formatKey } from './config/config-error.ts';
import { shadowedPatterns } from './config/owned-patterns.ts';
import { channelOptionsSchema, type ChannelOptions, type Config } from './config/schema.ts';
import type { Core } from './core.ts';
import type { HttpRoute } from './http/route.ts';
import { CounterMap, type CounterTable, type Metrics } from './lib/metrics.ts';
import type { Module, ModuleActor, ModuleChannels, ModuleContext, ModuleFactory } from './modules/module.ts';
import { historyOptions } from './publish.ts';
import type { MigrationSet, Store } from './stores/store.ts';

export interface EngineModulesOptions {
  readonly factories: readonly ModuleFactory[];
  readonly config: Config;
  /** There is one if there are factories. */
  readonly store: Store | undefined;
  readonly metrics: Metrics;
  /** Complete by the time a module starts. */
  readonly core: () => Core;
  readonly cluster: () => Cluster;
  readonly clock: ModuleContext['clock'];
  readonly logger: ModuleContext['logger'];
  readonly nodeId: string;
  readonly presence: ModuleContext['presence'];
}

interface OwnedPattern {
  readonly channels: ModuleChannels;
  readonly options: ChannelOptions;
}

const encoder = new TextEncoder();

export class EngineModules {
  /** Who owns the channels of a pattern. */
  readonly owners: ReadonlyMap<string, ChannelOwner>;
  /** Options of the patterns that modules own. */
  readonly patterns: Readonly<Record<string, ChannelOptions>>;
  readonly commands: Commands;
  readonly routes: readonly HttpRoute[];
  readonly migrations: readonly MigrationSet[];
  /** To be started in this order, behind everything that modules use. */
  readonly components: readonly Component[];
  readonly #options: EngineModulesOptions;
  readonly #owned = new Map<string, OwnedPattern>();

  /** @throws ConfigError for a channel pattern of the configuration that a module needs. */
  constructor(options: EngineModulesOptions) {
    this.#options = options;
    const { factories, store, config, metrics } = options;
    const modules: Module[] = [];
    for (const factory of factories) {
      if (!store) throw new Error('modules need a store');
      modules.push(this.#make(factory, store));
    }
    const owners = new Map<string, ChannelOwner>();
    for (const module of modules) {
      for (const channels of module.channels) {
        const { pattern } = channels;
        if (owners.has(pattern)) throw new Error(`two modules own the channels ${pattern}`);
        owners.set(pattern, this.#ownerOf(module, channels));
        this.#owned.set(pattern, { channels, options: channelOptionsSchema.parse(channels.options) });
      }
    }
    this.owners = owners;
    this.patterns = Object.fromEntries([...this.#owned].map(([pattern, owned]) => [pattern, owned.options]));
    checkPatterns(config, [...owners.keys()]);
    this.commands = new Commands(modules.map(groupOf), metrics);
    this.routes = modules.flatMap(({ routes = [] }) => routes);
    this.migrations = modules.map(({ migrations }) => migrations);
    this.components = modules;
  }

  /** @throws Error for a module that was named before. */
  #make(factory: ModuleFactory, store: Store): Module {
    const { config, clock, logger, nodeId, presence, metrics } = this.#options;
    // Known only when the module is made; nothing is counted or said before.
    let name = '';
    const module = factory({
      nodeId,
      clock,
      logger,
      store,
      presence,
      dataDir: config.dataDir,
      operations: new ModuleOperations(metrics.moduleOperations, () => name),
      publish: (channel, json, options = {}) => this.#publish(name, channel, json, options),
      reconsider: (channel, user) => this.#reconsider(channel, user),
      reconsiderUser: (pattern, user) => this.#reconsiderUser(name, pattern, user),
      isOccupied: (channel) => (this.#options.core().hub.channels.get(channel)?.subscribers.length ?? 0) > 0,
      isHeard: (channel) => this.#options.core().broker.isSubscribed?.(channel) ?? true,
      wantsEvent: (type) => this.#options.core().events.wants(type),
      emit: (event) => this.#options.core().events.report(event),
    });
    ({ name } = module);
    return module;
  }

  #ownerOf(module: Module, channels: ModuleChannels): ChannelOwner {
    const { logger } = this.#options;
    return {
      module: module.name,
      history: channels.history,
      decide: (who: Actor, action: Action, variables) => channels.decide(actorOf(who), action, variables),
      onSubscription: (who, variables, subscribed) => {
        try {
          channels.onSubscription?.(actorOf(who), variables, subscribed);
        } catch (error) {
          logger.error({ err: error, module: module.name, client: who.client }, 'a module failed');
        }
      },
    };
  }

  async #publish(
    module: string,
    channel: string,
    json: string,
    { position, info, tags }: NonNullable<Parameters<ModuleContext['publish']>[2]>,
  ): Promise<void> {
    const { broker, channels, owners, metrics } = this.#options.core();
    const resolved = channels.find(channel);
    const owner = resolved && owners.get(resolved.pattern);
    if (!resolved || owner?.module !== module) throw new Error(`${module} owns no channel ${channel}`);
    // What the broker does not keep may lie in memory shared with others, which costs less.
    const data: Payload = position ? Buffer.from(json) : encoder.encode(json);
    const draft: { data: Payload; info?: ClientInfo; tags?: Record<string, string> } = { data };
    if (info) draft.info = info;
    if (tags) draft.tags = tags;
    metrics.publications.add('module');
    // Where the module keeps the history, what has no place in it is a signal.
    const options = historyOptions(resolved.options, owner.history !== undefined);
    await broker.publish(channel, draft, position ? { ...options, position } : options);
  }

  async #reconsider(channel: string, user: string | undefined): Promise<void> {
    await this.#options.cluster().callAll('reconsider', { channel, ...(user !== undefined && { user }) });
  }

  async #reconsiderUser(module: string, pattern: string, user: string): Promise<void> {
    if (this.owners.get(pattern)?.module !== module) throw new Error(`${module} owns no channels ${pattern}`);
    await this.#options.cluster().callAll('reconsiderUser', { pattern, user });
  }

  /** What other nodes call here. */
  readonly clusterMethods = {
    /** Answered at once: every subscription is asked about, but that may take its time. */
    reconsider: ({ channel, user }: { readonly channel: string; readonly user?: string }): null => {
      this.#options.core().permissions.reconsider(channel, user);
      return null;
    },
    reconsiderUser: ({ pattern, user }: { readonly pattern: string; readonly user: string }): null => {
      this.#options.core().permissions.reconsiderUser(pattern, user);
      return null;
    },
  } as const;
}

/** Operations that a module counts itself, beside its commands. */
class ModuleOperations extends CounterMap {
  readonly #table: CounterTable;
  readonly #module: () => string;

  constructor(table: CounterTable, module: () => string) {
    super();
    this.#table = table;
    this.#module = module;
  }

  override add(label: string | number, by = 1): void {
    super.add(label, by);
    this.#table.add(`${this.#module()}.${label}`, 'ok', by);
  }
}

/** @throws ConfigError */
function checkPatterns(config: Config, owned: readonly string[]): void {
  const problems = shadowedPatterns(Object.keys(config.channels), owned).map(({ pattern, by }) => ({
    key: formatKey(['channels', pattern]),
    place: undefined,
    found: `a pattern that takes channels of ${by}, which a module owns`,
    valid: 'another pattern',
  }));
  if (problems.length > 0) throw new ConfigError(problems);
}

function groupOf(module: Module): CommandGroup {
  const { name, commands, invalidInput = errors.badRequest } = module;
  return {
    module: name,
    invalid: invalidInput,
    httpStatus: (code) => module.httpStatus?.(code),
    commands: commands.map((command) => ({
      ...command,
      name: `${name}.${command.name}`,
      run: (caller: Caller, input: unknown) => command.run(caller, input),
    })),
  };
}

function actorOf(who: Actor): ModuleActor {
  return {
    user: who.user,
    system: false,
    client: who.client,
    get auth() {
      return who.auth;
    },
  };
}
