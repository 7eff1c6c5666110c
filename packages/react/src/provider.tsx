/** The one component that has to stand around all others: it says which client is used, and in which words. */
import { useMemo, type ReactNode } from 'react';
import { TidingsContext, type TidingsSource } from './context.ts';
import { createFormats } from './formats.ts';
import { englishLabels, type Labels } from './labels.ts';

export interface TidingsProviderProps {
  /** Made once, outside of the component, or in a `useState`. */
  readonly client: TidingsSource;
  /** Words that replace the English ones, one by one. */
  readonly labels?: Partial<Labels>;
  /** BCP 47 tag for dates and numbers; without it the one of the device. */
  readonly locale?: string;
  /** IANA name, such as `Europe/Berlin`; without it the one of the device. */
  readonly timeZone?: string;
  readonly children?: ReactNode;
}

export function TidingsProvider({ client, labels, locale, timeZone, children }: TidingsProviderProps): ReactNode {
  const value = useMemo(
    () => ({
      source: client,
      labels: { ...englishLabels, ...labels },
      formats: createFormats(locale, timeZone),
    }),
    [client, labels, locale, timeZone],
  );
  return <TidingsContext.Provider value={value}>{children}</TidingsContext.Provider>;
}
