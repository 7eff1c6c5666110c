/** On what machine the figures were taken: a figure without it says little. */
import { cpus, release, totalmem, type } from 'node:os';
import { canPin } from './server-process.ts';

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGigabytes: number;
  readonly system: string;
  readonly node: string;
  /** Whether server and load each had a processor of their own. */
  readonly pinned: boolean;
}

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    processor: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGigabytes: Math.round(totalmem() / 1024 ** 3),
    system: `${type()} ${release().split('-')[0]}`,
    node: process.versions.node,
    pinned: canPin,
  };
}
