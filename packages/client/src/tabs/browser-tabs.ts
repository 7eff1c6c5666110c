/** Tabs of a browser over BroadcastChannel and Web Locks; the browser gives a lock to the next one when a tab dies. */
import { type Clock, systemClock } from '../clock.ts';
import { WritableStore } from '../store.ts';
import { leadByLease } from './lease.ts';
import type { Leadership, Tabs } from './tabs.ts';

/** How long a claim is held. Who was frozen for longer has heard meanwhile that it was taken. */
const claimMs = 60_000;

interface Envelope {
  readonly topic: string;
  readonly message: unknown;
}

/** @param name of what the tabs share: one for each server and user. */
export function createBrowserTabs(name: string, clock: Clock = systemClock): Tabs {
  const prefix = `tidings:${name}`;
  const tab = `${clock.now()}-${Math.random()}`;
  const channel = new BroadcastChannel(prefix);
  const listeners = new Map<string, Set<(message: unknown) => void>>();
  const releases = new Set<() => void>();
  let isClosed = false;

  channel.onmessage = ({ data }: MessageEvent<Envelope>) => {
    for (const listener of [...(listeners.get(data.topic) ?? [])]) listener(data.message);
  };

  return {
    isAlone: false,
    send(topic, message) {
      if (!isClosed) channel.postMessage({ topic, message } satisfies Envelope);
    },
    onMessage(topic, listener) {
      const those = listeners.get(topic) ?? new Set();
      listeners.set(topic, those.add(listener));
      return () => void those.delete(listener);
    },
    lead(what) {
      const leadership = lead(`${prefix}:${what}`, tab, clock);
      const release = (): void => {
        releases.delete(release);
        leadership.release();
      };
      releases.add(release);
      return { isLeader: leadership.isLeader, release };
    },
    async claim(what) {
      const { locks } = navigator;
      if (!locks || isClosed) return !isClosed;
      const isOurs = await new Promise<boolean>((resolve) => {
        const hold = (lock: Lock | null): Promise<void> | undefined => {
          resolve(lock !== null);
          if (!lock || isClosed) return undefined;
          return new Promise((end) => {
            const release = (): void => {
              clock.clearTimeout(timer);
              releases.delete(release);
              end();
            };
            const timer = clock.setTimeout(release, claimMs);
            releases.add(release);
          });
        };
        locks.request(`${prefix}:${what}`, { ifAvailable: true }, hold).catch(() => resolve(true));
      });
      // Closed meanwhile: it is released, for another to claim.
      return isOurs && !isClosed;
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      for (const release of [...releases]) release();
      channel.close();
      listeners.clear();
    },
  };
}

function lead(key: string, tab: string, clock: Clock): Leadership {
  const { locks } = navigator;
  if (!locks) return leadByLease(key, tab, clock);
  const isLeader = new WritableStore(false);
  const ending = new AbortController();
  let lease: Leadership | undefined;
  let stopFollowing: (() => void) | undefined;
  const hold = (): Promise<void> | undefined => {
    if (ending.signal.aborted) return undefined;
    const ended = new Promise<void>((end) => ending.signal.addEventListener('abort', () => end(), { once: true }));
    // Who hears of it may release at once.
    isLeader.set(true);
    return ended;
  };
  locks.request(key, { signal: ending.signal }, hold).catch(() => {
    if (ending.signal.aborted) return;
    // The browser does not give locks to this page.
    const instead = leadByLease(key, tab, clock);
    const follow = (): void => isLeader.set(instead.isLeader.get());
    stopFollowing = instead.isLeader.subscribe(follow);
    lease = instead;
    follow();
  });
  return {
    isLeader,
    release() {
      ending.abort();
      stopFollowing?.();
      lease?.release();
      isLeader.set(false);
    },
  };
}
