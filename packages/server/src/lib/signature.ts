/**
 * Signs what Tidings sends to the application (hooks, events), and checks it on the application's side.
 *
 * Header: `X-Tidings-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`. The time is signed too, so that
 * an old request that somebody recorded is refused. Source: HMAC, RFC 2104.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

export const signatureHeader = 'x-tidings-signature';

function digest(secret: string, seconds: string, body: string | Uint8Array): Buffer {
  return createHmac('sha256', secret).update(`${seconds}.`).update(body).digest();
}

/**
 * @param now Unix time in milliseconds.
 * @returns the value of the signature header.
 */
export function sign(secret: string, body: string | Uint8Array, now: number): string {
  const seconds = String(Math.floor(now / 1000));
  return `t=${seconds},v1=${digest(secret, seconds, body).toString('hex')}`;
}

/**
 * Whether a request came from somebody who knows the secret, lately. For applications that receive hooks or events.
 * @param header value of `X-Tidings-Signature`; several `v1` are allowed, one must match.
 * @param body the body exactly as received, before any parsing.
 * @param options `toleranceSeconds`: how far its time may be from now, 300 by default; `now`: Unix time in milliseconds.
 */
export function verifySignature(
  secret: string,
  header: string | undefined,
  body: string | Uint8Array,
  { toleranceSeconds = 300, now = Date.now() }: { toleranceSeconds?: number; now?: number } = {},
): boolean {
  let seconds: string | undefined;
  const claimed: Buffer[] = [];
  // 16 parts are plenty; without a bound a long header would buy many comparisons.
  for (const part of (header ?? '').split(',', 16)) {
    const [name, value = ''] = part.trim().split('=', 2);
    if (name === 't' && /^\d{1,12}$/.test(value)) seconds = value;
    if (name === 'v1' && /^[0-9a-f]{64}$/.test(value)) claimed.push(Buffer.from(value, 'hex'));
  }
  if (seconds === undefined || Math.abs(now / 1000 - Number(seconds)) > toleranceSeconds) return false;
  const expected = digest(secret, seconds, body);
  let matches = false;
  for (const candidate of claimed) if (timingSafeEqual(candidate, expected)) matches = true;
  return matches;
}
