import fc from 'fast-check';
import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { sign, verifySignature } from './signature.ts';

const now = 1_700_000_000_500;
const secret = 'correct horse battery';

describe('signature', () => {
  test('is the HMAC of time and body', () => {
    const mac = createHmac('sha256', secret).update('1700000000.{"a":1}').digest('hex');
    expect(sign(secret, '{"a":1}', now)).toBe(`t=1700000000,v1=${mac}`);
  });

  test('what was signed verifies, as text and as bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '\n', '\0', 'é', '💬') }), (body) => {
        const header = sign(secret, body, now);
        expect(verifySignature(secret, header, body, { now })).toBe(true);
        expect(verifySignature(secret, header, Buffer.from(body), { now })).toBe(true);
      }),
    );
  });

  test('another secret, body or time does not verify', () => {
    const header = sign(secret, 'body', now);
    expect(verifySignature('other secret', header, 'body', { now })).toBe(false);
    expect(verifySignature(secret, header, 'Body', { now })).toBe(false);
    expect(verifySignature(secret, header.replace('t=1700000000', 't=1700000001'), 'body', { now })).toBe(false);
  });

  test('a recorded request is refused after the tolerance, and one from the future before it', () => {
    const header = sign(secret, 'body', now);
    expect(verifySignature(secret, header, 'body', { now: now + 299_000 })).toBe(true);
    expect(verifySignature(secret, header, 'body', { now: now + 301_000 })).toBe(false);
    expect(verifySignature(secret, header, 'body', { now: now - 302_000 })).toBe(false);
    expect(verifySignature(secret, header, 'body', { now: now + 11_000, toleranceSeconds: 10 })).toBe(false);
  });

  test('one of several signatures is enough, for changing the secret', () => {
    const [time, mine] = sign(secret, 'body', now).split(',');
    const [, other] = sign('other secret', 'body', now).split(',');
    expect(verifySignature(secret, `${time},${other},${mine}`, 'body', { now })).toBe(true);
  });

  test('garbage is refused and never throws', () => {
    for (const header of [
      undefined,
      '',
      't=,v1=',
      'v1=00',
      't=1700000000',
      't=1700000000,v1=zz',
      't=NaN,v1=' + '0'.repeat(64),
    ]) {
      expect(verifySignature(secret, header, 'body', { now })).toBe(false);
    }
    fc.assert(fc.property(fc.string(), (header) => !verifySignature(secret, header, 'body', { now })));
  });
});
