/** What a process on this machine has used, from Linux's `/proc`. */
import { readFileSync } from 'node:fs';

export interface ProcessUsage {
  /** Time on a processor, user and kernel, of all threads. */
  readonly cpuMs: number;
  /** Resident memory. */
  readonly rssBytes: number;
}

/** Linux shows processor time to programs in hundredths of a second, whatever the kernel counts in. */
const msPerTick = 10;

/**
 * @returns undefined where there is no `/proc` or no such process.
 */
export function readProcessUsage(pid: number): ProcessUsage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name, in parentheses, may hold spaces and parentheses; fields are counted behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { cpuMs: (Number(fields[11]) + Number(fields[12])) * msPerTick, rssBytes: readRssBytes(pid) };
  } catch {
    return undefined;
  }
}

/** `stat` and `status` may lag behind by some pages for each processor; the rollup is exact. */
function readRssBytes(pid: number): number {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  } catch {
    text = readFileSync(`/proc/${pid}/status`, 'latin1');
  }
  return Number(/^(?:Rss|VmRSS):\s+(\d+) kB/m.exec(text)?.[1] ?? Number.NaN) * 1024;
}
