/** Where a request comes from, for limits, hooks and logs. */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/**
 * Address of the client without port. Behind a proxy it is the last entry of X-Forwarded-For: the one our own proxy
 * wrote; entries before it are whatever the client claimed.
 * @param trustProxy whether the peer of the socket is a proxy that sets X-Forwarded-For.
 * @returns the address of the socket if the header holds no address; empty if the socket is gone.
 */
export function clientAddress(request: IncomingMessage, trustProxy: boolean): string {
  const header = trustProxy ? request.headers['x-forwarded-for'] : undefined;
  if (header) {
    const all = Array.isArray(header) ? header.join(',') : header;
    const address = withoutPort(all.slice(all.lastIndexOf(',') + 1).trim());
    if (isIP(address)) return plain(address);
  }
  return socketAddress(request);
}

/** Address of the peer itself, which may be a proxy. */
export function socketAddress(request: IncomingMessage): string {
  return plain(request.socket.remoteAddress ?? '');
}

/** `[::1]:80` and `1.2.3.4:80` as some proxies write them. */
function withoutPort(entry: string): string {
  if (entry.startsWith('[')) return entry.slice(1, entry.indexOf(']'));
  const colon = entry.indexOf(':');
  return colon > 0 && colon === entry.lastIndexOf(':') ? entry.slice(0, colon) : entry;
}

/** An IPv4 address that a dual-stack socket shows as IPv6. */
function plain(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/** Whether an address is of this machine. */
export function isLoopback(address: string): boolean {
  return address === '::1' || (isIP(address) === 4 && address.startsWith('127.'));
}
