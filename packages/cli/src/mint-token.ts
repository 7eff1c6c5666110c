/** JSON Web Tokens that the server of a configuration takes: what `tidings token` prints, and the demo signs people in with. */
import type { Config } from '@tidings/server';
import { SignJWT, type JWTPayload } from 'jose';

/** What the server verifies with. */
export type JwtSettings = NonNullable<Config['auth']['jwt']>;

/** Claims that the server asks for beside those of the token. */
export function requiredClaims({ issuer, audience }: Pick<JwtSettings, 'issuer' | 'audience'>): JWTPayload {
  return { ...(issuer !== undefined && { iss: issuer }), ...(audience !== undefined && { aud: audience }) };
}

/** Signs with HS256. @param ttlMs how long the token is valid from now on. */
export function mintToken(claims: JWTPayload, secret: string, ttlMs: number): Promise<string> {
  const nowSeconds = Math.floor(Date.now() / 1000);
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + Math.ceil(ttlMs / 1000))
    .sign(new TextEncoder().encode(secret));
}
