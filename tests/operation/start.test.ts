/** A server that cannot start says why, what to do, and ends with a code that scripts can tell apart. */
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { Serve } from './serve.ts';

async function failure(write: (serve: Serve) => Promise<void>): Promise<{ code: number | string; stderr: string }> {
  const serve = await Serve.prepare();
  await write(serve);
  serve.spawn();
  return { code: await serve.ended(20_000), stderr: serve.stderr };
}

describe('a port that is taken', () => {
  test.each(['listen', 'internal'])('%s: code 1, and the setting to change', async (which) => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const { code, stderr } = await failure((serve) => serve.configure({ [which]: { port } }));
    other.close();
    expect(code).toBe(1);
    expect(stderr).toContain(`port ${port} on 127.0.0.1 is taken by another program.`);
    expect(stderr).toContain(`${which}.port in the configuration`);
    expect(stderr).not.toContain('    at ');
  });
});

describe('a configuration with a problem', () => {
  test('code 2, with key, place and what is valid, and all problems at once', async () => {
    const text =
      '{\n  "listen": { "port": "many" },\n  "limits": { "messageSize": "64 bananas" },\n  "orgins": []\n}\n';
    const { code, stderr } = await failure((serve) => serve.write(text));
    expect(code).toBe(2);
    expect(stderr).toMatch(/tidings\.json:2:\d+ +listen\.port/);
    expect(stderr).toMatch(/tidings\.json:3:\d+ +limits\.messageSize/);
    expect(stderr).toMatch(/orgins[^]*origins/);
    expect(stderr).not.toContain('    at ');
  });

  test.each([
    ['development mode', '{"mode":"development"}', /mode[^]*production/],
    ['no JSON', '{"listen": ', /tidings\.json/],
    ['a secret that is too short', '{"api":{"keys":["short-k"]}}', /api\.keys\[0\]/],
  ])('%s: code 2', async (_, text, message) => {
    const { code, stderr } = await failure((serve) => serve.write(text));
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('short-k');
  });

  test('a certificate that is not there: code 2, the setting and the file', async () => {
    const { code, stderr } = await failure((serve) =>
      serve.configure({ listen: { port: 0, tls: { certFile: '/none.crt', keyFile: '/none.key' } } }),
    );
    expect(code).toBe(2);
    expect(stderr).toMatch(/listen\.tls\.certFile[^]*\/none\.crt/);
  });
});
