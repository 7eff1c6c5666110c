/**
 * The server API of this engine: what the application asks over HTTP or, embedded, as functions. What concerns
 * connections is asked of every node, since a user may be on any.
 */
import { closeCodes, errors, ProtocolError, unsubscribeCodes, type ErrorMessage, type Push } from '@tidings/protocol';
import { historyOf } from './channel-owner.ts';
import type { Client } from './client.ts';
import type { Cluster } from './cluster.ts';
import type { Core } from './core.ts';
import { Disconnect } from './disconnect.ts';
import { channelLane } from './connection/dispatch.ts';
import type { DeadLetter } from './events/dead-letters.ts';
import { readHistory } from './history.ts';
import { rawPayload } from './http/json-payload.ts';
import type {
  ApiBroadcastRequest,
  ApiBroadcastResult,
  ApiChannelRequest,
  ApiChannelsRequest,
  ApiChannelsResult,
  ApiDisconnectRequest,
  ApiEventChoiceRequest,
  ApiEventDeadLettersRequest,
  ApiEventDeadLettersResult,
  ApiHistoryRequest,
  ApiHistoryResult,
  ApiInfoResult,
  ApiPresenceResult,
  ApiPresenceStatsResult,
  ApiPublishRequest,
  ApiPublishResult,
  ApiRefreshRequest,
  ApiRelationChangeResult,
  ApiRelationFactsRequest,
  ApiRelationListRequest,
  ApiRelationListResult,
  ApiRpcRequest,
  ApiRpcResult,
  ApiSubscribeRequest,
  ApiUnsubscribeRequest,
  ServerApi,
} from './http/server-api.ts';
import { countPresence, listPresence } from './presence.ts';
import { checkInfo, publishFromServer } from './publish.ts';
import { subscribeFromServer } from './subscribe.ts';
import { unsubscribeFromServer } from './unsubscribe.ts';

interface Target {
  readonly user?: string | undefined;
  readonly client?: string | undefined;
  readonly session?: string | undefined;
}

/** A handler of an embedded engine for `api.rpc`. */
export type ApiRpcHandler = (request: ApiRpcRequest) => Promise<ApiRpcResult>;

interface InvalidateRequest {
  readonly relation: string;
  readonly fact?: readonly (string | number | boolean | { readonly int: string })[] | undefined;
}

type Fact = readonly (string | number | bigint | boolean)[];

/** Facts that the application gives and takes. @throws ProtocolError 107 for what is no such relation or fact. */
export interface FactStore {
  add(relation: string, facts: readonly Fact[]): Promise<number>;
  remove(relation: string, facts: readonly Fact[]): Promise<number>;
  list(relation: string, page: { readonly after?: string; readonly limit?: number }): Promise<ApiRelationListResult>;
  /** Forgets what functions answered, on this node. */
  invalidate(relation: string, fact: Fact | undefined): void;
}

export interface EngineApiOptions {
  readonly core: Core;
  readonly cluster: () => Cluster;
  readonly facts: FactStore;
  readonly rpc: ApiRpcHandler | undefined;
}

export class EngineApi implements ServerApi {
  readonly #core: Core;
  readonly #cluster: () => Cluster;
  readonly #facts: FactStore;
  readonly #rpc: ApiRpcHandler | undefined;

  constructor({ core, cluster, facts, rpc }: EngineApiOptions) {
    this.#core = core;
    this.#cluster = cluster;
    this.#facts = facts;
    this.#rpc = rpc;
  }

