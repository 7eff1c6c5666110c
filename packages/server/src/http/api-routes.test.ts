import { describe, expect, test } from 'vitest';
import { FakeClock } from '../lib/clock.ts';
import { createLogger } from '../lib/logger.ts';
import { Metrics } from '../lib/metrics.ts';
import { ApiKeys } from './api-keys.ts';
import { apiMethodNames, apiMethods } from './api-methods.ts';
import { apiRoutes } from './api-routes.ts';
import { payloadText } from './json-payload.ts';
import { rawRequest, startTestServer, type TestServer } from './http-test-server.ts';
import { scriptedServerApi, type ScriptedServerApi } from './scripted-server-api.ts';

const key = 'correct-horse';

interface ApiServer extends TestServer {
  readonly api: ScriptedServerApi;
  readonly apiMetrics: Metrics;
  readonly apiLog: string[];
  /** Posts and parses the reply. */
  call(path: string, body?: unknown, headers?: Record<string, string>): Promise<{ status: number; body: unknown }>;
  /** Posts text and gives the reply's text. */
  send(path: string, body: string | Uint8Array<ArrayBuffer>): Promise<{ status: number; text: string }>;
}

async function startApi(
  options: { keys?: string[]; development?: boolean; maxBodyBytes?: number; transportErrorMode?: boolean } = {},
): Promise<ApiServer> {
  const { keys = [key], development = false, ...rest } = options;
  const apiLog: string[] = [];
  const logger = createLogger('info', { write: (line) => void apiLog.push(line) });
  const api = scriptedServerApi();
  const apiMetrics = new Metrics();
  const apiKeys = new ApiKeys({ keys, development, clock: new FakeClock(), logger });
  const routes = apiRoutes({ api, keys: apiKeys, logger, metrics: apiMetrics, ...rest });
  const http = await startTestServer({ routes });
  const post = (path: string, body: BodyInit, headers: Record<string, string>): Promise<Response> =>
    fetch(http.url + path, { method: 'POST', body, headers });
  return Object.assign(http, {
    api,
    apiMetrics,
    apiLog,
    call: async (path: string, body: unknown = {}, headers: Record<string, string> = { 'x-api-key': key }) => {
      const response = await post(path, JSON.stringify(body), headers);
      return { status: response.status, body: (await response.json()) as unknown };
    },
    send: async (path: string, body: string | Uint8Array<ArrayBuffer>) => {
      const response = await post(path, body, { 'x-api-key': key });
      return { status: response.status, text: await response.text() };
    },
  });
}

const errorOf = (body: unknown): { code: number; message: string } =>
  (body as { error: { code: number; message: string } }).error;

/** The payload of a recorded call. */
function dataOf(http: ApiServer, index: number): Uint8Array {
  return (http.api.calls[index] as [string, { data: Uint8Array }])[1].data;
}

describe('keys', () => {
  test.each([
    ['X-API-Key', { 'x-api-key': key }],
    ['apikey', { authorization: `apikey ${key}` }],
    ['Bearer', { authorization: `Bearer ${key}` }],
  ])('%s is taken', async (_name, headers) => {
    await using http = await startApi({ keys: ['another-key', key] });
    expect((await http.call('/api/info', {}, headers)).status).toBe(200);
  });

  test.each([
    ['none', {}],
    ['a wrong one', { 'x-api-key': 'wrong' }],
    ['an empty one', { 'x-api-key': '' }],
    ['a prefix', { 'x-api-key': key.slice(0, -1) }],
    ['a longer one', { 'x-api-key': `${key}x` }],
    ['basic', { authorization: `Basic ${key}` }],
  ])('%s is 401', async (_name, headers: Record<string, string>) => {
    await using http = await startApi();
    for (const path of ['/api/info', '/api', '/api/nothing']) {
      const refused = await http.call(path, {}, headers);
      expect(refused.status).toBe(401);
      expect(errorOf(refused.body).message).toMatch(/^unauthorized: /);
    }
    expect(http.api.calls).toEqual([]);
    expect(http.apiLog).toHaveLength(1);
    expect(http.apiLog[0]).not.toContain('wrong"');
  });

  test('a key in the URL is refused with a hint', async () => {
    await using http = await startApi();
    const refused = await http.call(`/api/info?api_key=${key}`);
    expect(refused.status).toBe(401);
    expect(errorOf(refused.body).message).toContain('X-API-Key');
  });

  test('without keys: open to this machine in development, closed in production', async () => {
    await using production = await startApi({ keys: [] });
    const refused = await production.call('/api/info', {}, { 'x-api-key': '' });
    expect(refused.status).toBe(401);
    expect(errorOf(refused.body).message).toContain('set `api.keys`');
    await using development = await startApi({ keys: [], development: true });
    const ask = async (headers: Record<string, string>): Promise<number> =>
      (await development.call('/api/info', {}, headers)).status;
    expect(await ask({})).toBe(200);
    expect(await ask({ origin: development.url })).toBe(200);
    expect(await ask({ origin: 'https://evil.example' })).toBe(401);
  });

  test('a host name that resolves to this machine does not open it', async () => {
    await using development = await startApi({ keys: [], development: true });
    const ask = (host: string): Promise<string> =>
      rawRequest(
        development.port,
        `POST /api/info HTTP/1.1\r\nHost: ${host}\r\nOrigin: http://${host}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}`,
      );
    expect(await ask('rebound.evil.example')).toMatch(/^HTTP\/1.1 401/);
    expect(await ask('localhost:8000')).toMatch(/^HTTP\/1.1 200/);
    expect(await ask('[::1]:8000')).toMatch(/^HTTP\/1.1 200/);
  });

  test('keys in development are required once there are any', async () => {
    await using http = await startApi({ development: true });
    expect((await http.call('/api/info', {}, {})).status).toBe(401);
  });
});

