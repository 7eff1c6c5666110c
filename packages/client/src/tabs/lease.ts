/**
 * Leading without Web Locks, which browsers give to secure pages only: whoever wrote their name last into `localStorage`
 * leads, as long as they go on. Two tabs may do so at once for a moment; the law of `Tabs` allows it.
 */
import type { Clock } from '../clock.ts';
import { WritableStore } from '../store.ts';
import type { Leadership } from './tabs.ts';

const renewMs = 2_000;
/** Tabs in the background are woken once a minute at the worst; then another one leads, which is as well. */
const validMs = 7_000;

/** @param tab an id of this tab. */
export function leadByLease(key: string, tab: string, clock: Clock): Leadership {
  const isLeader = new WritableStore(false);
  let timer: unknown;
  const renew = (): void => {
    isLeader.set(take(key, tab, clock.now()));
    timer = clock.setTimeout(renew, renewMs);
  };
  renew();
  return {
    isLeader,
    release() {
      clock.clearTimeout(timer);
      if (isLeader.get()) drop(key);
      isLeader.set(false);
    },
  };
}

function take(key: string, tab: string, nowMs: number): boolean {
  try {
    const [holder, until] = JSON.parse(localStorage.getItem(key) ?? '["",0]') as [string, number];
    // A clock that was set back must not keep a dead tab leading.
    if (holder !== tab && until > nowMs && until <= nowMs + validMs) return false;
    localStorage.setItem(key, JSON.stringify([tab, nowMs + validMs]));
  } catch {
    // Without storage the tabs share nothing that one of them would have to do for all.
  }
  return true;
}

function drop(key: string): void {
  try {
    localStorage.removeItem(key);
  } catch {
    // It expires.
  }
}
