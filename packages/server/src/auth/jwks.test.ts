import { errors } from '@tidings/protocol';
import { SignJWT } from 'jose';
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../lib/clock.ts';
import { createLogger } from '../lib/logger.ts';
import { InvalidTokenError } from './authenticator.ts';
import { JwtAuthenticator } from './jwt.ts';
import { LocalServer, type Reply } from './local-server.ts';

interface Pair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}
const first = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const second = generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwk = (pair: Pair, kid: string | undefined, more: object = {}): object => ({
  ...pair.publicKey.export({ format: 'jwk' }),
  kid,
  ...more,
});
const token = (pair: Pair, alg: string, kid?: string): Promise<string> =>
  new SignJWT({ sub: '42' }).setProtectedHeader({ alg, ...(kid !== undefined && { kid }) }).sign(pair.privateKey);

async function setup(keys: unknown[]) {
  const clock = new FakeClock();
  const logged: string[] = [];
  const logger = createLogger('error', { write: (line) => void logged.push(line) });
  const state = { reply: { keys } as Reply };
  const server = await LocalServer.start(() => state.reply);
  const connection = { jwksUrl: server.url, jwksCacheTtl: 3_600_000 };
  const authenticator = new JwtAuthenticator({ connection, clock, logger });
  return {
    clock,
    logged,
    server,
    state,
    login: (jwt: string) => authenticator.authenticate(jwt),
    requests: () => server.received.length,
    [Symbol.asyncDispose]: async () => {
      authenticator.stop();
      await server.close();
    },
  };
}
const invalid = { name: new InvalidTokenError('').name };
const unavailable = { code: errors.internal.code, temporary: true };

