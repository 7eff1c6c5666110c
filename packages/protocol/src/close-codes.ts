/**
 * Why the server closes a connection or ends a subscription. 3000–3499 and 4000–4499: the client reconnects;
 * 3500–3999 and 4500–4999: it does not. Unsubscribe codes below 2500 end the subscription; from 2500 on the client
 * subscribes again. ERRORS.md lists exactly these codes and a test holds the two together.
 *
 * Source: Centrifuge client protocol v2.
 */
export interface CloseReason {
  readonly code: number;
  readonly reason: string;
}

export const closeCodes = {
  connectionClosed: { code: 3000, reason: 'connection closed' },
  shutdown: { code: 3001, reason: 'shutdown' },
  serverError: { code: 3004, reason: 'internal server error' },
  expired: { code: 3005, reason: 'connection expired' },
  subscriptionExpired: { code: 3006, reason: 'subscription expired' },
  slow: { code: 3008, reason: 'slow' },
  writeError: { code: 3009, reason: 'write error' },
  insufficientState: { code: 3010, reason: 'insufficient state' },
  forceReconnect: { code: 3011, reason: 'force reconnect' },
  noPong: { code: 3012, reason: 'no pong' },
  tooManyRequests: { code: 3013, reason: 'too many requests' },
  stateInvalidated: { code: 3014, reason: 'state invalidated' },
  invalidToken: { code: 3500, reason: 'invalid token' },
  badRequest: { code: 3501, reason: 'bad request' },
  stale: { code: 3502, reason: 'stale' },
  forceNoReconnect: { code: 3503, reason: 'force disconnect' },
  connectionLimit: { code: 3504, reason: 'connection limit' },
  channelLimit: { code: 3505, reason: 'channel limit' },
  inappropriateProtocol: { code: 3506, reason: 'inappropriate protocol' },
  permissionDenied: { code: 3507, reason: 'permission denied' },
  notAvailable: { code: 3508, reason: 'not available' },
  tooManyErrors: { code: 3509, reason: 'too many errors' },
} as const satisfies Record<string, CloseReason>;

export const unsubscribeCodes = {
  server: { code: 2000, reason: 'server unsubscribe' },
  permissionLost: { code: 2001, reason: 'permission lost' },
  insufficientState: { code: 2500, reason: 'insufficient state' },
  expired: { code: 2501, reason: 'expired' },
  permissionUnknown: { code: 2502, reason: 'permission unknown' },
} as const satisfies Record<string, CloseReason>;

/** Whether a client reconnects after this close code. */
export function isReconnectCode(code: number): boolean {
  return !((code >= 3500 && code < 4000) || (code >= 4500 && code < 5000));
}
