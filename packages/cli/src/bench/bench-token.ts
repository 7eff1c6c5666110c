/** Connection tokens for a load, so that what is measured is a server that authenticates. */
import { createHmac } from 'node:crypto';

const lifetimeSeconds = 3600;

/**
 * Makes a connection token (JWT, HS256; RFC 7519) that is valid for an hour.
 * @param secret what the server has as `auth.jwt.hmacSecret`.
 */
export function mintBenchToken(secret: string, user: string): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const issuedAt = Math.floor(Date.now() / 1000);
  const body = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ sub: user, iat: issuedAt, exp: issuedAt + lifetimeSeconds })}`;
  return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
}
