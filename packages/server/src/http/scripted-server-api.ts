/** For tests: a server API that keeps what it was asked in memory and answers from a fixed world. */
import { errors, ProtocolError } from '@tidings/protocol';
import { jsonPayload } from './json-payload.ts';
import type { ServerApi } from './server-api.ts';

export interface ScriptedServerApi extends ServerApi {
  /** Method and request of every call, in order. */
  readonly calls: [method: string, request: unknown][];
}

/** Channels that begin with `unknown` do not exist, those with `broken` throw what is no protocol error. */
export function scriptedServerApi(): ScriptedServerApi {
  const calls: ScriptedServerApi['calls'] = [];
  const info = { user: '42', client: 'c1', conn_info: jsonPayload({ name: 'Ada' }) };

  function record(method: string, request: { channel?: string } | undefined): void {
    calls.push([method, request]);
    const channel = request?.channel ?? '';
    if (channel.startsWith('broken')) throw new Error('connection to postgres://secret refused');
    if (channel.startsWith('unknown')) throw new ProtocolError(errors.unknownChannel, { detail: 'no pattern matches' });
    if (channel.startsWith('lost')) throw new ProtocolError(errors.unrecoverablePosition);
  }

  return {
    calls,
    publish: async (request) => {
      record('publish', request);
      return { offset: calls.length, epoch: 'e' };
    },
    broadcast: async (request) => {
      record('broadcast', {});
      calls[calls.length - 1] = ['broadcast', request];
      return {
        responses: request.channels.map((channel) =>
          channel.startsWith('unknown')
            ? { error: { code: 102, message: 'unknown channel' } }
            : { result: { offset: 1, epoch: 'e' } },
        ),
      };
    },
    subscribe: async (request) => record('subscribe', request),
    unsubscribe: async (request) => record('unsubscribe', request),
    disconnect: async (request) => record('disconnect', request as { channel?: string }),
    refresh: async (request) => record('refresh', request as { channel?: string }),
    presence: async (request) => {
      record('presence', request);
      return { presence: { c1: info } };
    },
    presenceStats: async (request) => {
      record('presence_stats', request);
      return { clients: 2, users: 1 };
    },
    history: async (request) => {
      record('history', request);
      const data = new TextEncoder().encode('{"id": 12345678901234567890}');
      const binary = { data: new Uint8Array([0xff]), offset: 2 };
      return { publications: [{ data, info, offset: 1, tags: { a: 'b' }, time: 5 }, binary], offset: 2, epoch: 'e' };
    },
    historyRemove: async (request) => record('history_remove', request),
    channels: async (request) => {
      record('channels', request as { channel?: string });
      return { channels: { 'chat:1': { clients: 3 } } };
    },
    info: async () => {
      record('info', undefined);
      const counts = { clients: 1, users: 1, subscriptions: 2, channels: 1 };
      const process = { cpu: 1.5, rss: 1000 };
      return { nodes: [{ id: 'n1', name: 'node', version: '1.2.3', ...counts, uptimeSeconds: 61.5, process }] };
    },
    relationAdd: async (request) => {
      record('relation_add', {});
      calls[calls.length - 1] = ['relation_add', request];
      return { changed: request.facts.length };
    },
    relationRemove: async (request) => {
      record('relation_remove', {});
      calls[calls.length - 1] = ['relation_remove', request];
      return { changed: request.facts.length };
    },
    relationList: async (request) => {
      record('relation_list', {});
      calls[calls.length - 1] = ['relation_list', request];
      return { facts: [['group-1', 42, true]], next: 'k' };
    },
    eventDeadLetters: async (request) => {
      record('event_dead_letters', {});
      calls[calls.length - 1] = ['event_dead_letters', request];
      const event = new TextEncoder().encode('{"id":"e1","type":"chat.message.sent"}');
      const letter = { id: 'e1', subject: 'room:1', attempts: 3, problem: 'status 500', diedAtMs: 5, event };
      return { letters: [letter], next: '5-e1' };
    },
    eventRetry: async (request) => {
      record('event_retry', {});
      calls[calls.length - 1] = ['event_retry', request];
      return request.ids?.length ?? 7;
    },
    eventDrop: async (request) => {
      record('event_drop', {});
      calls[calls.length - 1] = ['event_drop', request];
      return request.ids?.length ?? 7;
    },
    rpc: async (request) => {
      record('rpc', {});
      calls[calls.length - 1] = ['rpc', request];
      if (request.method === 'refuse')
        throw new ProtocolError({ code: 1000, message: 'no seats left', temporary: false });
      return request.params ? { data: request.params } : {};
    },
  };
}