  async publish(request: ApiPublishRequest): Promise<ApiPublishResult> {
    const { position } = await publishFromServer(this.#core, request);
    return position ? { offset: position.offset, epoch: position.epoch } : {};
  }

  async broadcast({ channels, ...publication }: ApiBroadcastRequest): Promise<ApiBroadcastResult> {
    const responses = channels.map(async (channel) => {
      try {
        return { result: await this.publish({ ...publication, channel }) };
      } catch (error) {
        return { error: this.#messageOf(error) };
      }
    });
    return { responses: await Promise.all(responses) };
  }

  async subscribe(request: ApiSubscribeRequest): Promise<void> {
    await this.#everywhere('subscribe', request);
  }

  async unsubscribe(request: ApiUnsubscribeRequest): Promise<void> {
    await this.#everywhere('unsubscribe', request);
  }

  async disconnect(request: ApiDisconnectRequest): Promise<void> {
    await this.#everywhere('disconnect', request);
  }

  async refresh(request: ApiRefreshRequest): Promise<void> {
    await this.#everywhere('refresh', request);
  }

  async presence({ channel }: ApiChannelRequest): Promise<ApiPresenceResult> {
    return { presence: Object.fromEntries(await listPresence(this.#core, channel)) };
  }

  async presenceStats({ channel }: ApiChannelRequest): Promise<ApiPresenceStatsResult> {
    return countPresence(this.#core, channel);
  }

  async history(request: ApiHistoryRequest): Promise<ApiHistoryResult> {
    const { publications, position } = await readHistory(this.#core, { ...request, limit: request.limit ?? 0 });
    return { publications, offset: position.offset, epoch: position.epoch };
  }

  async historyRemove({ channel }: ApiChannelRequest): Promise<void> {
    await historyOf(this.#core, channel).remove(channel);
  }

  async channels(request: ApiChannelsRequest): Promise<ApiChannelsResult> {
    const counts = new Map<string, number>();
    const answers = (await this.#cluster().callAll('channels', request)) as [string, number][][];
    for (const answer of answers) {
      for (const [channel, clients] of answer) counts.set(channel, (counts.get(channel) ?? 0) + clients);
    }
    return { channels: Object.fromEntries([...counts].map(([channel, clients]) => [channel, { clients }])) };
  }

  async info(): Promise<ApiInfoResult> {
    return {
      nodes: this.#cluster()
        .nodes()
        .map(({ uid, uptime, ...node }) => ({ id: uid, uptimeSeconds: uptime, ...node })),
    };
  }

  async relationAdd({ relation, facts }: ApiRelationFactsRequest): Promise<ApiRelationChangeResult> {
    return { changed: await this.#facts.add(relation, facts) };
  }

  async relationRemove({ relation, facts }: ApiRelationFactsRequest): Promise<ApiRelationChangeResult> {
    return { changed: await this.#facts.remove(relation, facts) };
  }

  async relationList({ relation, after, limit }: ApiRelationListRequest): Promise<ApiRelationListResult> {
    return this.#facts.list(relation, {
      ...(after !== undefined && { after }),
      ...(limit !== undefined && { limit }),
    });
  }

  /** Forgets what the function of a relation answered, on every node. @param fact without it, everything. */
  async relationInvalidate(relation: string, fact?: Fact): Promise<void> {
    // JSON of control messages has no integers beyond 2^53.
    const texts = fact?.map((arg) => (typeof arg === 'bigint' ? { int: String(arg) } : arg));
    await this.#everywhere('relationInvalidate', { relation, fact: texts });
  }

  async eventDeadLetters({ limit = 100, after }: ApiEventDeadLettersRequest): Promise<ApiEventDeadLettersResult> {
    const pages = await this.#cluster().callAll('eventDeadLetters', { limit, after });
    const all = (pages as DeadLetter[][]).flat().toSorted((a, b) => a.diedAtMs - b.diedAtMs || (a.id < b.id ? -1 : 1));
    const letters = all.slice(0, limit).map(({ body, ...letter }) => ({ ...letter, event: rawPayload(body) }));
    const last = letters.at(-1);
    return { letters, ...(last && letters.length === limit && { next: `${last.diedAtMs}-${last.id}` }) };
  }

  async eventRetry(request: ApiEventChoiceRequest): Promise<number> {
    return sum((await this.#cluster().callAll('eventRetry', request)) as number[]);
  }

  async eventDrop(request: ApiEventChoiceRequest): Promise<number> {
    return sum((await this.#cluster().callAll('eventDrop', request)) as number[]);
  }

  async rpc(request: ApiRpcRequest): Promise<ApiRpcResult> {
    if (!this.#rpc)
      throw new ProtocolError(errors.methodNotFound, { detail: `no handler for api method ${request.method}` });
    return this.#rpc(request);
  }

  /** What other nodes call here. */
  readonly clusterMethods = {
    subscribe: (request: ApiSubscribeRequest): Promise<unknown> =>
      this.#eachClient(request, (client) => this.#subscribe(client, request)),
    unsubscribe: (request: ApiUnsubscribeRequest): Promise<unknown> =>
      this.#eachClient(request, (client) =>
        // Behind a subscribe under way: the client must have its result before the push that ends it.
        client.inLane(channelLane(request.channel), async () => {
          const subscription = client.subscriptions.get(request.channel);
          if (subscription) unsubscribeFromServer(this.#core, client, subscription, unsubscribeCodes.server);
        }),
      ),
    disconnect: (request: ApiDisconnectRequest): Promise<unknown> =>
      this.#eachClient(request, async (client) => {
        if (request.whitelist?.includes(client.id)) return;
        client.disconnect(request.disconnect ?? closeCodes.forceNoReconnect, 'server API');
      }),
    refresh: (request: ApiRefreshRequest): Promise<unknown> =>
      this.#eachClient(request, async (client) => this.#refresh(client, request)),
    relationInvalidate: ({ relation, fact }: InvalidateRequest): ErrorMessage | null => {
      try {
        this.#facts.invalidate(
          relation,
          fact?.map((arg) => (typeof arg === 'object' ? BigInt(arg.int) : arg)),
        );
        return null;
      } catch (error) {
        return this.#messageOf(error);
      }
    },
    eventDeadLetters: ({ limit, after }: { limit: number; after?: string }): readonly DeadLetter[] => {
      const [diedAt, ...id] = after?.split('-') ?? [];
      const place = diedAt === undefined ? undefined : { diedAtMs: Number(diedAt), id: id.join('-') };
      return this.#core.events.deadLetters?.list(limit, place) ?? [];
    },
    eventRetry: async ({ ids }: ApiEventChoiceRequest): Promise<number> =>
      (await this.#core.events.deadLetters?.retry(ids)) ?? 0,
    eventDrop: async ({ ids }: ApiEventChoiceRequest): Promise<number> =>
      (await this.#core.events.deadLetters?.drop(ids)) ?? 0,
    channels: ({ pattern }: ApiChannelsRequest): [string, number][] => {
      const matches = pattern ? wildcard(pattern) : () => true;
      const channels = [...this.#core.hub.channels.values()].filter(({ name }) => matches(name));
      return channels.map(({ name, subscribers }) => [name, subscribers.length]);
    },
  } as const;

  async #everywhere(method: string, request: object): Promise<void> {
    const answers = (await this.#cluster().callAll(method, request)) as (ErrorMessage | null)[];
    const failed = answers.find((answer) => answer !== null);
    if (failed) throw new ProtocolError({ temporary: false, ...failed });
  }

  /** Applies `work` to every client meant; the first protocol error is the answer. */
  async #eachClient(target: Target, work: (client: Client) => Promise<void>): Promise<ErrorMessage | null> {
    const settled = await Promise.allSettled(this.#clientsOf(target).map(work));
    const failed = settled.find((one) => one.status === 'rejected');
    return failed ? this.#messageOf(failed.reason) : null;
  }

  #clientsOf({ user, client, session }: Target): Client[] {
    const { clients } = this.#core;
    const meant = client
      ? [clients.get(client)].filter((one) => one !== undefined)
      : user !== undefined
        ? [...clients.ofUser(user)]
        : [...clients.all()];
    return meant.filter((one) => (user === undefined || one.user === user) && (!session || one.session === session));
  }

  async #subscribe(client: Client, request: ApiSubscribeRequest): Promise<void> {
    await client.inLane(channelLane(request.channel), async () => {
      if (client.isClosed || client.subscriptions.has(request.channel)) return;
      const { channel, info, data, expireAt, override, recoverSince } = request;
      const joinLeave = override?.joinLeave ?? override?.pushJoinLeave;
      const grant = {
        ...(info && { info }),
        ...(data && { data }),
        ...(expireAt && { expireAt }),
        ...(override && {
          override: {
            ...(override.presence !== undefined && { presence: override.presence }),
            ...(joinLeave !== undefined && { joinLeave }),
            ...(override.positioning !== undefined && { positioning: override.positioning }),
            ...(override.recovery !== undefined && { recovery: override.recovery }),
          },
        }),
      };
      const from = recoverSince ? { recover: true, offset: recoverSince.offset, epoch: recoverSince.epoch } : {};
      const { result, live } = await this.#orClose(client, () =>
        subscribeFromServer(this.#core, client, channel, grant, { channel, ...from }),
      );
      const { recoverable, positioned, epoch, offset, publications } = result;
      const push: Push = {
        channel,
        subscribe: {
          ...(recoverable && { recoverable }),
          ...(positioned && { positioned }),
          ...(epoch && { epoch }),
          ...(offset && { offset }),
          ...(data && { data }),
        },
      };
      client.push(push);
      for (const pub of publications ?? []) client.push({ channel, pub });
      live();
    });
  }

  /** What would close the connection if the client had asked closes it here too; the caller gets an error. */
  async #orClose<T>(client: Client, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Disconnect)) throw error;
      client.disconnect(error.closeReason, error.detail);
      const isLimit = error.closeReason === closeCodes.channelLimit;
      throw new ProtocolError(isLimit ? errors.limitExceeded : errors.internal, {
        detail: error.detail ?? error.message,
        cause: error,
      });
    }
  }

  #refresh(client: Client, { expired, expireAt, info }: ApiRefreshRequest): void {
    if (expired || (expireAt && expireAt * 1000 <= this.#core.clock.now())) {
      client.disconnect(closeCodes.expired, 'server API');
      return;
    }
    checkInfo(info);
    client.renew({ info: info ?? client.info, expireAtMs: expireAt ? expireAt * 1000 : undefined });
    const ttl = expireAt ? expireAt - Math.floor(this.#core.clock.now() / 1000) : 0;
    client.push({ refresh: expireAt ? { expires: true, ttl } : {} });
  }

  #messageOf(error: unknown): ErrorMessage {
    if (error instanceof ProtocolError) return { code: error.code, message: error.detail ?? error.message };
    this.#core.logger.error({ err: error }, 'server API call failed');
    return { code: errors.internal.code, message: errors.internal.message };
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

/** `*` is any text, `?` one character; linear in pattern × name, without backtracking over regular expressions. */
function wildcard(pattern: string): (name: string) => boolean {
  return (name) => {
    let star = -1;
    let resume = 0;
    let p = 0;
    let n = 0;
    while (n < name.length) {
      if (pattern[p] === '*') {
        star = p++;
        resume = n;
      } else if (pattern[p] === '?' || pattern[p] === name[n]) {
        p++;
        n++;
      } else if (star >= 0) {
        p = star + 1;
        n = ++resume;
      } else {
        return false;
      }
    }
    while (pattern[p] === '*') p++;
    return p === pattern.length;
  };
}
