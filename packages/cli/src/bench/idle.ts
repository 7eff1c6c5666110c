/** Scenario `idle`: what it costs a server that clients are there and nothing happens. */
import type { Join, Member } from './member.ts';
import { readProcessUsage } from './process-usage.ts';
import { forEachIndex, pause, type RunControl } from './run-control.ts';

export interface IdleOptions {
  readonly join: Join;
  readonly connections: number;
  /** Handshakes under way at once. */
  readonly concurrency: number;
  /** Connections opened and closed before the first measurement, so that code and pools of the server are warm. */
  readonly warmUpConnections: number;
  /** How long all stay. */
  readonly holdMs: number;
  /** Process of the server, on this machine; undefined: its memory is not measured. */
  readonly serverPid?: number | undefined;
}

export interface IdleResult {
  readonly scenario: 'idle';
  readonly connections: number;
  /** From the first handshake to the last subscription. */
  readonly openMs: number;
  readonly openedPerSecond: number;
  /** Connections that were gone at the end. */
  readonly dropped: number;
  readonly holdMs: number;
  /** Of the server; undefined without its process id. */
  readonly memory?: {
    readonly rssBeforeBytes: number;
    readonly rssOpenBytes: number;
    readonly rssIdleBytes: number;
    /** Resident memory that one connection added: right after opening, and at the end of the idle time. */
    readonly openBytesPerConnection: number;
    readonly idleBytesPerConnection: number;
  };
  /** Processor time of the server while idle, in percent of one core. */
  readonly idleCpuPercent?: number;
}

/** @throws Error if a connection is refused. */
export async function runIdle(options: IdleOptions, control: RunControl): Promise<IdleResult> {
  const { join, connections, concurrency, warmUpConnections, holdMs, serverPid } = options;
  const { progress, signal } = control;
  const usage = () => (serverPid === undefined ? undefined : readProcessUsage(serverPid));
  const members: Member[] = [];
  try {
    await forEachIndex(warmUpConnections, concurrency, signal, async (index) => {
      progress('warming up');
      await (await join(index)).leave();
    });
    await pause(Math.min(2_000, holdMs), 'settling', control);
    const before = usage();
    const startedAt = performance.now();
    await forEachIndex(connections, concurrency, signal, async (index) => {
      members.push(await join(index));
      progress('opening', `${members.length} of ${connections}`);
    });
    const openMs = performance.now() - startedAt;
    const open = usage();
    await pause(holdMs, 'idle', control);
    const idle = usage();
    const dropped = members.filter((member) => member.closed !== undefined).length;
    const perConnection = (bytes: number) => Math.round(bytes / connections);
    return {
      scenario: 'idle',
      connections,
      openMs,
      openedPerSecond: connections / (openMs / 1000),
      dropped,
      holdMs,
      ...(before &&
        open &&
        idle && {
          memory: {
            rssBeforeBytes: before.rssBytes,
            rssOpenBytes: open.rssBytes,
            rssIdleBytes: idle.rssBytes,
            openBytesPerConnection: perConnection(open.rssBytes - before.rssBytes),
            idleBytesPerConnection: perConnection(idle.rssBytes - before.rssBytes),
          },
          idleCpuPercent: ((idle.cpuMs - open.cpuMs) / holdMs) * 100,
        }),
    };
  } finally {
    for (const member of members) member.cut();
  }
}
