/** Who is measured: how each server is started, and how a load talks to it. */
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { readFileSync } from 'node:fs';
import { mintBenchToken } from '../packages/cli/src/bench/bench-token.ts';
import type { FanDialect, Floor } from './floor.ts';
import type { ServerCommand } from './server-process.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export const contestantNames = ['floor', 'tidings', 'ws', 'socket.io'] as const;
export type ContestantName = (typeof contestantNames)[number];

/** Names as they stand in tables. */
export const titles: Record<ContestantName, string> = {
  floor: 'floor (C, epoll)',
  tidings: 'Tidings',
  ws: 'Node + ws, `send` per socket',
  'socket.io': 'Socket.IO',
};

export const endpoints: Record<Exclude<ContestantName, 'floor'>, string> = {
  tidings: '/connection/websocket',
  ws: '/',
  'socket.io': '/socket.io/?EIO=4&transport=websocket',
};

/** The secret that `tidings.bench.yaml` verifies tokens with. */
export function benchSecret(): string {
  const config = parse(readFileSync(here('tidings.bench.yaml'), 'utf8')) as { auth: { jwt: { hmacSecret: string } } };
  return config.auth.jwt.hmacSecret;
}

/** A program of the tree, from source. */
export const nodeCommand = (name: ContestantName, ...args: string[]): ServerCommand => ({
  name,
  file: process.execPath,
  args: ['--conditions=tidings-source', ...args],
});

export function serverCommand(name: ContestantName, floor?: Floor): ServerCommand {
  const node = (...args: string[]) => nodeCommand(name, ...args);
  switch (name) {
    case 'floor':
      if (!floor) throw new Error('the floor is not compiled');
      return { name, file: floor.wslimit, args: [], portArgument: true };
    case 'tidings':
      return node(here('../packages/cli/src/main.ts'), 'serve', '--config', here('tidings.bench.yaml'));
    case 'ws':
      return node(here('servers/ws.ts'));
    case 'socket.io':
      return node(here('servers/socket-io.ts'));
  }
}

/**
 * How `wsfan` talks to a contestant.
 * @param push the text of one push of Tidings with `%s` for the payload: floor and `ws` carry the same bytes.
 */
export function fanDialect(name: ContestantName, push: string): FanDialect {
  const plain = { path: '/', subscriber: [], publisher: [], publish: push, ping: '' };
  switch (name) {
    case 'floor':
      return plain;
    case 'ws':
      return { ...plain, subscriber: [{ say: 'subscribe', hear: 'subscribed' }] };
    case 'tidings': {
      const connect = JSON.stringify({ id: 1, connect: { token: mintBenchToken(benchSecret(), 'bench') } });
      return {
        path: endpoints.tidings,
        subscriber: [{ say: `${connect}\n{"id":2,"subscribe":{"channel":"bench"}}`, hear: '"subscribe"' }],
        publisher: [{ say: connect, hear: '"connect"' }],
        publish: '{"id":9,"publish":{"channel":"bench","data":{"t":"%s"}}}',
        ping: '{}={}',
      };
    }
    case 'socket.io':
      return {
        path: endpoints['socket.io'],
        subscriber: [
          { say: '40', hear: '40{' },
          { say: '420["subscribe","bench"]', hear: '430[' },
        ],
        publisher: [{ say: '40', hear: '40{' }],
        publish: '42["publish","bench",{"t":"%s"}]',
        ping: '2=3',
      };
  }
}
