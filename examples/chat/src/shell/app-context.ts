/** What every part of the app finds around it: where one is, how it looks, who is signed in, and windows over the page. */
import { createContext, useContext } from 'react';
import { useStore } from '@tidings/react';
import type { Person } from '../people/identity.ts';
import type { AppearanceStore } from './appearance.ts';
import type { Route, Router } from './route.ts';

/** A window over the page. */
export type Open =
  | { readonly kind: 'switcher' }
  | { readonly kind: 'new' }
  | { readonly kind: 'profile' }
  | { readonly kind: 'shortcuts' }
  | { readonly kind: 'search' }
  | { readonly kind: 'invite'; readonly room: string }
  | { readonly kind: 'edit'; readonly room: string }
  | { readonly kind: 'leave'; readonly room: string }
  | { readonly kind: 'person'; readonly user: string; readonly room?: string };

export interface AppContextValue {
  readonly router: Router;
  readonly appearance: AppearanceStore;
  readonly person: Person;
  readonly switchPerson: () => void;
  /** Opens a window over the page, or closes the one that is there. */
  readonly open: (what: Open | undefined) => void;
  /** Says for a moment that something did not work. */
  readonly fail: (error: unknown) => void;
}

export const AppContext = createContext<AppContextValue | undefined>(undefined);

/** @throws Error outside of `Workspace`. */
export function useApp(): AppContextValue {
  const value = useContext(AppContext);
  if (value === undefined) throw new Error('outside of the workspace');
  return value;
}

export const useRoute = (): Route => useStore(useApp().router.route);
