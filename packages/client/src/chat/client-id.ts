/** Ids that the client makes up, so that a message sent again is known as the same one. */

/**
 * A version 7 UUID (RFC 9562 §5.7): random, and sorted by time, which spares the server's index of them much writing. Also
 * where there is no `crypto`: on some versions of React Native.
 */
export function newClientId(): string {
  const bytes = new Uint8Array(10);
  if (typeof crypto !== 'undefined' && typeof crypto.getRandomValues === 'function') crypto.getRandomValues(bytes);
  else for (let at = 0; at < bytes.length; at++) bytes[at] = Math.floor(Math.random() * 256);
  const time = Date.now().toString(16).padStart(12, '0');
  const random = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  // Two bits of the fourth group say which kind of UUID this is.
  const variant = ((bytes[2] as number) % 4) + 8;
  return [
    time.slice(0, 8),
    time.slice(8),
    `7${random.slice(0, 3)}`,
    `${variant.toString(16)}${random.slice(5, 8)}`,
    random.slice(8),
  ].join('-');
}
