/**
 * `${NAME}` in a text of a configuration file stands for an environment variable: secrets then live outside the file.
 * `$${` stands for `${` itself.
 */
import { formatKey, type ConfigProblem } from './config-error.ts';
import { nodeAt } from './describe.ts';
import { parseText, type Environment } from './environment.ts';
import { isPlainObject } from './merge.ts';

export interface Resolved {
  readonly value: unknown;
  /** Variables the file refers to. */
  readonly names: ReadonlySet<string>;
  /** Keys whose text came out of the environment and must not be shown. */
  readonly keys: ReadonlySet<string>;
  readonly problems: readonly ConfigProblem[];
}

const reference = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{/g;

/** Replaces every reference in a value read from a file. */
export function resolveReferences(
  value: unknown,
  env: Environment,
  place: (path: readonly PropertyKey[]) => string | undefined,
): Resolved {
  const names = new Set<string>();
  const keys = new Set<string>();
  const problems: ConfigProblem[] = [];

  function text(source: string, path: readonly PropertyKey[]): unknown {
    let failed = false;
    const key = formatKey(path);
    const result = source.replaceAll(reference, (whole, name: string | undefined) => {
      if (whole === '$${') return '${';
      const found = name === undefined ? undefined : env[name];
      if (name !== undefined) names.add(name);
      if (found !== undefined && found !== '') {
        keys.add(key);
        return found;
      }
      failed = true;
      problems.push({
        key,
        place: place(path),
        found: name === undefined ? 'a `${` without a name and `}`' : `a reference to ${name}, which is not set`,
        valid:
          name === undefined
            ? '`${NAME}` for an environment variable, `$${` for the characters themselves'
            : `set the environment variable ${name}, or write the value here`,
      });
      return whole;
    });
    // Undefined, so that a missing reference is reported once: as missing, not as a malformed value too.
    if (failed) return undefined;
    const node = nodeAt(path);
    return result !== source && node !== undefined && node.kind !== 'list' ? parseText(node, result) : result;
  }

  function walk(part: unknown, path: readonly PropertyKey[]): unknown {
    if (typeof part === 'string') return text(part, path);
    if (Array.isArray(part)) return part.map((item, i) => walk(item, [...path, i]));
    if (!isPlainObject(part)) return part;
    return Object.fromEntries(Object.entries(part).map(([name, child]) => [name, walk(child, [...path, name])]));
  }

  return { value: walk(value, []), names, keys, problems };
}
