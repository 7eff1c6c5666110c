/** Everybody connected to this node, by client id and by user. */
import type { Client } from './client.ts';

export class Clients {
  readonly #byId = new Map<string, Client>();
  /** Users with several connections have a set; most have one and need none. */
  readonly #byUser = new Map<string, Client | Set<Client>>();
  readonly #byTransport = new Map<string, number>();

  get size(): number {
    return this.#byId.size;
  }

  get userCount(): number {
    return this.#byUser.size;
  }

  get countByTransport(): ReadonlyMap<string, number> {
    return this.#byTransport;
  }

  get(id: string): Client | undefined {
    return this.#byId.get(id);
  }

  all(): Iterable<Client> {
    return this.#byId.values();
  }

  ofUser(user: string): readonly Client[] {
    const entry = this.#byUser.get(user);
    if (!entry) return [];
    return entry instanceof Set ? [...entry] : [entry];
  }

  add(client: Client): void {
    this.#byId.set(client.id, client);
    const { transport } = client.handshake;
    this.#byTransport.set(transport, (this.#byTransport.get(transport) ?? 0) + 1);
    const entry = this.#byUser.get(client.user);
    if (!entry) this.#byUser.set(client.user, client);
    else if (entry instanceof Set) entry.add(client);
    else this.#byUser.set(client.user, new Set([entry, client]));
  }

  remove(client: Client): void {
    if (!this.#byId.delete(client.id)) return;
    const { transport } = client.handshake;
    this.#byTransport.set(transport, (this.#byTransport.get(transport) ?? 1) - 1);
    const entry = this.#byUser.get(client.user);
    if (!(entry instanceof Set)) {
      this.#byUser.delete(client.user);
      return;
    }
    entry.delete(client);
    if (entry.size === 0) this.#byUser.delete(client.user);
  }
}
