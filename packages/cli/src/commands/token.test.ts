import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jwtVerify } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runInProcess } from '../testing/run-command.ts';

const secret = 'a-secret-of-at-least-thirty-two-bytes';
const key = (text: string) => new TextEncoder().encode(text);

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'tidings-token-'));
  await writeFile(
    join(cwd, 'tidings.config.yaml'),
    `auth:\n  jwt: { hmacSecret: ${secret}, issuer: me, audience: tidings }\n  subscriptionJwt: { hmacSecret: ${secret}-2 }\n`,
  );
});
afterAll(async () => {
  await rm(cwd, { recursive: true });
});

async function mint(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runInProcess(['token', ...args], { cwd });
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

test('a connection token, signed as the configuration verifies', async () => {
  const jwt = await mint('--user', '42', '--info', '{"name":"Ann"}', '--channels', 'news, room:7', '--ttl', '5m');
  const { payload, protectedHeader } = await jwtVerify(jwt, key(secret), { issuer: 'me', audience: 'tidings' });
  expect(protectedHeader.alg).toBe('HS256');
  expect(payload).toMatchObject({ sub: '42', info: { name: 'Ann' }, channels: ['news', 'room:7'] });
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(300);
});

test('a subscription token, with the secret for those', async () => {
  const { payload } = await jwtVerify(await mint('--user', '42', '--channel', 'room:7'), key(`${secret}-2`));
  expect(payload).toMatchObject({ sub: '42', channel: 'room:7' });
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(3600);
});

test('with a secret of the command line no configuration is read', async () => {
  const { code, stdout } = await runInProcess(['token', '--user', '1', '--secret', 'other'], {
    env: { TIDINGS_UNKNOWN: 'x' },
  });
  expect(code).toBe(0);
  expect((await jwtVerify(stdout, key('other'))).payload.sub).toBe('1');
});
