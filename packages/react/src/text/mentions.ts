/** From what is written to who is meant. */
import type { Message } from '@tidings/client';
import { mentionedNames } from './markdown.ts';

export interface Person {
  readonly id: string;
  readonly name: string;
}

/** What is being written behind an @, where the caret stands. */
export interface MentionQuery {
  /** Where the @ stands. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

const maxQuery = 40;

/** What stands between an @ and the caret; undefined if nobody is being named. */
export function mentionQuery(text: string, caret: number): MentionQuery | undefined {
  const before = text.slice(Math.max(0, caret - maxQuery), caret);
  const match = /(?:^|[\s(])@([^\s@]*(?: [^\s@]+)?)$/u.exec(before);
  if (match === null) return undefined;
  const query = match[1] ?? '';
  return { start: caret - query.length - 1, end: caret, text: query };
}

/** Those whose name or id begins with it, or has a word that does; those that begin with it first. */
export function suggestPeople(people: readonly Person[], query: string, max: number): readonly Person[] {
  const said = fold(query);
  const rank = ({ id, name }: Person): number => {
    const folded = fold(name);
    if (folded.startsWith(said)) return 0;
    if (folded.split(/[\s._-]+/u).some((word) => word.startsWith(said))) return 1;
    return fold(id).startsWith(said) ? 2 : 3;
  };
  return people
    .map((person) => ({ person, rank: rank(person) }))
    .filter((entry) => entry.rank < 3)
    .sort((a, b) => a.rank - b.rank || a.person.name.localeCompare(b.person.name))
    .slice(0, max)
    .map(({ person }) => person);
}

/** Without accents and case, so that "jose" finds José. */
const fold = (text: string): string => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

/**
 * Who is named in a text: whom a reader will see named.
 * @param people who may be meant.
 * @param canMentionEverybody whether the writer may name all of the room; `@here` and `@room` are plain text otherwise.
 */
export function mentionsIn(text: string, people: readonly Person[], canMentionEverybody: boolean): Message['mentions'] {
  if (!text.includes('@')) return undefined;
  const names = people.flatMap(({ id, name }) => [id, name]);
  const everybody = canMentionEverybody ? ['here', 'room'] : [];
  const named = new Set(mentionedNames(text, [...names, ...everybody]).map((name) => name.toLowerCase()));
  const isNamed = (name: string): boolean => named.has(name.toLowerCase());
  const users = [...new Set(people.filter(({ id, name }) => isNamed(name) || isNamed(id)).map(({ id }) => id))];
  const mentions = {
    ...(users.length > 0 && { users }),
    ...(canMentionEverybody && isNamed('here') && { here: true }),
    ...(canMentionEverybody && isNamed('room') && { room: true }),
  };
  return Object.keys(mentions).length === 0 ? undefined : mentions;
}
