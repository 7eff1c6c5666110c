import fc from 'fast-check';
import { SignJWT } from 'jose';
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { errors, ProtocolError } from '@tidings/protocol';
import type { JwtConfig } from '../config/schema.ts';
import { FakeClock } from '../lib/clock.ts';
import { createLogger } from '../lib/logger.ts';
import { InvalidTokenError } from './authenticator.ts';
import { JwtAuthenticator } from './jwt.ts';

const hmacSecret = 'a secret of thirty-two bytes or more';
const logger = createLogger('silent');
const clock = new FakeClock();
const nowSeconds = clock.now() / 1000;
const far = nowSeconds + 3_600;
const config = (keys: Partial<JwtConfig>): JwtConfig => ({ jwksCacheTtl: 3_600_000, ...keys });
const create = (keys: Partial<JwtConfig> = { hmacSecret }): JwtAuthenticator =>
  new JwtAuthenticator({ connection: config(keys), clock, logger });

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
function hmacToken(
  claims: unknown,
  { header = { alg: 'HS256' }, secret = hmacSecret }: { header?: object; secret?: string | Buffer } = {},
): string {
  const signed = `${base64url(header)}.${base64url(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}
const signWith = (key: KeyObject, alg: string, claims: Record<string, unknown> = { sub: '42' }): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg }).sign(key);
const pem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }) as string;
const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

async function expectInvalid(promise: Promise<unknown>, detail = ''): Promise<void> {
  const error = await promise.then(
    () => 'accepted',
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(InvalidTokenError);
  expect((error as Error).message).toContain(detail);
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ec384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const ec521 = generateKeyPairSync('ec', { namedCurve: 'P-521' });
const ed = generateKeyPairSync('ed25519');

describe('signatures', () => {
  test.each(['HS256', 'HS384', 'HS512'])('%s with the secret', async (alg) => {
    const token = await new SignJWT({ sub: '42' }).setProtectedHeader({ alg }).sign(Buffer.from(hmacSecret));
    expect(await create().authenticate(token)).toEqual({ user: '42' });
  });

  test.each([
    ['RS256', rsa],
    ['RS512', rsa],
    ['PS256', rsa],
    ['ES256', ec256],
    ['ES384', ec384],
    ['ES512', ec521],
    ['EdDSA', ed],
  ])('%s with the public key', async (alg, pair) => {
    const token = await signWith(pair.privateKey, alg);
    expect(await create({ publicKey: pem(pair.publicKey) }).authenticate(token)).toEqual({ user: '42' });
  });

  test('another key of the same kind', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await expectInvalid(
      create({ publicKey: pem(ec256.publicKey) }).authenticate(await signWith(other.privateKey, 'ES256')),
      'signature',
    );
    await expectInvalid(create().authenticate(hmacToken({ sub: '42' }, { secret: 'wrong' })), 'signature');
  });

  test('alg none, in any spelling, with or without a signature', async () => {
    for (const alg of ['none', 'None', 'NONE', '', 'HS999', '__proto__']) {
      const signed = `${base64url({ alg })}.${base64url({ sub: 'admin' })}`;
      for (const authenticator of [create(), create({ publicKey: pem(rsa.publicKey) })]) {
        await expectInvalid(authenticator.authenticate(`${signed}.`));
        await expectInvalid(authenticator.authenticate(`${signed}.AAAA`));
        await expectInvalid(authenticator.authenticate(hmacToken({ sub: 'admin' }, { header: { alg } })));
      }
    }
  });

  test('a public key used as HMAC secret', async () => {
    for (const publicKey of [pem(rsa.publicKey), pem(rsa.publicKey).trim()]) {
      const forged = hmacToken({ sub: 'admin' }, { secret: publicKey });
      await expectInvalid(create({ publicKey: pem(rsa.publicKey) }).authenticate(forged), 'algorithm');
    }
  });

  test('an algorithm of another kind of key', async () => {
    await expectInvalid(
      create({ publicKey: pem(ec256.publicKey) }).authenticate(await signWith(rsa.privateKey, 'RS256')),
      'algorithm',
    );
    await expectInvalid(create({ hmacSecret }).authenticate(await signWith(ed.privateKey, 'EdDSA')), 'algorithm');
  });

  test('a critical extension', async () => {
    await expectInvalid(
      create().authenticate(hmacToken({ sub: '42' }, { header: { alg: 'HS256', crit: ['exp'] } })),
      'crit',
    );
  });

  test('claims or header changed after signing', async () => {
    const [header, , signature] = hmacToken({ sub: '42' }).split('.');
    await expectInvalid(create().authenticate(`${header}.${base64url({ sub: 'admin' })}.${signature}`), 'signature');
  });

  test('garbage of any kind, and a huge token', async () => {
    const authenticator = create();
    for (const token of [
      '',
      '.',
      '..',
      'a.b.c',
      'null',
      `${base64url(null)}.e30.AA`,
      `${base64url([])}.e30.AA`,
      '{}.{}.{}',
    ]) {
      await expectInvalid(authenticator.authenticate(token));
    }
    await expectInvalid(
      authenticator.authenticate(hmacToken({ sub: '42', info: 'x'.repeat(100_000) })),
      'compact form',
    );
    await expectInvalid(authenticator.authenticate(hmacToken('just text')), 'JSON object');
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.base64String(),
          fc.tuple(fc.jsonValue(), fc.jsonValue()).map(([a, b]) => `${base64url(a)}.${base64url(b)}.AAAA`),
        ),
        (token) => expectInvalid(authenticator.authenticate(token)),
      ),
    );
  });

  test.each(['', '12345678901234567890'])(
    'claims nested as deep as a token can be (around "%s") never crash',
    async (core) => {
      const depth = 20_000;
      const claims = `{"sub":"42","info":${'['.repeat(depth)}${core}${']'.repeat(depth)}}`;
      const signed = `${base64url({ alg: 'HS256' })}.${Buffer.from(claims).toString('base64url')}`;
      const token = `${signed}.${createHmac('sha256', hmacSecret).update(signed).digest('base64url')}`;
      // How deep is too deep is the JavaScript engine's matter.
      const outcome = await create()
        .authenticate(token)
        .catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome).toBeInstanceOf(InvalidTokenError);
      else expect(outcome).toMatchObject({ user: '42' });
    },
  );

  test('no keys configured for this kind of token', async () => {
    const authenticator = new JwtAuthenticator({ subscription: config({ hmacSecret }), clock, logger });
    await expectInvalid(authenticator.authenticate(hmacToken({ sub: '42' })), 'no keys');
  });

  test('a configured key that cannot be used is told at once', () => {
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const privatePem = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    expect(() => create({ publicKey: 'not a key' })).toThrow('PEM');
    expect(() => create({ publicKey: privatePem })).toThrow('private key');
    expect(() => create({ publicKey: pem(small.publicKey) })).toThrow('2048');
  });
});

describe('registered claims', () => {
  const authenticate = (claims: unknown, keys: Partial<JwtConfig> = {}): Promise<unknown> =>
    create({ hmacSecret, ...keys }).authenticate(hmacToken(claims));

  test('expired is 109, from the very second', async () => {
    for (const exp of [0, nowSeconds - 1, nowSeconds]) {
      const error = await authenticate({ sub: '42', exp }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ProtocolError);
      expect((error as ProtocolError).code).toBe(errors.tokenExpired.code);
    }
    expect(await authenticate({ sub: '42', exp: nowSeconds + 1 })).toMatchObject({ user: '42' });
  });

  test('an expired token that was never for us is invalid, not expired', async () => {
    await expectInvalid(authenticate({ exp: 1, iss: 'other' }, { issuer: 'me' }), 'iss');
    await expectInvalid(create().authenticate(hmacToken({ exp: 1 }, { secret: 'wrong' })), 'signature');
  });

  test('not yet valid, with a little grace for clocks', async () => {
    await expectInvalid(authenticate({ nbf: nowSeconds + 60 }), 'nbf');
    expect(await authenticate({ nbf: nowSeconds + 2 })).toEqual({ user: '' });
  });

  test('issuer and audience', async () => {
    const keys = { issuer: 'https://id.example.com', audience: 'chat' };
    const good = { sub: '42', iss: keys.issuer, aud: 'chat' };
    expect(await authenticate(good, keys)).toEqual({ user: '42' });
    expect(await authenticate({ ...good, aud: ['mail', 'chat'] }, keys)).toEqual({ user: '42' });
    await expectInvalid(authenticate({ ...good, iss: 'https://id.example.com/' }, keys), 'iss');
    await expectInvalid(authenticate({ ...good, iss: undefined }, keys), 'iss');
    await expectInvalid(authenticate({ ...good, aud: 'mail' }, keys), 'aud');
    await expectInvalid(authenticate({ ...good, aud: [] }, keys), 'aud');
    await expectInvalid(authenticate({ ...good, aud: undefined }, keys), 'aud');
  });

  test.each([
    ['sub', 42],
    ['sub', null],
    ['exp', '1'],
    ['nbf', true],
    ['iat', 'now'],
    ['jti', 1],
    ['aud', [1]],
    ['iss', {}],
    ['b64info', '***'],
    ['channels', 'news'],
    ['channels', [1]],
    ['subs', ['news']],
    ['expire_at', -1],
  ])('claim %s of a wrong type (%j) is named', async (claim, value) => {
    await expectInvalid(authenticate({ [claim]: value }), `claim ${claim}`);
  });

  test('a wrong type within subs is named with its path', async () => {
    await expectInvalid(
      authenticate({ subs: { news: { override: { presence: { value: 'yes' } } } } }),
      'claim subs.news.override.presence.value',
    );
  });
});

describe('connection tokens', () => {
  const authenticate = (claims: unknown) => create().authenticate(hmacToken(claims));

  test('without sub: anonymous', async () => {
    expect(await authenticate({})).toEqual({ user: '' });
  });

  test('all claims', async () => {
    const identity = await authenticate({
      sub: '42',
      exp: far,
      info: { name: 'Alice' },
      meta: { role: 'admin' },
      channels: ['news', 'chat'],
      subs: {
        chat: {
          info: { color: 'red' },
          b64data: Buffer.from([1, 2, 3]).toString('base64'),
          expire_at: far,
          override: {
            presence: { value: true },
            join_leave: {},
            force_recovery: { value: true },
            force_positioning: { value: false },
          },
        },
      },
      whatever: true,
    });
    expect(identity).toMatchObject({ user: '42', meta: { role: 'admin' }, expireAt: far });
    expect(text(identity.info)).toBe('{"name":"Alice"}');
    expect(Object.keys(identity.subs ?? {})).toEqual(['news', 'chat']);
    expect(identity.subs?.['news']).toEqual({});
    const chat = identity.subs?.['chat'];
    expect(text(chat?.info)).toBe('{"color":"red"}');
    expect(chat?.data).toEqual(Uint8Array.of(1, 2, 3));
    expect(chat?.expireAt).toBe(far);
    expect(chat?.override).toEqual({ presence: true, joinLeave: false, recovery: true, positioning: false });
  });

  test('the application’s own claims are kept for rules, exactly; those with a meaning here are not', async () => {
    const claims =
      '{"sub":"42","exp":1900000000,"meta":{"a":1},"iss":"me","role":"admin","id":12345678901234567890,"__proto__":{"x":1}}';
    const signed = `${base64url({ alg: 'HS256' })}.${Buffer.from(claims).toString('base64url')}`;
    const { claims: own } = await create().authenticate(
      `${signed}.${createHmac('sha256', hmacSecret).update(signed).digest('base64url')}`,
    );
    expect(Object.keys(own ?? {})).toEqual(['role', 'id', '__proto__']);
    expect(JSON.stringify(own?.['id'])).toBe('12345678901234567890');
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
    expect(await authenticate({ sub: '42', exp: far, meta: {} })).not.toHaveProperty('claims');
  });

  test('b64info wins over info', async () => {
    const { info } = await authenticate({ info: 1, b64info: Buffer.from([0xff]).toString('base64') });
    expect(info).toEqual(Uint8Array.of(0xff));
  });

  test('numbers too large for a double pass unchanged', async () => {
    const claims = '{"sub":"42","info":{"id":12345678901234567890}}';
    const signed = `${base64url({ alg: 'HS256' })}.${Buffer.from(claims).toString('base64url')}`;
    const identity = await create().authenticate(
      `${signed}.${createHmac('sha256', hmacSecret).update(signed).digest('base64url')}`,
    );
    expect(text(identity.info)).toBe('{"id":12345678901234567890}');
  });

  test('expire_at: apart from the token, 0 for never, else when the token expires', async () => {
    expect((await authenticate({ exp: far })).expireAt).toBe(far);
    expect((await authenticate({ exp: far, expire_at: far + 60 })).expireAt).toBe(far + 60);
    expect(await authenticate({ exp: far, expire_at: 0 })).not.toHaveProperty('expireAt');
    expect(await authenticate({})).not.toHaveProperty('expireAt');
  });

  test('a subscription token is not one', async () => {
    await expectInvalid(authenticate({ sub: '42', channel: 'news' }), 'claim channel');
  });

  test('a channel named __proto__ harms nobody', async () => {
    const identity = await authenticate(JSON.parse('{"channels":["__proto__"],"subs":{"__proto__":{"info":1}}}'));
    expect(Object.keys(identity.subs ?? {})).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>)['info']).toBeUndefined();
  });
});

describe('subscription tokens', () => {
  const authorize = (claims: unknown, secret = hmacSecret) =>
    create().authorizeSubscription(hmacToken(claims, { secret }));

  test('all claims', async () => {
    const claims = await authorize({
      sub: '42',
      client: 'c1',
      channel: 'news',
      exp: far,
      info: [1],
      data: { a: 1 },
      override: { join_leave: { value: true } },
    });
    expect(claims).toMatchObject({
      user: '42',
      client: 'c1',
      channel: 'news',
      expireAt: far,
      override: { joinLeave: true },
    });
    expect(text(claims.info)).toBe('[1]');
    expect(text(claims.data)).toBe('{"a":1}');
  });

  test('what it does not say is absent', async () => {
    expect(await authorize({ channel: 'news' })).toEqual({ channel: 'news' });
    expect(await authorize({ channel: 'news', exp: far, expire_at: 0 })).toEqual({ channel: 'news' });
  });

  test('needs a channel; expired is 109', async () => {
    await expectInvalid(authorize({ sub: '42' }), 'claim channel');
    await expectInvalid(authorize({ channel: '' }), 'claim channel');
    await expectInvalid(authorize({ channel: 'news', client: 7 }), 'claim client');
    await expect(authorize({ channel: 'news', exp: 1 })).rejects.toMatchObject({ code: errors.tokenExpired.code });
  });

  test('keys of their own', async () => {
    const both = new JwtAuthenticator({
      connection: config({ hmacSecret }),
      subscription: config({ hmacSecret: `${hmacSecret}!` }),
      clock,
      logger,
    });
    await expectInvalid(both.authorizeSubscription(hmacToken({ channel: 'news' })), 'signature');
    expect(await both.authorizeSubscription(hmacToken({ channel: 'news' }, { secret: `${hmacSecret}!` }))).toEqual({
      channel: 'news',
    });
    await expectInvalid(both.authenticate(hmacToken({ sub: '42' }, { secret: `${hmacSecret}!` })), 'signature');
  });
});