describe('JWK set', () => {
  test('is fetched once for many tokens at once', async () => {
    await using set = await setup([jwk(first, 'one'), jwk(second, 'two')]);
    const tokens = [
      await token(first, 'ES256', 'one'),
      await token(second, 'RS256', 'two'),
      await token(second, 'PS512', 'two'),
    ];
    const logins = Array.from({ length: 30 }, (_, i) => set.login(tokens[i % 3] as string));
    for (const identity of await Promise.all(logins)) expect(identity).toEqual({ user: '42' });
    expect(set.requests()).toBe(1);
  });

  test('rotation: an unknown kid has it fetched again', async () => {
    await using set = await setup([jwk(first, 'one')]);
    await set.login(await token(first, 'ES256', 'one'));
    set.state.reply = { keys: [jwk(second, 'two')] };
    await set.clock.advance(5_000);
    expect(await set.login(await token(second, 'RS256', 'two'))).toEqual({ user: '42' });
    await expect(set.login(await token(first, 'ES256', 'one'))).rejects.toMatchObject(unavailable);
    await set.clock.advance(5_000);
    await expect(set.login(await token(first, 'ES256', 'one'))).rejects.toMatchObject(invalid);
    expect(set.requests()).toBe(3);
  });

  test('a flood of random kids does not flood the endpoint, and known keys serve on', async () => {
    await using set = await setup([jwk(first, 'one')]);
    const good = await token(first, 'ES256', 'one');
    const [, claims, signature] = good.split('.');
    await set.login(good);
    await set.clock.advance(5_000);
    const flood = Array.from({ length: 500 }, (_, i) => {
      const header = Buffer.from(JSON.stringify({ alg: 'ES256', kid: `random-${i}` })).toString('base64url');
      return set.login(`${header}.${claims}.${signature}`).catch((error: unknown) => error);
    });
    for (const error of await Promise.all(flood)) expect(error).toBeInstanceOf(Error);
    expect(await set.login(good)).toEqual({ user: '42' });
    expect(set.requests()).toBe(2);
  });

  test('is fetched anew when it is old; a key that left is refused then', async () => {
    await using set = await setup([jwk(first, 'one')]);
    const jwt = await token(first, 'ES256', 'one');
    await set.login(jwt);
    set.state.reply = { keys: [jwk(second, 'two')] };
    await set.clock.advance(3_599_000);
    expect(await set.login(jwt)).toEqual({ user: '42' });
    await set.clock.advance(1_000);
    await expect(set.login(jwt)).rejects.toMatchObject(invalid);
  });

  test.each<[string, Reply]>([
    ['an error', 500],
    ['a redirect', 302],
    ['no JSON', 'nonsense'],
    ['another shape', { keys: 'none' }],
    ['more than a megabyte', JSON.stringify({ keys: [], padding: 'x'.repeat(1_100_000) })],
    ['a cut connection', 'cut'],
  ])('stale keys serve on when the endpoint answers %s, and the log says so', async (_name, reply) => {
    await using set = await setup([jwk(first, 'one')]);
    const jwt = await token(first, 'ES256', 'one');
    await set.login(jwt);
    set.state.reply = reply;
    await set.clock.advance(3_600_000);
    expect(await set.login(jwt)).toEqual({ user: '42' });
    expect(await set.login(jwt)).toEqual({ user: '42' });
    expect(set.requests()).toBe(2);
    expect(set.logged.join()).toContain('stay in use');
  });

  test('with no keys at all the error is internal and temporary, without asking for every token', async () => {
    await using set = await setup([jwk(first, 'one')]);
    const good = set.state.reply;
    set.state.reply = 503;
    const jwt = await token(first, 'ES256', 'one');
    for (let i = 0; i < 5; i++) await expect(set.login(jwt)).rejects.toMatchObject(unavailable);
    expect(set.requests()).toBe(1);
    set.state.reply = good;
    await set.clock.advance(5_000);
    expect(await set.login(jwt)).toEqual({ user: '42' });
  });

  test('a hanging endpoint is given up', async () => {
    await using set = await setup([]);
    set.state.reply = 'hang';
    const login = expect(set.login(await token(first, 'ES256', 'one'))).rejects.toMatchObject(unavailable);
    while (set.requests() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await set.clock.advance(5_000);
    await login;
  });

  test('without kid a single key that fits is taken, and a choice is refused', async () => {
    await using set = await setup([jwk(first, undefined), jwk(second, 'two')]);
    expect(await set.login(await token(first, 'ES256'))).toEqual({ user: '42' });
    set.state.reply = { keys: [jwk(first, 'one'), jwk(first, 'other')] };
    await set.clock.advance(3_600_000);
    await expect(set.login(await token(first, 'ES256'))).rejects.toMatchObject(invalid);
  });

  test('a key serves its own algorithm and purpose only', async () => {
    await using set = await setup([
      jwk(second, 'rs', { alg: 'RS256' }),
      jwk(second, 'enc', { use: 'enc' }),
      jwk(second, 'sign', { key_ops: ['sign'] }),
    ]);
    expect(await set.login(await token(second, 'RS256', 'rs'))).toEqual({ user: '42' });
    for (const [alg, kid] of [
      ['RS512', 'rs'],
      ['RS256', 'enc'],
      ['RS256', 'sign'],
    ] as const) {
      await set.clock.advance(5_000);
      await expect(set.login(await token(second, alg, kid))).rejects.toMatchObject(invalid);
    }
  });

  test('a published secret or public key is never an HMAC secret', async () => {
    const secret = 'published by mistake';
    await using set = await setup([
      { kty: 'oct', k: Buffer.from(secret).toString('base64url'), kid: 'one', alg: 'HS256' },
      jwk(second, 'two'),
    ]);
    for (const [kid, key] of [
      ['one', secret],
      ['two', second.publicKey.export({ type: 'spki', format: 'pem' })],
    ] as const) {
      const signed = [{ alg: 'HS256', kid }, { sub: 'admin' }]
        .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.');
      const forged = `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
      await expect(set.login(forged)).rejects.toMatchObject(invalid);
    }
    expect(set.requests()).toBe(0);
  });
});