describe('methods', () => {
  test('every example is valid and reaches the API', async () => {
    await using http = await startApi();
    for (const { name, example } of apiMethods.values()) {
      const { status, body } = await http.call(`/api/${name}`, example);
      expect([name, status, Object.keys(body as object)]).toEqual([name, 200, ['result']]);
      expect(http.api.calls.at(-1)?.[0]).toBe(name);
      expect(http.apiMetrics.apiCalls.counts.get(name)).toBe(1);
      expect(http.apiMetrics.apiSeconds.series.get(name)?.count).toBe(1);
    }
  });

  test('publish: payloads keep their exact text', async () => {
    await using http = await startApi();
    const data = '{ "id" : 12345678901234567890, "pi":3.1400 ,"e":1E400,\n "s":"\\u00e9" ,"__proto__":1, "a":1, "a":2}';
    const reply = await http.send('/api/publish', `{"channel":"a","data":${data}}`);
    expect(reply).toEqual({ status: 200, text: '{"result":{"offset":1,"epoch":"e"}}' });
    expect(new TextDecoder().decode(dataOf(http, 0))).toBe(data);
  });

  test.each(['null', 'true', '0', '""', '[]', '{}', '"text"'])('publish: %s is data', async (data) => {
    await using http = await startApi();
    await http.send('/api/publish', `{"channel":"a","data":${data}}`);
    expect(payloadText(dataOf(http, 0))).toBe(data);
  });

  test('publish: all options', async () => {
    await using http = await startApi();
    await http.call('/api/publish', {
      channel: 'a',
      b64data: '/wA=',
      skip_history: true,
      tags: { kind: 'x' },
      idempotency_key: 'k',
      delta: true,
      version: 3,
      version_epoch: 've',
    });
    expect(http.api.calls).toEqual([
      [
        'publish',
        {
          channel: 'a',
          data: new Uint8Array([0xff, 0]),
          skipHistory: true,
          tags: { kind: 'x' },
          idempotencyKey: 'k',
          version: 3,
          versionEpoch: 've',
        },
      ],
    ]);
  });

  test('broadcast reports for each channel', async () => {
    await using http = await startApi();
    const { body } = await http.call('/api/broadcast', { channels: ['a', 'unknown'], data: 1 });
    expect(body).toEqual({
      result: {
        responses: [{ result: { offset: 1, epoch: 'e' } }, { error: { code: 102, message: 'unknown channel' } }],
      },
    });
  });

  test('subscribe, unsubscribe, disconnect, refresh', async () => {
    await using http = await startApi();
    const calls: [string, unknown][] = [
      [
        'subscribe',
        {
          channel: 'a',
          user: '42',
          b64info: '/w==',
          data: { a: 1 },
          recover_since: { offset: 7, epoch: 'e' },
          override: { presence: { value: true }, join_leave: false, force_recovery: { value: false } },
          expire_at: 9,
        },
      ],
      ['unsubscribe', { channel: 'a', client: 'c' }],
      ['disconnect', { user: '', whitelist: ['c'], disconnect: { code: 4000, reason: 'bye', reconnect: true } }],
      ['refresh', { session: 's', expired: true, expire_at: 5, info: [1] }],
    ];
    for (const [name, request] of calls)
      expect((await http.call(`/api/${name}`, request)).body).toEqual({ result: {} });
    expect(http.api.calls).toEqual([
      [
        'subscribe',
        {
          channel: 'a',
          user: '42',
          info: new Uint8Array([0xff]),
          data: new TextEncoder().encode('{"a":1}'),
          recoverSince: { offset: 7, epoch: 'e' },
          override: { presence: true, joinLeave: false, recovery: false },
          expireAt: 9,
        },
      ],
      ['unsubscribe', { channel: 'a', client: 'c' }],
      ['disconnect', { user: '', whitelist: ['c'], disconnect: { code: 4000, reason: 'bye' } }],
      ['refresh', { session: 's', expired: true, expireAt: 5, info: new TextEncoder().encode('[1]') }],
    ]);
  });

  test('history, presence, channels, info and rpc stand on the wire as documented', async () => {
    await using http = await startApi();
    const history = await http.send('/api/history', '{"channel":"a","limit":-1,"since":{"offset":3}}');
    expect(history.text).toBe(
      '{"result":{"publications":[{"data":{"id": 12345678901234567890},"info":{"user":"42","client":"c1","conn_info":{"name":"Ada"}},' +
        '"offset":1,"tags":{"a":"b"}},{"b64data":"/w==","offset":2}],"epoch":"e","offset":2}}',
    );
    expect(http.api.calls[0]?.[1]).toEqual({ channel: 'a', limit: -1, since: { offset: 3, epoch: '' } });
    expect((await http.call('/api/presence', { channel: 'a' })).body).toEqual({
      result: { presence: { c1: { user: '42', client: 'c1', conn_info: { name: 'Ada' } } } },
    });
    expect((await http.call('/api/presence_stats', { channel: 'a' })).body).toEqual({
      result: { num_clients: 2, num_users: 1 },
    });
    expect((await http.call('/api/channels')).body).toEqual({ result: { channels: { 'chat:1': { num_clients: 3 } } } });
    expect((await http.call('/api/info')).body).toEqual({
      result: {
        nodes: [
          {
            uid: 'n1',
            name: 'node',
            version: '1.2.3',
            num_clients: 1,
            num_users: 1,
            num_subs: 2,
            num_channels: 1,
            uptime: 61,
            process: { cpu: 1.5, rss: 1000 },
          },
        ],
      },
    });
    const rpc = await http.send('/api/rpc', '{"method":"echo","params":[1e3]}');
    expect(rpc.text).toBe('{"result":{"data":[1e3]}}');
    expect((await http.call('/api/rpc', { method: 'echo' })).body).toEqual({ result: {} });
  });
});

