import { expect, test } from 'vitest';
import { mentionQuery, mentionsIn, suggestPeople } from './mentions.ts';

const people = [
  { id: 'ann', name: 'Ann Lee' },
  { id: 'jose', name: 'José' },
  { id: 'u1', name: 'Leo' },
];

test.each([
  ['@', 1, ''],
  ['hi @an', 6, 'an'],
  ['hi @Ann L', 9, 'Ann L'],
  ['hi @Ann ', 8, undefined],
  ['(@an', 4, 'an'],
  ['mail a@b', 8, undefined],
  ['@ann said this', 14, undefined],
  ['@an and', 3, 'an'],
])('in %j at %i somebody is being named: %j', (text, caret, query) => {
  expect(mentionQuery(text, caret)?.text).toBe(query);
});

test('people are found by any word of their name, without accents, and by id', () => {
  const found = (query: string): readonly string[] => suggestPeople(people, query, 5).map(({ id }) => id);
  expect(found('le')).toEqual(['u1', 'ann']);
  expect(found('JOSE')).toEqual(['jose']);
  expect(found('u1')).toEqual(['u1']);
  expect(found('x')).toEqual([]);
  expect(suggestPeople(people, '', 2)).toHaveLength(2);
});

test('who is named in a text is whom it names, as a whole word', () => {
  expect(mentionsIn('hi @Ann Lee and @u1!', people, true)).toEqual({ users: ['ann', 'u1'] });
  expect(mentionsIn('hi @Leonard, mail x@jose', people, true)).toBeUndefined();
  expect(mentionsIn('@here @room', people, true)).toEqual({ here: true, room: true });
  expect(mentionsIn('nobody', people, true)).toBeUndefined();
  expect(mentionsIn('x@jose, but **@jose**', people, true)).toEqual({ users: ['jose'] });
});

test('who may not name everybody writes words, and still names a person who is called so', () => {
  expect(mentionsIn('@here @room', people, false)).toBeUndefined();
  expect(mentionsIn('@here', [...people, { id: 'u3', name: 'Here' }], false)).toEqual({ users: ['u3'] });
});

test('whoever has the longest name is meant, and in code nobody is', () => {
  const two = [...people, { id: 'u2', name: 'Ann' }];
  expect(mentionsIn('@Ann Lee', two, true)).toEqual({ users: ['ann'] });
  expect(mentionsIn('@Leo, `@u2`', two, true)).toEqual({ users: ['u1'] });
});
