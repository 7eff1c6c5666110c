import { expect, test } from 'vitest';
import { nearest } from './nearest.ts';

test.each([
  ['prot', ['port', 'host', 'tls'], 'port'],
  ['messagesize', ['messageSize', 'connections'], 'messageSize'],
  ['chanels', ['channels', 'auth'], 'channels'],
  ['serv', ['dev', 'serve'], 'serve'],
  ['grafana', ['enabled'], undefined],
  ['', ['enabled'], undefined],
  ['x'.repeat(10_000), ['enabled'], undefined],
])('%s is %j → %s', (name, candidates, expected) => {
  expect(nearest(name, candidates)).toBe(expected);
});
