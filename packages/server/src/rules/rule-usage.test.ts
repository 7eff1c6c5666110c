import { expect, test } from 'vitest';
import { checkRule } from './check.ts';
import { parseRule } from './parse.ts';
import { usageOf } from './rule-usage.ts';
import { types } from './types.ts';

test.each([
  ['gid == auth.uid && auth.uid != ""', ['gid', 'auth.uid'], []],
  ['has(data.text) && size(data.text) < 3', ['data.text'], []],
  ['data.parts.all(p, p.by == auth.uid || member(gid, p.by))', ['data.parts', 'auth.uid', 'gid'], ['member']],
  ['data.all(data, data == "x")', ['data'], []],
  ['data.list[data.at].name == gid', ['data.list', 'data.at', 'gid'], []],
  ['true', [], []],
])('%s', (source, reads, relations) => {
  const parameters = [
    { name: 'gid', type: types.string },
    { name: 'uid', type: types.string },
  ];
  const { expr, problems } = checkRule(parseRule(source), {
    variables: { auth: types.record('auth', { uid: types.string }), gid: types.string, data: types.dyn },
    relations: { member: { name: 'member', parameters } },
  });
  expect(problems).toEqual([]);
  expect(usageOf(expr)).toEqual({ reads, relations });
});
