/** Channels that belong to a module, and patterns of the configuration that would take them. */
import { compareSpecificity, compilePattern, patternsOverlap, type ChannelPattern } from '@tidings/protocol';

/** A pattern of the configuration that is meant for channels it never gets. */
export interface Shadowed {
  readonly pattern: string;
  /** The module's pattern. */
  readonly by: string;
}

/**
 * Patterns that are at least as specific as a module's and take channels of it. A more general one, such as `*`, simply
 * does not hold there, as with any two patterns.
 * @param configured as written; malformed ones are passed over.
 */
export function shadowedPatterns(configured: Iterable<string>, owned: readonly string[]): Shadowed[] {
  const ours = owned.map((text) => compilePattern(text));
  const shadowed: Shadowed[] = [];
  for (const text of configured) {
    const pattern = compiled(text);
    const by = pattern && ours.find((own) => compareSpecificity(own, pattern) >= 0 && patternsOverlap(own, pattern));
    if (by) shadowed.push({ pattern: text, by: by.text });
  }
  return shadowed;
}

function compiled(text: string): ChannelPattern | undefined {
  try {
    return compilePattern(text);
  } catch {
    return undefined;
  }
}
