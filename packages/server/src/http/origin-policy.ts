/**
 * Which web pages may talk to this server. A browser names the page's origin in a header that scripts cannot set
 * (RFC 6454 §7); other programs send none.
 */

/**
 * - `absent`: not a browser, or a navigation; nothing to check.
 * - `listed`: allowed by name; credentials may be sent.
 * - `any`: allowed because everybody is (`*`); without credentials, or every site could act as its visitor.
 * - `denied`.
 */
export type OriginVerdict = 'absent' | 'listed' | 'any' | 'denied';

const valid =
  'an origin such as https://app.example.com, https://*.example.com (any subdomain), http://localhost:* (any port), or *';

export class OriginPolicy {
  readonly #exact = new Set<string>();
  readonly #patterns: RegExp[] = [];
  readonly #any: boolean;
  readonly #sameOrigin: boolean;

  /**
   * @param origins exact origins and patterns.
   * @param sameOrigin whether a page that this server served may connect without being listed.
   * @throws Error naming the entry that is not an origin.
   */
  constructor(origins: readonly string[], sameOrigin: boolean) {
    this.#sameOrigin = sameOrigin;
    this.#any = origins.includes('*');
    for (const origin of origins) {
      if (origin !== '*') this.#add(origin);
    }
  }

  /**
   * @param origin the Origin header.
   * @param host the Host header.
   */
  check(origin: string | undefined, host: string | undefined): OriginVerdict {
    if (origin === undefined) return 'absent';
    const asked = origin.toLowerCase();
    if (this.#exact.has(asked)) return 'listed';
    for (const pattern of this.#patterns) {
      if (pattern.test(asked)) return 'listed';
    }
    if (this.#sameOrigin && isSameHost(asked, host)) return 'listed';
    return this.#any ? 'any' : 'denied';
  }

  #add(origin: string): void {
    const text = origin.trim().toLowerCase();
    if (text === 'null' || text === 'file://') {
      this.#exact.add(text);
      return;
    }
    const match = /^([a-z][a-z0-9+.-]*):\/\/(\*\.)?([^*/:\s[\]]+|\[[0-9a-f:.]+\])(?::(\*|\d{1,5}))?\/?$/.exec(text);
    const [, scheme, wildcard, host, port] = match ?? [];
    if (!scheme || !host) throw new Error(`origins: ${JSON.stringify(origin)} is not ${valid}`);
    // A browser leaves the default port out.
    const isDefault = (scheme === 'https' && port === '443') || (scheme === 'http' && port === '80');
    if (!wildcard && port !== '*') {
      this.#exact.add(`${scheme}://${host}${port && !isDefault ? `:${port}` : ''}`);
      return;
    }
    const labels = wildcard ? '(?:[a-z0-9_-]+\\.)+' : '';
    const suffix = port === '*' ? '(?::\\d{1,5})?' : port && !isDefault ? `:${port}` : '';
    this.#patterns.push(new RegExp(`^${escaped(scheme)}://${labels}${escaped(host)}${suffix}$`));
  }
}

function escaped(text: string): string {
  return text.replaceAll(/[^a-z0-9]/g, String.raw`\$&`);
}

/** Whether the page was served under the host name that the request was sent to. */
export function isSameHost(origin: string, host: string | undefined): boolean {
  const separator = origin.indexOf('://');
  return separator > 0 && host !== undefined && origin.slice(separator + 3).toLowerCase() === host.toLowerCase();
}
