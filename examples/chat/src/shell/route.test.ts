import { expect, test } from 'vitest';
import { formatRoute, parseRoute, type Route } from './route.ts';

const routes: Route[] = [
  {},
  { room: 'general' },
  { room: 'a/b?c&d=e#f ü' },
  { room: 'general', message: 12 },
  { room: 'general', panel: 'members', message: 12 },
  { room: 'general', panel: 'thread', thread: 7 },
];

test.each(routes)('%j comes back from its address', (route) => {
  expect(parseRoute(formatRoute(route))).toEqual(route);
});

test.each([
  ['', {}],
  ['#', {}],
  ['#/room/', {}],
  ['#/room/%E0%A4%A', {}],
  ['#/somewhere/else', {}],
  ['#/room/a?message=-1&thread=x&panel=none', { room: 'a' }],
  ['#/room/a?panel=thread', { room: 'a' }],
  ['#/room/a?message=1e9', { room: 'a' }],
] as const)('%j: what is not understood is left out', (hash, expected) => {
  expect(parseRoute(hash)).toEqual(expected);
});
