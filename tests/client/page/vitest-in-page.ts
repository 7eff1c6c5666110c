/** As much of `vitest` as the conformance suites of the client use, for a page in a browser. */
type Body = () => unknown;

const tests: { readonly name: string; readonly body: Body }[] = [];
let beforeEach: () => void = () => {};

export const onEachTest = (run: () => void): void => void (beforeEach = run);
export const describe = (_name: string, declare: () => void): void => declare();
export const test = (name: string, body: Body): void => void tests.push({ name, body });

/** Absent fields and undefined ones are the same, as `toEqual` has it; keys in any order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

export function expect(value: unknown) {
  const check = (isSo: boolean, wanted: unknown): void => {
    if (!isSo) throw new Error(`expected ${canonical(wanted)}, and it was ${canonical(value)}`);
  };
  return {
    toBe: (wanted: unknown) => check(Object.is(value, wanted), wanted),
    toEqual: (wanted: unknown) => check(canonical(value) === canonical(wanted), wanted),
    toBeUndefined: () => check(value === undefined, undefined),
    toHaveLength: (wanted: number) => check((value as { readonly length: number }).length === wanted, wanted),
  };
}

/** @returns the name of each test, and what was wrong. */
export async function runTests(): Promise<{ readonly name: string; readonly problem?: string }[]> {
  const results = [];
  for (const { name, body } of tests) {
    beforeEach();
    try {
      await body();
      results.push({ name });
    } catch (error) {
      results.push({ name, problem: String(error) });
    }
  }
  return results;
}
