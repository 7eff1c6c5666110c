/** What every hook and component of `@tidings/react` finds around it. `TidingsProvider` puts it there. */
import type { Chat, ConnectionState, Store } from '@tidings/client';
import { createContext, useContext } from 'react';
import type { Formats } from './formats.ts';
import type { Labels } from './labels.ts';

/** What the components need of a client: `Tidings` of `@tidings/client` is one. */
export interface TidingsSource {
  readonly chat: Chat;
  readonly connection: { readonly state: Store<ConnectionState> };
}

/** What `TidingsProvider` gives to those below. */
export interface TidingsContextValue {
  readonly source: TidingsSource;
  readonly labels: Labels;
  readonly formats: Formats;
}

export const TidingsContext = createContext<TidingsContextValue | undefined>(undefined);

/**
 * The client, the labels and the formats in use.
 * @throws Error outside of a `TidingsProvider`.
 */
export function useTidings(): TidingsContextValue {
  const value = useContext(TidingsContext);
  if (value === undefined) throw new Error('@tidings/react: put a <TidingsProvider> around this component');
  return value;
}

/** The words in use. */
export const useLabels = (): Labels => useTidings().labels;
/** Dates, numbers and lists in the locale of `TidingsProvider`. */
export const useFormats = (): Formats => useTidings().formats;
