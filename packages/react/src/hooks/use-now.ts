/** The time, for what is shown as "5 minutes ago". */
import { useEffect, useState } from 'react';

/** Unix milliseconds, renewed every `everyMs`. */
export function useNow(everyMs = 60_000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
