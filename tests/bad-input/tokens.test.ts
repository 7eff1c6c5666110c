/** Tokens that must not let anybody in, and what is said about them: never the token itself. */
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Json } from './peers.ts';
import { attack, secrets, type Target } from './target.ts';

const nowSeconds = Math.floor(Date.now() / 1000);
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const publicKey = rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string;
const rsaConfig = { config: { auth: { jwt: { publicKey, hmacSecret: undefined } } } };

function rsaToken(target: Target, claims: Json, key = rsa.privateKey): string {
  const encode = (part: Json) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const signed = `${encode({ alg: 'RS256' })}.${encode(claims)}`;
  return target.secret(`${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`);
}

describe('connection tokens', () => {
  test('an expired one is 109, and the connection is of no use then', () =>
    attack({}, async (target) => {
      const peer = await target.dial();
      const token = target.token({ sub: '42', exp: nowSeconds - 1 });
      expect(await peer.request({ connect: { token } })).toMatchObject({
        error: { code: 109, message: 'token expired' },
      });
      target.logs({ code: 109, detail: 'claim exp is in the past' });
      peer.send('{"id":5,"subscribe":{"channel":"open:a"}}');
      expect((await peer.end()).code).toBe(3501);
      target.logs({ code: 3501, detail: 'subscribe before connect' });
    }));

  test.each<[what: string, token: (target: Target) => string, detail: string | object]>([
    ['forged', (target) => target.token({ sub: '42' }, 'another secret than the one of the server'), 'wrong signature'],
    ['changed after signing', (target) => tampered(target), 'wrong signature'],
    ['alg none', (target) => target.secret(unsigned(target)), expect.stringContaining('')],
    [
      'alg none with a signature',
      (target) => target.token({ sub: '42' }, secrets.hmac, { alg: 'none' }),
      expect.stringMatching(/algorithm/),
    ],
    [
      'alg None',
      (target) => target.token({ sub: '42' }, secrets.hmac, { alg: 'NONE' }),
      expect.stringMatching(/algorithm/),
    ],
    ['an algorithm of public keys', (target) => rsaToken(target, { sub: '42' }), expect.stringMatching(/algorithm/)],
    ['not yet valid', (target) => target.token({ sub: '42', nbf: nowSeconds + 600 }), expect.stringMatching(/nbf/)],
    [
      'no JSON inside',
      (target) => target.secret(`${'x'.repeat(24)}.${'y'.repeat(24)}.${'z'.repeat(24)}`),
      expect.stringMatching(/JSON/),
    ],
    [
      'no token at all',
      (target) => target.secret('this-is-some-password-of-somebody'),
      expect.stringMatching(/compact form/),
    ],
    ['a user that is a number', (target) => target.token({ sub: 42 }), expect.stringMatching(/claim sub/)],
    [
      'for one channel only',
      (target) => target.token({ sub: '42', channel: 'open:a' }),
      expect.stringMatching(/claim channel/),
    ],
    [
      'an extension that must be understood',
      (target) => target.token({ sub: '42' }, secrets.hmac, { alg: 'HS256', crit: ['x'] }),
      expect.stringMatching(/crit/),
    ],
    ['claims nested deeply', (target) => nested(target), expect.any(String)],
  ])('%s: 3500', (_, make, detail) =>
    attack({}, async (target) => {
      const peer = await target.dial();
      peer.send(JSON.stringify({ id: 1, connect: { token: make(target) } }));
      expect(await peer.end()).toEqual({ code: 3500, reason: 'invalid token' });
      target.logs({ level: 'info', code: 3500, detail });
    }),
  );

  test('HMAC with the public RSA key as its secret: 3500', () =>
    attack(rsaConfig, async (target) => {
      const good = await target.dial();
      expect(await good.request({ connect: { token: rsaToken(target, { sub: '42' }) } })).toHaveProperty('connect');
      for (const secret of [
        publicKey,
        publicKey.trim(),
        createPublicKey(publicKey).export({ type: 'spki', format: 'der' }).toString('latin1'),
      ]) {
        const peer = await target.dial();
        peer.send(JSON.stringify({ id: 1, connect: { token: target.token({ sub: '42' }, secret) } }));
        expect((await peer.end()).code).toBe(3500);
        target.logs({ code: 3500, detail: expect.stringMatching(/algorithm/) });
      }
    }));

  test('signed by another RSA key: 3500', () =>
    attack(rsaConfig, async (target) => {
      const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const peer = await target.dial();
      peer.send(JSON.stringify({ id: 1, connect: { token: rsaToken(target, { sub: '42' }, other.privateKey) } }));
      expect((await peer.end()).code).toBe(3500);
      target.logs({ code: 3500, detail: 'wrong signature' });
    }));

  test.each<[what: string, claims: Json, detail: RegExp]>([
    ['of another issuer', { iss: 'somebody', aud: 'us' }, /claim iss/],
    ['without an issuer', { aud: 'us' }, /claim iss/],
    ['for another audience', { iss: 'issuer', aud: ['them', 'others'] }, /claim aud/],
    ['without an audience', { iss: 'issuer' }, /claim aud/],
  ])('%s: 3500, even if it is expired too', (_, claims, detail) =>
    attack(
      { config: { auth: { jwt: { hmacSecret: secrets.hmac, issuer: 'issuer', audience: 'us' } } } },
      async (target) => {
        const peer = await target.dial();
        const token = target.token({ sub: '42', exp: nowSeconds - 10, ...claims });
        peer.send(JSON.stringify({ id: 1, connect: { token } }));
        expect((await peer.end()).code).toBe(3500);
        target.logs({ code: 3500, detail: expect.stringMatching(detail) });
      },
    ),
  );

  test('no credentials where they are needed: 3501', () =>
    attack({ config: { channels: {} }, hooks: {} }, async (target) => {
      await target.engine.reload({
        auth: { jwt: { hmacSecret: secrets.hmac } },
        channels: { beside: { allow: { publish: 'anyone' } } },
      });
      target.ignoresLines((line) => line.msg === 'configuration reloaded');
      const peer = await target.dial();
      peer.send('{"id":1,"connect":{}}');
      expect((await peer.end()).code).toBe(3501);
      target.logs({ code: 3501, detail: 'no credentials: send a token, or set auth.anonymous' });
    }));

  test('refresh with the token of another user: 3500', () =>
    attack({}, async (target) => {
      const peer = await target.connect({ token: target.token({ sub: '42', exp: nowSeconds + 600 }) });
      peer.send(JSON.stringify({ id: 2, refresh: { token: target.token({ sub: '43', exp: nowSeconds + 600 }) } }));
      expect((await peer.end()).code).toBe(3500);
      target.logs({ code: 3500, user: '42', detail: 'the refresh token is for another user' });
    }));

  test('refresh with an expired token: 109, and the connection stays', () =>
    attack({}, async (target) => {
      const peer = await target.connect({ token: target.token({ sub: '42', exp: nowSeconds + 600 }) });
      const token = target.token({ sub: '42', exp: nowSeconds - 1 });
      expect(await peer.request({ refresh: { token } })).toHaveProperty('error.code', 109);
      expect(await peer.request({ ping: {} })).toHaveProperty('ping');
      target.logs({ code: 109, detail: 'claim exp is in the past' });
    }));

  test('a token that was never refreshed: 3005', () =>
    attack({ config: { timeouts: { expiryGrace: '100ms' } } }, async (target) => {
      const peer = await target.connect({ token: target.token({ sub: '42', exp: Math.floor(Date.now() / 1000) + 1 }) });
      expect(await peer.end()).toEqual({ code: 3005, reason: 'connection expired' });
      target.logs({ code: 3005, detail: 'not refreshed in time' });
    }));
});

