/** Calls of the server API that are wrong: the answer and the log name the field, and keys are in neither. */
import { describe, expect, test } from 'vitest';
import { attack, secrets } from './target.ts';

describe('keys', () => {
  test.each<[what: string, headers: Record<string, string>, detail: string]>([
    ['none', {}, 'send a key in the header X-API-Key'],
    ['a wrong one', { 'x-api-key': 'wrong-key-of-somebody' }, 'this key is not one of `api.keys`'],
    [
      'a wrong one as Authorization',
      { authorization: 'apikey wrong-key-of-somebody' },
      'this key is not one of `api.keys`',
    ],
    ['an empty one', { 'x-api-key': '' }, 'send a key in the header X-API-Key'],
    ['part of the right one', { 'x-api-key': secrets.apiKey.slice(0, -1) }, 'this key is not one of `api.keys`'],
    [
      'another scheme',
      { authorization: `Basic ${Buffer.from(`a:${secrets.apiKey}`).toString('base64')}` },
      'send a key in the header X-API-Key',
    ],
  ])('%s: 401', (_, headers, detail) =>
    attack({}, async (target) => {
      for (const value of Object.values(headers)) if (value !== '') target.secret(value);
      const response = await target.post('/api/publish', '{"channel":"beside","data":1}', headers);
      expect(response.status).toBe(401);
      expect(await response.json()).toEqual({ error: { message: `unauthorized: ${detail}` } });
      target.logs({
        level: 'warn',
        msg: `request refused: ${detail}`,
        path: '/api/publish',
        requestId: response.headers.get('x-request-id'),
      });
    }),
  );

  test('in the URL: 401, right or wrong, and it is not in the log', () =>
    attack({}, async (target) => {
      const response = await target.post(`/api/publish?api_key=${secrets.apiKey}`, '{"channel":"beside","data":1}');
      expect(response.status).toBe(401);
      target.logs({ level: 'warn', msg: expect.stringMatching(/a key in the URL ends up in logs/) });
    }));

  test('a hundred guesses are a hundred refusals and one line', () =>
    attack({}, async (target) => {
      for (let guess = 0; guess < 100; guess++) {
        const response = await target.post('/api/info', '{}', {
          'x-api-key': target.secret(`guess-number-${guess}-of-many`),
        });
        expect(response.status).toBe(401);
        await response.body?.cancel();
      }
      target.logs({ level: 'warn' });
    }));

  test.each(['/metrics', '/api/none', '/api'])('%s needs one as well', (path) =>
    attack({}, async (target) => {
      const response = await fetch(`${target.url}${path}`, { method: path === '/metrics' ? 'GET' : 'POST' });
      expect(response.status).toBe(401);
      target.logs({ level: 'warn', path });
    }),
  );
});

