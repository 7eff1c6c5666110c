/** An application that answers badly or not at all: its own users get error 100, and nobody else waits. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { within, type Json } from './peers.ts';
import { attack, secrets, type Target, type TargetOptions } from './target.ts';

const timeoutMs = 400;

async function withApplication(
  answer: RequestListener,
  act: (target: Target) => Promise<void>,
  { config, ...options }: TargetOptions = {},
): Promise<void> {
  const application = createServer(answer);
  await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
  const hook = {
    url: `http://127.0.0.1:${(application.address() as AddressInfo).port}/hook`,
    timeout: `${timeoutMs}ms`,
  };
  const asking = {
    hooks: { rpc: hook, publish: hook, subscribe: hook, secret: secrets.hooks },
    channels: { 'asked:{name}': { hooks: { publish: true, subscribe: true } } },
    ...config,
  };
  try {
    await attack({ ...options, config: asking }, act);
  } finally {
    application.closeAllConnections();
    application.close();
  }
}

describe('an application that', () => {
  test.each<[what: string, answer: RequestListener, line: Json & { msg: string }]>([
    ['hangs', () => {}, { msg: 'a hook failed', problem: `no answer within ${timeoutMs} ms` }],
    [
      'hangs in the middle of its answer',
      (_, response) => void response.writeHead(200).write('{"result":'),
      { msg: 'a hook failed', problem: `no answer within ${timeoutMs} ms` },
    ],
    [
      'answers 500',
      (_, response) => void response.writeHead(500).end('a stack trace with secrets'),
      { msg: 'a hook failed', problem: 'status 500' },
    ],
    [
      'redirects',
      (_, response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      { msg: 'a hook failed', problem: 'status 302: redirects are not followed' },
    ],
    [
      'closes the connection',
      (request) => void request.socket.destroy(),
      { msg: 'a hook failed', problem: 'ECONNRESET' },
    ],
    [
      'sends garbage',
      (_, response) => void response.end('<html>It works!</html>'),
      { msg: 'a hook gave an answer that cannot be understood', problem: expect.any(String) },
    ],
    [
      'sends another shape',
      (_, response) => void response.end('{"result":{"data":1,"nonsense":true}}'),
      { msg: 'a hook gave an answer that cannot be understood', problem: expect.stringMatching(/nonsense/) },
    ],
    [
      'sends JSON nested deeply',
      (_, response) => void response.end(`{"result":{"data":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`),
      { msg: 'command failed', detail: expect.stringMatching(/not JSON/) },
    ],
    [
      'sends bytes to a JSON client',
      (_, response) => void response.end('{"result":{"b64data":"bm90IEpTT04="}}'),
      { msg: 'command failed', detail: expect.stringMatching(/not JSON/) },
    ],
    [
      'sends 10 MB',
      (_, response) => void response.end(`{"result":{"data":"${'x'.repeat(10 * 1024 * 1024)}"}}`),
      { msg: 'a hook failed', problem: 'answer above 1048576 bytes' },
    ],
  ])('%s: error 100, one line, and the connection stays', (_, answer, line) =>
    withApplication(answer, async (target) => {
      const peer = await target.connect();
      const slow = peer.request({ rpc: { method: 'x', data: { password: target.secret('password-of-some-user') } } });
      // A command of another channel, of the same client, does not wait for the hook.
      expect(await peer.request({ subscribe: { channel: 'open:a' } })).toHaveProperty('subscribe');
      expect(await slow).toMatchObject({ error: { code: 100, message: 'internal server error', temporary: true } });
      expect(await peer.request({ ping: {} })).toHaveProperty('ping');
      target.logs({ level: 'error', client: expect.any(String), ...line });
    }),
  );

  test('hangs does not hold up others: a hundred wait for it, one who does not ask it is served', () =>
    withApplication(
      () => {},
      async (target) => {
        const waiting = await Promise.all(Array.from({ length: 100 }, () => target.connect()));
        const replies = Promise.all(waiting.map((peer) => peer.request({ rpc: { method: 'x' } })));
        const other = await target.connect();
        const first = await Promise.race([
          replies.then(() => 'the waiting'),
          other.request({ subscribe: { channel: 'open:a' } }).then(() => 'the other'),
        ]);
        expect(first).toBe('the other');
        for (const reply of await within(replies, 'all replies')) expect(reply).toHaveProperty('error.code', 100);
        target.ignoresLines((line) => line['hook'] === 'rpc');
        // After ten failures the breaker is open: nobody waits any more.
        const begun = performance.now();
        expect(await other.request({ rpc: { method: 'x' } })).toHaveProperty('error.code', 100);
        expect(performance.now() - begun).toBeLessThan(timeoutMs);
        expect(target.lines).toContainEqual(
          expect.objectContaining({
            level: 'error',
            msg: 'a hook keeps failing: its breaker is open, calls fail at once',
          }),
        );
      },
    ));

  test('refuses everything with what it likes: codes pass, and those that are none do not', () =>
    withApplication(
      (request, response) => {
        let body = '';
        request.on('data', (chunk: Buffer) => (body += chunk.toString()));
        request.on('end', () => {
          const { channel } = JSON.parse(body) as { channel: string };
          const code = channel === 'asked:good' ? 1234 : 7;
          response.end(JSON.stringify({ error: { code, message: 'no' } }));
        });
      },
      async (target) => {
        const peer = await target.connect();
        expect(await peer.request({ subscribe: { channel: 'asked:good' } })).toMatchObject({
          error: { code: 1234, message: 'no' },
        });
        target.logs({ level: 'info', code: 1234, method: 'subscribe' });
        expect(await peer.request({ subscribe: { channel: 'asked:bad' } })).toHaveProperty('error');
        target.ignoresLines((line) => line['method'] === 'subscribe' && line['code'] === 7);
        target.ignoresLines((line) => line['hook'] === 'subscribe');
      },
    ));

  test('replaces a payload with something that is not JSON', () =>
    withApplication(
      (_, response) => void response.end(`{"result":{"b64data":"${Buffer.from('not JSON').toString('base64')}"}}`),
      async (target) => {
        const peer = await target.connect();
        const reply = await peer.request({ publish: { channel: 'asked:a', data: 1 } });
        expect(reply).toHaveProperty('error.code', 107);
        target.logs({ level: 'info', code: 107, detail: expect.stringMatching(/data is not JSON; channel asked:a/) });
      },
    ));
});

describe('hooks that are functions', () => {
  test('one that throws is error 100 and one line; one that rejects with nothing as well', () =>
    attack(
      {
        hooks: {
          rpc: ({ method }) => {
            if (method === 'throws') throw new Error('something in the application broke');
            return Promise.reject();
          },
        },
      },
      async (target) => {
        const peer = await target.connect();
        expect(await peer.request({ rpc: { method: 'throws' } })).toHaveProperty('error.code', 100);
        target.logs({
          level: 'error',
          method: 'rpc',
          code: 100,
          msg: 'command failed',
          err: expect.objectContaining({ message: 'something in the application broke' }),
        });
        expect(await peer.request({ rpc: { method: 'rejects' } })).toHaveProperty('error.code', 100);
        target.logs({ level: 'error', method: 'rpc', code: 100, msg: 'command failed' });
      },
    ));
});
