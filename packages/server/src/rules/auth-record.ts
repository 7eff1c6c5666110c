/** What rules see of a user: `auth`, with the id and the declared claims. Made once for a connection. */
import { isObject, readJson, typeProblem } from './json-type.ts';
import type { RecordType } from './types.ts';

export interface AuthRecord {
  readonly record: Record<string, unknown>;
  /** Claims that were left out because they have another type, in words, without their values. */
  readonly problems: string[];
}

/**
 * Takes the declared fields, and nothing else, out of the claims. One of the wrong type is left out, so that a rule that
 * needs it denies. Whole numbers beyond 2^53 are exact if the claims were read with `parseExactJson`.
 * @param user id; '' if anonymous.
 * @param claims an object, of which own properties count; anything else has none.
 */
export function authRecord(type: RecordType, user: string, claims: unknown): AuthRecord {
  const record: Record<string, unknown> = { uid: user };
  const problems: string[] = [];
  if (!isObject(claims)) return { record, problems };
  for (const [name, declared] of Object.entries(type.fields)) {
    if (name === 'uid' || !Object.hasOwn(claims, name) || claims[name] === undefined) continue;
    const problem = typeProblem(declared, claims[name], `auth.${name}`);
    if (problem) problems.push(`${problem.at} ${problem.problem}`);
    else record[name] = readJson(declared, claims[name]);
  }
  return { record, problems };
}
