/** Lays one piece of configuration over another, before it is validated: shapes are not certain here. */

export type PlainObject = Record<string, unknown>;

export function isPlainObject(value: unknown): value is PlainObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Plain objects merge key by key, anything else in `over` replaces, and undefined leaves what is there. A section does
 * not replace what should have been one: that stays, for validation to complain about.
 */
export function merge(base: unknown, over: unknown): unknown {
  if (over === undefined) return base;
  if (base === undefined || !isPlainObject(over)) return over;
  if (!isPlainObject(base)) return base;
  const entries = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(over)) entries.set(key, merge(entries.get(key), value));
  // fromEntries defines own properties, also for a key like __proto__ out of JSON.
  return Object.fromEntries(entries);
}
