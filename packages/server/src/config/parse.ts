/**
 * Input → configuration: the schema, then the checks across keys, and for everything that is wrong a problem that says
 * where, what was found and what would be valid. `load.ts` calls it for files and environment; an application that
 * embeds the engine calls `parseConfig`.
 */
import type { z } from 'zod';
import { checkConfig, type CheckProblem, type HookName } from './check.ts';
import { ConfigError, formatKey, type ConfigProblem, type ConfigWarning } from './config-error.ts';
import { configTree, nodeAt, type ConfigNode } from './describe.ts';
import { nearest } from '../lib/nearest.ts';
import type { Within } from './scalar-place.ts';
import { configSchema, type Config, type ConfigInput } from './schema.ts';

type Path = readonly PropertyKey[];

/** @param within of the value, if it is a text: the text as it was read, and an offset in it. */
export type Place = (path: Path, what: 'key' | 'value', within?: Within) => string | undefined;

export interface InspectOptions {
  /** Hooks that the embedding program supplies as functions. */
  readonly hooks?: ReadonlySet<HookName> | undefined;
  /** Where a key, or its value, was written; or, in its value, the character at an offset. */
  readonly place?: Place;
  /** Keys whose values must not be shown, beyond those the schema calls secret. */
  readonly hidden?: ReadonlySet<string>;
  /** Keys that were reported already. */
  readonly reported?: ReadonlySet<string>;
}

export interface Inspection {
  /** Undefined if the schema does not hold. */
  readonly config: Config | undefined;
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigWarning[];
}

/** Validates, and reports instead of throwing. */
export function inspectConfig(input: unknown, options: InspectOptions = {}): Inspection {
  const place: Place = options.place ?? (() => undefined);
  const result = configSchema.safeParse(input);
  if (!result.success) {
    const problems = result.error.issues
      .flatMap((issue) => describeIssue(issue, input, place, options.hidden ?? new Set()))
      .filter((problem) => options.reported?.has(problem.key) !== true);
    return { config: undefined, problems, warnings: [] };
  }
  const checked = checkConfig(result.data, { hooks: options.hooks ?? new Set() });
  return {
    config: result.data,
    problems: checked.problems.map((problem) => describeProblem(problem, result.data, place)),
    warnings: checked.warnings.map(({ path, message }) => ({
      key: formatKey(path),
      place: place(path, 'value'),
      message,
    })),
  };
}

/**
 * Validates a configuration that a program passes in; files and environment play no part.
 * @throws ConfigError
 */
export function parseConfig(
  input: ConfigInput,
  options: Pick<InspectOptions, 'hooks'> = {},
): { readonly config: Config; readonly warnings: readonly ConfigWarning[] } {
  const { config, problems, warnings } = inspectConfig(input, options);
  if (config === undefined || problems.length > 0) throw new ConfigError(problems);
  return { config, warnings };
}

function describeProblem({ path, offset, found, valid }: CheckProblem, config: Config, place: Place): ConfigProblem {
  const key = formatKey(path);
  const text = valueAt(config, path);
  if (offset === undefined || typeof text !== 'string') return { key, place: place(path, 'value'), found, valid };
  const exact = place(path, 'value', { text, offset });
  if (exact !== undefined && isLineAndColumn(exact)) return { key, place: exact, found, valid };
  // Not to be found in the file: in a module, a variable, or behind a reference.
  return { key, place: place(path, 'value'), found: `${found}, at character ${offset + 1}`, valid };
}

function isLineAndColumn(place: string): boolean {
  return /:\d+:\d+$/.test(place);
}

function describeIssue(
  issue: z.core.$ZodIssue,
  input: unknown,
  place: Place,
  hidden: ReadonlySet<string>,
): ConfigProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((name) => {
      const path = [...issue.path, name];
      return {
        key: formatKey(path),
        place: place(path, 'key'),
        found: 'an unknown key',
        valid: suggestion(issue.path, name),
      };
    });
  }
  const node = nodeAt(issue.path);
  const key = formatKey(issue.path);
  const valid = typeof issue.path.at(-1) === 'number' ? node?.item : node?.type;
  const found = show(valueAt(input, issue.path), node?.secret === true || hidden.has(key));
  return [{ key, place: place(issue.path, 'value'), found, valid: valid ?? issue.message }];
}

function valueAt(input: unknown, path: Path): unknown {
  let value = input;
  for (const part of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[part];
  return value;
}

const maxShown = 60;

/** Says what a value is. Only plain values are quoted: inside a section or list there may be a secret. */
function show(value: unknown, secret: boolean): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a section';
  if (typeof value === 'function') return 'a function';
  if (secret)
    return `${typeof value === 'string' ? 'text' : `a ${typeof value}`} that is not shown, as it may be secret`;
  const text = typeof value === 'string' ? value.replace(/(:\/\/)[^/@\s]+@/, '$1***@') : value;
  const written = typeof text === 'bigint' ? `${text}` : JSON.stringify(text);
  return written.length > maxShown ? `${written.slice(0, maxShown)}…` : written;
}

/** What was meant: a neighbour of like name, or a key of this name elsewhere; else all neighbours. */
function suggestion(parent: Path, name: string): string {
  const siblings = nodeAt(parent)?.children ?? [];
  const meant = nearest(
    name,
    siblings.map((sibling) => sibling.name),
  );
  const key = meant === undefined ? elsewhere(configTree, name) : formatKey([...parent, meant]);
  if (key !== undefined) return `${key} (did you mean that?)`;
  return `the keys here are ${siblings.map((sibling) => sibling.name).join(', ')}`;
}

function elsewhere(node: ConfigNode, name: string): string | undefined {
  if (node.name.toLowerCase() === name.toLowerCase()) return node.key;
  for (const child of node.children) {
    const found = elsewhere(child, name);
    if (found !== undefined) return found;
  }
  return undefined;
}