describe('bad requests', () => {
  test.each<[string, unknown, RegExp]>([
    ['publish', {}, /channel: expected string, which is missing/],
    ['publish', { channel: '', data: 1 }, /channel: expected a channel name/],
    ['publish', { channel: 5, data: 1 }, /channel: expected string, received number/],
    ['publish', { channel: 'a' }, /data: required: any JSON value, or bytes as b64data/],
    ['publish', { channel: 'a', b64data: 'not base64!' }, /b64data: expected base64/],
    ['publish', { channel: 'a', b64data: 'abc' }, /b64data: expected base64/],
    ['publish', { channel: 'a', data: 1, tags: { n: 1 } }, /tags\.n: expected string/],
    [
      'publish',
      { channel: 'a', data: 1, skip_historee: true },
      /unknown field skip_historee; valid: channel, data, b64data, skip_history/,
    ],
    ['publish', { channel: 'a', data: 1, version: 1.5 }, /version: expected int/],
    ['publish', { channel: 'a', data: 1, version: -1 }, /version: /],
    ['broadcast', { channels: [], data: 1 }, /channels: /],
    ['broadcast', { channels: ['a', ''], data: 1 }, /channels\.1: expected a channel name/],
    ['subscribe', { channel: 'a' }, /one of user, client, session is required/],
    ['subscribe', { channel: 'a', user: '1', override: { presence: 1 } }, /override\.presence: expected true, false/],
    ['subscribe', { channel: 'a', user: '1', recover_since: { offset: '3' } }, /recover_since\.offset: expected/],
    ['unsubscribe', { user: '42' }, /channel: expected string, which is missing/],
    ['disconnect', {}, /one of user, client, session is required/],
    ['disconnect', { client: '' }, /one of user, client, session is required/],
    ['disconnect', { user: '42', disconnect: { code: 1000 } }, /disconnect\.code: .*3000/],
    [
      'disconnect',
      { user: '42', disconnect: { code: 4000, reason: 'é'.repeat(62) } },
      /disconnect\.reason: expected 123 bytes/,
    ],
    ['disconnect', { user: '42', all_users: true }, /unknown field all_users/],
    ['refresh', { user: '42', expire_at: '5' }, /expire_at: expected/],
    ['presence', {}, /channel: /],
    ['presence_stats', {}, /channel: /],
    ['history', { channel: 'a', limit: -2 }, /limit: /],
    ['history', { channel: 'a', since: { offset: 2 ** 53 } }, /since\.offset: /],
    ['history_remove', {}, /channel: /],
    ['channels', { pattern: 5 }, /pattern: expected string/],
    ['info', { verbose: true }, /unknown field verbose; valid: none/],
    ['rpc', {}, /method: expected string, which is missing/],
    ['batch', {}, /commands: expected array, which is missing/],
    ['publish', [1], /not a JSON object/],
    ['publish', 'text', /not a JSON object/],
    ['publish', null, /not a JSON object/],
  ])('%s %j', async (method, request, message) => {
    await using http = await startApi();
    const { status, body } = await http.call(`/api/${method}`, request);
    expect(status).toBe(200);
    expect(errorOf(body).code).toBe(107);
    expect(errorOf(body).message).toMatch(/^bad request: /);
    expect(errorOf(body).message).toMatch(message);
    expect(http.api.calls).toEqual([]);
  });

  test('what says nothing is taken as not there', async () => {
    await using http = await startApi();
    // Null from Go and PHP, an empty list for an empty map from PHP, fields of newer versions at their zero value.
    const request = { channel: 'a', user: '1', client: null, override: null, label_filter: null, all_users: false };
    expect((await http.call('/api/subscribe', request)).body).toEqual({ result: {} });
    expect((await http.call('/api/info', [])).body).toMatchObject({ result: {} });
    expect((await http.call('/api/publish', { channel: 'a', data: 1, b64data: '' })).body).toMatchObject({
      result: {},
    });
    expect((await http.send('/api/info', '')).status).toBe(200);
  });

  test('what is not JSON is 400', async () => {
    await using http = await startApi();
    for (const body of ['{', 'channel=a', '{"channel":"a"}{}', new Uint8Array([0x22, 0xff, 0x22])]) {
      const { status, text } = await http.send('/api/publish', body);
      expect(status).toBe(400);
      expect(errorOf(JSON.parse(text)).code).toBe(107);
    }
  });

  test('a body over the limit is 413', async () => {
    await using http = await startApi({ maxBodyBytes: 1_000 });
    const { status, text } = await http.send('/api/publish', JSON.stringify({ channel: 'a', data: 'x'.repeat(1_000) }));
    expect(status).toBe(413);
    expect(errorOf(JSON.parse(text)).message).toContain('1000 bytes');
  });

  test('a large payload passes, in text and in base64', async () => {
    await using http = await startApi();
    const data = JSON.stringify('x"\\'.repeat(1_000_000));
    expect((await http.send('/api/publish', `{"channel":"a","data":${data}}`)).status).toBe(200);
    expect(payloadText(dataOf(http, 0))).toBe(data);
    const bytes = Buffer.alloc(5_000_000, 7);
    await http.call('/api/publish', { channel: 'a', b64data: bytes.toString('base64') });
    expect(dataOf(http, 1).length).toBe(bytes.length);
  });

  test('an unknown method is 404 with the valid ones', async () => {
    await using http = await startApi();
    const { status, body } = await http.call('/api/publsih', {});
    expect(status).toBe(404);
    expect(errorOf(body).code).toBe(104);
    for (const name of apiMethodNames) expect(errorOf(body).message).toContain(name);
  });
});

