/**
 * What is on the screen, as it stands in the address behind `#`, so that a reload, a bookmark and the browser's own
 * "back" do what people expect: `#/room/general?panel=thread&thread=12`.
 */
import { WritableStore, type Store } from '@tidings/client';

export type Panel = 'thread' | 'members' | 'search' | 'pins';

export interface Route {
  /** Absent: the list of rooms alone. */
  readonly room?: string;
  /** A message to show and highlight. */
  readonly message?: number;
  /** What stands beside the room. */
  readonly panel?: Panel;
  /** The message that the thread of `panel` stands under. */
  readonly thread?: number;
}

const panels: readonly Panel[] = ['thread', 'members', 'search', 'pins'];

export class Router {
  readonly #store = new WritableStore<Route>(parseRoute(location.hash));

  constructor() {
    addEventListener('hashchange', () => this.#store.set(parseRoute(location.hash)));
  }

  get route(): Store<Route> {
    return this.#store;
  }

  /** @param how `replace`: "back" does not come to where one was. */
  go(route: Route, how: 'push' | 'replace' = 'push'): void {
    const hash = formatRoute(route);
    if (hash === location.hash) {
      // The same message once more is a wish to see it again.
      this.#store.set({ ...route });
      return;
    }
    history[how === 'push' ? 'pushState' : 'replaceState'](null, '', hash);
    this.#store.set(route);
  }
}

export function formatRoute({ room, message, panel, thread }: Route): string {
  if (room === undefined) return '#/';
  const query = new URLSearchParams();
  if (panel !== undefined) query.set('panel', panel);
  if (thread !== undefined) query.set('thread', String(thread));
  if (message !== undefined) query.set('message', String(message));
  const text = query.toString();
  return `#/room/${encodeURIComponent(room)}${text === '' ? '' : `?${text}`}`;
}

/** What is not understood is left out. */
export function parseRoute(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#/, '').split('?', 2);
  const [, kind, id = ''] = path.split('/');
  const room = kind === 'room' ? decoded(id) : undefined;
  if (room === undefined) return {};
  const query = new URLSearchParams(search);
  const message = numberOf(query.get('message'));
  const thread = numberOf(query.get('thread'));
  const panel = panels.find((one) => one === query.get('panel'));
  return {
    room,
    ...(message !== undefined && { message }),
    ...(panel !== undefined && (panel !== 'thread' || thread !== undefined) && { panel }),
    ...(panel === 'thread' && thread !== undefined && { thread }),
  };
}

function decoded(text: string): string | undefined {
  try {
    const value = decodeURIComponent(text);
    return value === '' ? undefined : value;
  } catch {
    return undefined;
  }
}

function numberOf(text: string | null): number | undefined {
  return text !== null && /^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined;
}
