/** Who is it: from hook, token, or nobody in particular; and what they are subscribed to from the start. */
import {
  closeCodes,
  errors,
  isJson,
  personalChannel,
  ProtocolError,
  type ConnectRequest,
  type Payload,
} from '@tidings/protocol';
import { InvalidTokenError } from './auth/authenticator.ts';
import type { Identity, SubscriptionGrant } from './auth/identity.ts';
import type { Core } from './core.ts';
import { Disconnect } from './disconnect.ts';
import { checkData, checkInfo } from './publish.ts';
import type { Handshake } from './transports/transport.ts';

/** The longest self-given info of a client in development mode. */
const maxDevelopmentInfoBytes = 1024;

export interface Authenticated extends Identity {
  /** Who refreshes when it expires: the client with a token, or the hook. */
  readonly refresh: 'client' | 'hook' | undefined;
}

/**
 * The handshake with the headers that hooks are told of: those of the HTTP request, and for clients that cannot set
 * any, such as browsers, those of the connect command; of both only the ones that are configured.
 */
export function withConnectHeaders(core: Core, handshake: Handshake, request: ConnectRequest): Handshake {
  const allowed = core.config.transports.forwardHeaders;
  const sent = Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const);
  const kept = sent.filter(([name]) => allowed.includes(name));
  return kept.length === 0
    ? handshake
    : { ...handshake, headers: { ...Object.fromEntries(kept), ...handshake.headers } };
}

/**
 * @throws ProtocolError 107 for what is malformed, 109 for an expired token; Disconnect 3500 for an invalid one, 3501 without credentials; what the
 * connect hook answers.
 */
export async function authenticate(
  core: Core,
  clientId: string,
  handshake: Handshake,
  request: ConnectRequest,
): Promise<Authenticated> {
  checkShape(request);
  if (core.hooks.connect) {
    const identity = await core.hooks.connect({
      client: clientId,
      transport: handshake.transport,
      protocol: handshake.format.codec,
      address: handshake.address,
      headers: handshake.headers,
      token: request.token,
      data: request.data,
      name: request.name,
      version: request.version,
    });
    if (identity) return checked(handshake, { ...identity, refresh: 'hook' });
  }
  if (request.token) {
    return checked(handshake, { ...(await authenticateToken(core, request.token)), refresh: 'client' });
  }
  if (!core.config.auth.anonymous)
    throw new Disconnect(closeCodes.badRequest, 'no credentials: send a token, or set auth.anonymous');
  const info = core.config.mode === 'development' ? selfGivenInfo(request.data) : undefined;
  return { user: '', refresh: undefined, ...(info && { info }) };
}

/** What rules may take from an identity: the token's own claims, and the fields of `meta` that they do not name. */
export function claimsOf({ meta, claims }: Pick<Identity, 'meta' | 'claims'>): Identity['claims'] {
  const fields = typeof meta === 'object' && meta !== null && !Array.isArray(meta) ? meta : undefined;
  return fields && claims ? { ...fields, ...claims } : (claims ?? (fields as Identity['claims']));
}

/** The subscriptions the server makes for this client. */
export function serverSubscriptions(core: Core, identity: Identity): Map<string, SubscriptionGrant> {
  const grants = new Map<string, SubscriptionGrant>(Object.entries(identity.subs ?? {}));
  const { enabled, prefix } = core.config.personalChannel;
  const personal = enabled ? personalChannel(prefix, identity.user) : undefined;
  if (personal === undefined) return grants;
  // An id that the pattern cannot take, such as one with a colon, must not keep its user out.
  if (core.channels.find(personal)) grants.set(personal, {});
  else core.logger.warn({ user: identity.user, channel: personal }, 'no pattern matches the personal channel');
  return grants;
}

async function authenticateToken(core: Core, token: string): Promise<Identity> {
  if (!core.authenticator)
    throw new Disconnect(closeCodes.invalidToken, 'a token was sent, but auth.jwt is not configured');
  try {
    return await core.authenticator.authenticate(token);
  } catch (error) {
    if (error instanceof InvalidTokenError) throw new Disconnect(closeCodes.invalidToken, error.message);
    throw error;
  }
}

function checked(handshake: Handshake, identity: Authenticated): Authenticated {
  checkInfo(identity.info);
  checkData(handshake, identity.data);
  const claims = claimsOf(identity);
  return claims === undefined || claims === identity.claims ? identity : { ...identity, claims };
}

function checkShape(request: ConnectRequest): void {
  if ((request.name?.length ?? 0) > 16)
    throw new ProtocolError(errors.badRequest, { detail: 'name has more than 16 characters' });
  if ((request.version?.length ?? 0) > 64)
    throw new ProtocolError(errors.badRequest, { detail: 'version has more than 64 characters' });
}

/** In development mode an anonymous client may say who it is, so that a demo has names. */
function selfGivenInfo(data: Payload | undefined): Payload | undefined {
  const fits = data && data.length <= maxDevelopmentInfoBytes && data[0] === 0x7b; /* { */
  return fits && isJson(data) ? data : undefined;
}
