/** Finds the routes of a path: exact ones by one look-up, then the longest prefix. */
import type { HttpRoute } from './route.ts';

export interface PathRoutes {
  readonly methods: ReadonlyMap<string, HttpRoute>;
  /** Some route of this path is for browsers of other origins. */
  readonly forClients: boolean;
  /** Value of the Allow header. */
  readonly allow: string;
}

export class Router {
  readonly #exact = new Map<string, PathRoutes>();
  /** Longest first; each ends in `/`. */
  readonly #prefixes: (readonly [prefix: string, routes: PathRoutes])[] = [];

  /** @throws Error if two routes have the same method and path. */
  constructor(routes: readonly HttpRoute[]) {
    for (const [path, group] of Map.groupBy(routes, (route) => route.path)) {
      const entry = pathRoutes(path, group);
      if (path.endsWith('/*')) this.#prefixes.push([path.slice(0, -1), entry]);
      else this.#exact.set(path, entry);
    }
    this.#prefixes.sort(([a], [b]) => b.length - a.length);
  }

  find(path: string): PathRoutes | undefined {
    const exact = this.#exact.get(path);
    if (exact) return exact;
    for (const [prefix, routes] of this.#prefixes) {
      if (path.startsWith(prefix)) return routes;
    }
    return undefined;
  }
}

function pathRoutes(path: string, routes: readonly HttpRoute[]): PathRoutes {
  const methods = new Map<string, HttpRoute>();
  for (const route of routes) {
    if (methods.has(route.method)) throw new Error(`two routes for ${route.method} ${path}`);
    methods.set(route.method, route);
  }
  // Routes for clients may stream without end, so HEAD, which runs the GET handler, is for the others only.
  const get = methods.get('GET');
  if (get && get.audience === 'server') methods.set('HEAD', get);
  const forClients = routes.some((route) => route.audience === 'client');
  return { methods, forClients, allow: [...methods.keys(), ...(forClients ? ['OPTIONS'] : [])].join(', ') };
}
