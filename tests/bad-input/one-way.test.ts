/** Bad requests to connect where the request is all that a client ever says. */
import { describe, expect, test } from 'vitest';
import { attack } from './target.ts';

const garbage: [what: string, text: string][] = [
  ['no JSON', '{"token":'],
  ['an array', '[]'],
  ['a command instead of a request', '{"id":1,"connect":5}}'],
];

describe('unidirectional', () => {
  test.each(garbage)('WebSocket: %s is 3501', (_, text) =>
    attack({}, async (target) => {
      const peer = await target.dial('/connection/uni_websocket');
      peer.send(text);
      expect((await peer.end()).code).toBe(3501);
      target.logs({
        level: 'info',
        code: 3501,
        transport: 'uni_websocket',
        detail: expect.stringMatching(/connect request/),
      });
    }),
  );

  test.each(garbage)('HTTP streaming: %s is 400', (_, text) =>
    attack({}, async (target) => {
      const response = await target.post('/connection/uni_http_stream', text);
      expect(response.status).toBe(400);
      target.logs({ level: 'info', status: 400, msg: expect.stringMatching(/connect request/) });
    }),
  );

  test('a channel of no pattern is 3501, in one line', () =>
    attack({}, async (target) => {
      const peer = await target.dial('/connection/uni_websocket');
      peer.send('{"subs":{"none:a":{}}}');
      expect((await peer.end()).code).toBe(3501);
      target.logs({ level: 'info', code: 102, detail: expect.stringMatching(/none:a/) });
    }));
});

describe('long polling', () => {
  test.each<[what: string, body: string, message: RegExp]>([
    ['no JSON', '{', /not valid JSON/],
    ['channels that are a text', '{"channels":"open:a"}', /channels: /],
    ['an unknown field', '{"chanels":[]}', /chanels/],
    ['a cursor that is none', '{"channels":["open:a"],"cursor":"garbage"}', /cursor/],
  ])('%s is 400', (_, body, message) =>
    attack({}, async (target) => {
      const response = await target.post('/connection/poll', body);
      expect(response.status).toBe(400);
      expect(await response.json()).toEqual({ error: { message: expect.stringMatching(message) } });
      target.logs({ level: 'info', status: 400, msg: expect.stringMatching(message) });
    }),
  );

  test('data nested deeply is an answer with the code', () =>
    attack({}, async (target) => {
      const body = `{"channels":["open:a"],"data":${'['.repeat(50_000)}${']'.repeat(50_000)}}`;
      const response = await target.post('/connection/poll', body);
      expect(response.status).toBe(400);
      expect(await response.json()).toHaveProperty('error.code', 3501);
      target.logs({ level: 'info', code: 3501, detail: 'payload nested too deeply' });
    }));

  test('a channel nobody knows is an answer with the code', () =>
    attack({}, async (target) => {
      const response = await target.post('/connection/poll', '{"channels":["none:a"]}');
      expect(await response.json()).toHaveProperty('error.code', 3501);
      expect(response.status).toBe(400);
      target.logs({ level: 'info', code: 102 });
    }));
});