describe('bodies', () => {
  test.each<[method: string, body: string, message: RegExp]>([
    ['publish', '{"data":1}', /channel: /],
    ['publish', '{"channel":"open:a"}', /data: required/],
    ['publish', '{"channel":5,"data":1}', /channel: expected string/],
    ['publish', '{"channel":["open:a"],"data":1}', /channel: expected string/],
    ['publish', '{"channel":"open:a","data":1,"tags":{"n":1}}', /tags\.n: expected string/],
    ['publish', '{"channel":"open:a","data":1,"skip_history":"yes"}', /skip_history: expected boolean/],
    ['publish', '{"channel":"open:a","data":1,"nonsense":true}', /unknown field nonsense; valid: /],
    ['publish', '{"channel":"open:a","b64data":"***"}', /b64data: /],
    ['publish', '{"channel":"","data":1}', /channel/],
    ['publish', `{"channel":"open:${'x'.repeat(255)}","data":1}`, /channel name is longer than 255/],
    ['publish', '{"channel":"open:a\\u0000","data":1}', /control character/],
    ['publish', `{"channel":"open:a","data":${'['.repeat(1000)}${']'.repeat(1000)}}`, /data is not JSON|nested/],
    ['broadcast', '{"channels":"open:a","data":1}', /channels: expected array/],
    ['subscribe', '{"user":42,"channel":"open:a"}', /user: expected string/],
    ['disconnect', '{}', /say whom/],
    ['disconnect', '{"user":"42","disconnect":{"code":"x"}}', /disconnect\.code: expected /],
    ['history', '{"channel":"open:a","limit":-5}', /limit: /],
    ['history', '{"channel":"open:a","since":{"offset":1.5}}', /since\.offset: /],
    ['presence', '[1]', /the request is not a JSON object/],
    ['presence', '"text"', /the request is not a JSON object/],
    ['batch', '{"commands":{}}', /commands: expected array/],
  ])('%s %s: error 107 that names the field', (method, body, message) =>
    attack({}, async (target) => {
      const answer = await target.api(method, body);
      expect(answer).toEqual({ error: { code: 107, message: expect.stringMatching(message) } });
      target.logs({
        level: 'info',
        msg: 'server API call refused',
        method,
        code: 107,
        detail: expect.stringMatching(message),
        requestId: expect.any(String),
      });
    }),
  );

  test.each<[what: string, body: string | Uint8Array, message: RegExp]>([
    ['no JSON', '{"channel":', /the body is not JSON/],
    ['no UTF-8', Uint8Array.of(0x22, 0xff, 0x22), /the body is not UTF-8/],
    ['nested deeply', `${'['.repeat(100_000)}`, /the body is not JSON/],
  ])('%s: 400', (_, body, message) =>
    attack({}, async (target) => {
      const response = await target.post('/api/publish', body, { 'x-api-key': secrets.apiKey });
      expect(response.status).toBe(400);
      expect(await response.json()).toEqual({ error: { code: 107, message: expect.stringMatching(message) } });
      target.logs({ level: 'info', code: 107, detail: expect.stringMatching(message) });
    }),
  );

  test('nested deeply but complete: an error, not a crash', () =>
    attack({}, async (target) => {
      const deep = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`;
      for (const method of ['publish', 'history', 'batch', 'rpc']) {
        expect(await target.api(method, `{"channel":"open:a","data":${deep},"params":${deep}}`)).toHaveProperty(
          'error',
        );
        target.logs({ level: 'info', method });
      }
    }));

  test('a method that does not exist: 404 with those that do', () =>
    attack({}, async (target) => {
      const response = await target.post('/api/constructor', '{}', { 'x-api-key': secrets.apiKey });
      expect(response.status).toBe(404);
      expect(await response.json()).toEqual({
        error: { code: 104, message: expect.stringMatching(/valid: .*publish/) },
      });
      target.logs({ level: 'info', code: 104, method: 'constructor' });
    }));

  test('a channel of no pattern: 102', () =>
    attack({}, async (target) => {
      expect(await target.api('publish', { channel: 'none:a', data: 1 })).toHaveProperty('error.code', 102);
      target.logs({ level: 'info', code: 102, method: 'publish', detail: expect.stringMatching(/no pattern/) });
    }));

  test('one bad channel of a broadcast, one bad command of a batch: the others are done', () =>
    attack({}, async (target) => {
      const peer = await target.connect();
      await peer.request({ subscribe: { channel: 'open:a' } });
      const { result } = await target.api('broadcast', { channels: ['none:a', 'open:a'], data: 1 });
      expect(result).toEqual({ responses: [{ error: { code: 102, message: expect.any(String) } }, { result: {} }] });
      const batch = await target.api(
        'batch',
        '{"commands":[{"publish":{"channel":5}},{"nonsense":{}},{},{"publish":{"channel":"open:a","data":2}}]}',
      );
      expect(batch['result']).toMatchObject({
        replies: [{ error: { code: 107 } }, { error: { code: 104 } }, { error: { code: 107 } }, { publish: {} }],
      });
      for (const code of [107, 104, 107]) target.logs({ level: 'info', code, msg: 'server API call refused' });
      await peer.next((message) => JSON.stringify(message).includes('"data":2'), 'the good ones');
    }));

  test('ten thousand wrong commands in a batch: answered all, and a log of a hundred lines', () =>
    attack({}, async (target) => {
      const batch = await target.api(
        'batch',
        `{"commands":[${Array(10_000).fill('{"publish":{}}').join(',')}],"parallel":true}`,
      );
      expect((batch['result'] as { replies: unknown[] }).replies.length).toBe(10_000);
      for (let line = 0; line < 100; line++) target.logs({ level: 'info', code: 107 });
    }));
});
