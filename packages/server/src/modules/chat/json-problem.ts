/** Whether a JSON value that came from outside can be stored and given out again. */

/** How deep it may be nested: what is deeper can be parsed, but not by everybody be written again. */
const maxDepth = 32;

/**
 * Looks at every value once, without recursion: how deep the input is, its sender decides.
 * @returns what is wrong with it, in words; undefined if nothing is.
 */
export function jsonProblem(value: unknown): string | undefined {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    const below: unknown[] = [];
    for (const one of level) {
      if (typeof one === 'string') {
        if (!isStorable(one)) return unstorable;
      } else if (Array.isArray(one)) {
        for (const child of one) below.push(child);
      } else if (typeof one === 'object' && one !== null) {
        for (const name of Object.keys(one)) {
          if (!isStorable(name)) return unstorable;
          below.push((one as Record<string, unknown>)[name]);
        }
      } else if (typeof one === 'number' ? !Number.isFinite(one) : one !== null && typeof one !== 'boolean') {
        return `expected a JSON value, found ${typeof one === 'number' ? String(one) : typeof one}`;
      }
    }
    if (depth >= maxDepth && below.length > 0) return `nested deeper than ${maxDepth}`;
    level = below;
  }
  return undefined;
}

const unstorable = 'expected text that is well-formed Unicode without U+0000';

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}