describe('subscription tokens', () => {
  test.each<[what: string, claims: Json, code: number, detail: RegExp]>([
    ['for another channel', { sub: '42', channel: 'closed:other' }, 3500, /is for channel closed:other, not closed:a/],
    ['for another user', { sub: '43', channel: 'closed:a' }, 3500, /another user/],
    ['for another client', { sub: '42', channel: 'closed:a', client: 'somebody' }, 3500, /another client/],
  ])('%s: the connection ends', (_, claims, code, detail) =>
    attack({ config: { channels: { 'closed:{name}': {} } } }, async (target) => {
      const peer = await target.connect({ token: target.token({ sub: '42' }) });
      peer.send(JSON.stringify({ id: 2, subscribe: { channel: 'closed:a', token: target.token(claims) } }));
      expect((await peer.end()).code).toBe(code);
      target.logs({ code, detail: expect.stringMatching(detail) });
    }),
  );

  test.each<[what: string, make: (target: Target) => string, code: number, detail: RegExp]>([
    ['expired', (target) => target.token({ sub: '42', channel: 'closed:a', exp: nowSeconds - 1 }), 109, /exp/],
    ['forged', (target) => target.token({ sub: '42', channel: 'closed:a' }, 'another secret'), 103, /wrong signature/],
    ['a connection token', (target) => target.token({ sub: '42' }), 103, /claim channel/],
    ['garbage', (target) => target.secret('garbage-garbage-garbage-garbage'), 103, /compact form/],
  ])('%s: refused, and the connection stays', (_, make, code, detail) =>
    attack({ config: { channels: { 'closed:{name}': {} } } }, async (target) => {
      const peer = await target.connect({ token: target.token({ sub: '42' }) });
      const reply = await peer.request({ subscribe: { channel: 'closed:a', token: make(target) } });
      expect(reply).toHaveProperty('error.code', code);
      expect(await peer.request({ ping: {} })).toHaveProperty('ping');
      target.logs({ code, user: '42', detail: expect.stringMatching(detail) });
    }),
  );
});

function unsigned(target: Target): string {
  return target.token({ sub: '42' }, secrets.hmac, { alg: 'none' }).replace(/[^.]+$/, '');
}

/** Another user under the signature of the first. */
function tampered(target: Target): string {
  const [head, , signature] = target.token({ sub: '42' }).split('.') as [string, string, string];
  return target.secret(`${head}.${Buffer.from('{"sub":"43"}').toString('base64url')}.${signature}`);
}

function nested(target: Target): string {
  const claims = `{"sub":"42","info":${'['.repeat(15_000)}${']'.repeat(15_000)}}`;
  const encode = (text: string) => Buffer.from(text).toString('base64url');
  return target.secret(`${encode('{"alg":"HS256"}')}.${encode(claims)}.${'x'.repeat(43)}`);
}
