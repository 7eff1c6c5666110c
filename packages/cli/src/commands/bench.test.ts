import { expect, test } from 'vitest';
import { UsageError } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { bench } from './bench.ts';

const terminal: Terminal = {
  env: {},
  cwd: '.',
  print: () => {},
  warn: () => {},
  style: (_, text) => text,
  readInput: () => Promise.resolve(''),
};
const local = 'ws://127.0.0.1:1/connection/websocket';

test.each([
  ['no scenario', [], {}, /fanout, idle, churn, recover/],
  ['an unknown scenario', ['fan'], {}, /fanout, idle, churn, recover/],
  ['two scenarios', ['idle', 'churn'], {}, /one scenario/],
  ['an address that is no WebSocket', ['idle'], { url: 'http://127.0.0.1/' }, /ws:\/\/… or wss:\/\/…/],
  ['a machine of somebody', ['idle'], { url: 'wss://example.com/' }, /example.com .* --yes-i-own-this-server/],
  ['a name that begins like this machine', ['idle'], { url: 'ws://127.0.0.1.example.com/' }, /--yes-i-own-this-server/],
  ['a payload too small to number', ['fanout'], { payload: '10' }, /--payload is "10"/],
  ['an endless duration', ['idle'], { duration: '100000' }, /--duration/],
])('refuses %s', async (_, positionals, values, message) => {
  const run = bench.run({ values: { url: local, ...values }, positionals, terminal });
  await expect(run).rejects.toThrow(UsageError);
  await expect(run).rejects.toThrow(message);
});

test('fails when nobody listens', async () => {
  const values = { url: local, connections: '2', duration: '1' };
  await expect(bench.run({ values, positionals: ['fanout'], terminal })).rejects.toThrow(/ECONNREFUSED/);
});
