/** What development mode lets pass without a key: requests of this machine, and nothing that a site abroad can send. */
import { isLoopback, socketAddress } from './client-address.ts';
import { isSameHost } from './origin-policy.ts';
import type { HttpExchange } from './route.ts';

/**
 * Whether a request is of a program on this machine, or of a page that this server served. A page of another site could
 * reach a local port too, under its own origin, or under its own host name that resolves to this machine (DNS rebinding).
 */
export function isLocalRequest({ request, address }: Pick<HttpExchange, 'request' | 'address'>): boolean {
  const { host, origin } = request.headers;
  if (!isLoopback(address) || !isLoopback(socketAddress(request))) return false;
  const name = (host ?? '').replace(/:\d+$/, '').toLowerCase();
  const isLocalName = name === 'localhost' || name === '[::1]' || isLoopback(name);
  return isLocalName && (origin === undefined || isSameHost(origin, host));
}