describe('failures', () => {
  test('protocol errors keep code and words, others are internal and logged', async () => {
    await using http = await startApi();
    expect((await http.call('/api/publish', { channel: 'unknown', data: 1 })).body).toEqual({
      error: { code: 102, message: 'unknown channel: no pattern matches' },
    });
    expect((await http.call('/api/rpc', { method: 'refuse' })).body).toEqual({
      error: { code: 1000, message: 'no seats left' },
    });
    const broken = await http.call('/api/publish', { channel: 'broken', data: 1 });
    expect(broken).toEqual({ status: 200, body: { error: { code: 100, message: 'internal server error' } } });
    expect(http.apiLog.some((line) => line.includes('"method":"publish"') && line.includes('requestId'))).toBe(true);
  });

  test.each([
    ['unknown', 404, 102],
    ['lost', 416, 112],
    ['broken', 500, 100],
    ['', 400, 107],
  ])('transport error mode: %s is %i', async (channel, status, code) => {
    await using http = await startApi();
    const headers = { 'x-api-key': key, 'x-centrifugo-error-mode': 'transport' };
    const answer = await http.call('/api/history', { channel }, headers);
    expect(answer).toEqual({ status, body: { code, message: expect.any(String) as string } });
    await using always = await startApi({ transportErrorMode: true });
    expect((await always.call('/api/history', { channel })).status).toBe(status);
    expect((await always.call('/api/history', { channel: 'fine' })).status).toBe(200);
  });
});

