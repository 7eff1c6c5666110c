/** The embedded presence store. Nodes in one process share a table; without one a store keeps its own. */
import type { ClientInfo } from '@tidings/protocol';
import type { Clock } from '../lib/clock.ts';
import { PresenceTable } from './presence-table.ts';
import type { PresenceStore } from './presence-store.ts';

export { PresenceTable } from './presence-table.ts';

export interface MemoryPresenceStoreOptions {
  readonly clock: Clock;
  /** Shared with other nodes of this process; its clock then holds. */
  readonly table?: PresenceTable;
}

export class MemoryPresenceStore implements PresenceStore {
  readonly name = 'memory presence store';
  readonly #table: PresenceTable;
  #running = false;

  constructor(options: MemoryPresenceStoreOptions) {
    this.#table = options.table ?? new PresenceTable(options.clock);
  }

  async start(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    this.#table.start();
  }

  async stop(): Promise<void> {
    if (!this.#running) return;
    this.#running = false;
    this.#table.stop();
  }

  async touch(channel: string, info: ClientInfo, ttlMs: number): Promise<void> {
    this.#table.touch(channel, info, ttlMs);
  }

  async remove(channel: string, clientId: string): Promise<void> {
    this.#table.remove(channel, clientId);
  }

  async list(channel: string): Promise<Map<string, ClientInfo>> {
    return this.#table.list(channel);
  }

  async stats(channel: string): Promise<{ clients: number; users: number }> {
    return this.#table.stats(channel);
  }
}
