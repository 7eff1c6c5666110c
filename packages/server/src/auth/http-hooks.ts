/**
 * Hooks over HTTP: each question to the application is one POST of JSON (`hook-protocol.ts`), answered within a time
 * limit. For applications in any language; an application that embeds Tidings passes functions instead.
 *
 * Path: connection → use case → **hook** → application.
 */
import type { HooksConfig } from '../config/schema.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Metrics } from '../lib/metrics.ts';
import { Semaphore } from '../lib/semaphore.ts';
import { HookCaller, type HookName } from './hook-caller.ts';
import { encodeHookRequest, readConnect, readPublish, readRefresh, readRpc, readSubscribe } from './hook-protocol.ts';
import type { HookClient, Hooks } from './hooks.ts';
import { HttpClient } from '../lib/http-client.ts';

export interface HttpHooksDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  /** From 0 to below 1; tests make it fixed. */
  readonly random?: () => number;
}

export interface HttpHooks extends Hooks {
  /** Ends calls under way (internal error) and closes connections. */
  stop(): void;
}

/**
 * A method for every hook that has a URL, and none for the others.
 *
 * `connect`, `refresh`, `subscribe` and `subRefresh` only ask, and may be asked again after a failure (`retries`).
 * `publish` and `rpc` may have effects: they are repeated only when the connection failed before anything was sent.
 */
export function createHttpHooks(config: HooksConfig, deps: HttpHooksDeps): HttpHooks {
  const http = new HttpClient(deps.clock);
  const places = new Semaphore(config.concurrency, config.queue, deps.clock);

  const caller = (name: HookName, repeatable: boolean): HookCaller | undefined => {
    const hook = config[name];
    return (
      hook &&
      new HookCaller({ ...deps, name, hook, repeatable, places, http, secret: config.secret, breaker: config.breaker })
    );
  };
  const connect = caller('connect', true);
  const refresh = caller('refresh', true);
  const subscribe = caller('subscribe', true);
  const subRefresh = caller('subRefresh', true);
  const publish = caller('publish', false);
  const rpc = caller('rpc', false);

  return {
    ...(connect && {
      connect: (request) => {
        const { token, name, version, data } = request;
        const body = encodeHookRequest({ ...asking(request), token, name, version }, data);
        return connect.call(request.client, body, request.headers, readConnect);
      },
    }),
    ...(refresh && {
      refresh: (request) =>
        refresh.call(request.client, encodeHookRequest(asking(request), undefined), request.headers, readRefresh),
    }),
    ...(subscribe && {
      subscribe: (request) => {
        const body = encodeHookRequest(
          { ...asking(request), channel: request.channel, token: request.token },
          request.data,
        );
        return subscribe.call(request.client, body, request.headers, readSubscribe);
      },
    }),
    ...(subRefresh && {
      subRefresh: (request) => {
        const body = encodeHookRequest({ ...asking(request), channel: request.channel }, undefined);
        return subRefresh.call(request.client, body, request.headers, readRefresh);
      },
    }),
    ...(publish && {
      publish: (request) => {
        const body = encodeHookRequest({ ...asking(request), channel: request.channel }, request.data);
        return publish.call(request.client, body, request.headers, readPublish);
      },
    }),
    ...(rpc && {
      rpc: (request) => {
        const body = encodeHookRequest({ ...asking(request), method: request.method }, request.data);
        return rpc.call(request.client, body, request.headers, readRpc);
      },
    }),
    stop: () => {
      places.close();
      http.stop();
    },
  };
}

/** The fields that every request has. A request of connect has no user yet. */
function asking(who: Omit<HookClient, 'user' | 'meta'> & { user?: string; meta?: unknown }): Record<string, unknown> {
  return {
    client: who.client,
    transport: who.transport,
    protocol: who.protocol ?? 'json',
    address: who.address,
    user: who.user,
    meta: who.meta,
  };
}