describe('batch', () => {
  const commands = [
    { publish: { channel: 'a', data: 1 } },
    { publish: { channel: 'unknown', data: 1 } },
    { history_remove: { channel: 'a' } },
    { publish: {} },
    { map_publish: { channel: 'a' } },
    { batch: { commands: [] } },
    {},
    null,
    { info: {}, channels: {} },
    { rpc: null, channels: { pattern: '*' } },
  ];

  test.each([false, true])('answers every command in its place; parallel: %s', async (parallel) => {
    await using http = await startApi();
    const { body } = await http.call('/api/batch', { commands, parallel });
    const replies = (body as { result: { replies: Record<string, unknown>[] } }).result.replies;
    expect(replies.map((reply) => (reply['error'] ? errorOf(reply).code : Object.keys(reply)))).toEqual([
      ['publish'],
      102,
      ['history_remove'],
      107,
      104,
      104,
      107,
      107,
      107,
      ['channels'],
    ]);
    expect(replies[2]).toEqual({ history_remove: {} });
    expect(http.apiMetrics.apiCalls.counts.get('batch')).toBe(1);
    expect(http.apiMetrics.apiCalls.counts.get('unknown')).toBe(1);
  });

  test('keeps exact payloads and the order', async () => {
    await using http = await startApi();
    const many = Array.from({ length: 600 }, (_, i) => `{"publish":{"channel":"c${i}","data":${i}.0}}`);
    await http.send('/api/batch', `{"commands": [${many.join(' ,\n')} ]}`);
    expect(http.api.calls).toHaveLength(600);
    http.api.calls.forEach(([, request], i) => {
      const { channel, data } = request as { channel: string; data: Uint8Array };
      expect([channel, payloadText(data)]).toEqual([`c${i}`, `${i}.0`]);
    });
  });

  test('is limited', async () => {
    await using http = await startApi();
    const { body } = await http.call('/api/batch', { commands: Array.from({ length: 10_001 }, () => ({ info: {} })) });
    expect(errorOf(body).message).toMatch(/commands: expected 10000 commands at most/);
    expect(http.api.calls).toEqual([]);
  });
});

describe('POST /api of older libraries', () => {
  test('takes method and params', async () => {
    await using http = await startApi();
    const reply = await http.send('/api', '{"method":"publish","params":{"channel":"a","data":1.0}}');
    expect(reply).toEqual({ status: 200, text: '{"result":{"offset":1,"epoch":"e"}}' });
    expect(payloadText(dataOf(http, 0))).toBe('1.0');
    expect((await http.call('/api', { id: 7, method: 'info', params: [] })).body).toMatchObject({ id: 7, result: {} });
    expect((await http.call('/api', { method: 'INFO' })).body).toMatchObject({ result: {} });
    expect(errorOf((await http.call('/api', { method: 'nothing' })).body).code).toBe(104);
    expect(errorOf((await http.call('/api', { params: {} })).body).code).toBe(107);
    expect(errorOf((await http.call('/api', [1])).body).code).toBe(107);
  });

  test('takes one command on each line and answers so', async () => {
    await using http = await startApi();
    const line = (channel: string): string => JSON.stringify({ method: 'publish', params: { channel, data: {} } });
    const { text } = await http.send('/api', `${line('a')}\n${line('unknown')}\n\n${line('b')}\n`);
    expect(text.split('\n').map((reply) => Object.keys(JSON.parse(reply) as object))).toEqual([
      ['result'],
      ['error'],
      ['result'],
    ]);
  });

  test('a body that is empty or not JSON is 400', async () => {
    await using http = await startApi();
    for (const body of ['', ' \n', 'no', '{}\nno']) expect((await http.send('/api', body)).status).toBe(400);
    expect(http.api.calls).toEqual([]);
  });
});
