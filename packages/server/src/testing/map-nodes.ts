/** Nodes with the maps of `map-module.ts`, for tests of what stands beneath modules. */
import type { ConfigInput } from '../config/schema.ts';
import type { EngineOptions } from '../engine.ts';
import { FakeClock } from '../lib/clock.ts';
import { createLogger } from '../lib/logger.ts';
import { SqliteStore } from '../stores/sqlite.ts';
import type { MemoryClient } from '../transports/memory.ts';
import { createTestNodes, jwt, token, type TestNode } from './engine-fixture.ts';
import { MapModules } from './map-module.ts';

type Options = Partial<Omit<EngineOptions, 'clock' | 'broker'>> & { readonly config?: ConfigInput };

/** Anonymous clients, and those with a token of `engine-fixture.ts`. */
export const auth = { anonymous: true, jwt, subscriptionJwt: jwt };
/** A store that ends with the process. */
export function memoryStore(): SqliteStore {
  const logger = createLogger('silent');
  return new SqliteStore({ file: ':memory:', synchronous: 'off', timeoutMs: 1_000, clock: new FakeClock(), logger });
}

export interface MapNodes extends AsyncDisposable {
  readonly nodes: readonly TestNode[];
  readonly maps: MapModules;
  /** A client of a user. */
  as(user: string, at?: number): Promise<MemoryClient>;
}

/** Nodes of one cluster, that share maps as they would share a database. */
export async function createMapNodes(count = 1, options: Options = {}): Promise<MapNodes> {
  const maps = new MapModules();
  const nodes = await createTestNodes(count, {
    ...options,
    store: memoryStore(),
    modules: [maps.factory],
    config: { auth, ...options.config },
  });
  return {
    nodes,
    maps,
    as: (user, at = 0) => (nodes[at] as TestNode).connect({ token: token({ sub: user }) }),
    [Symbol.asyncDispose]: async () => {
      for (const node of nodes) await node.engine.stop();
    },
  };
}
