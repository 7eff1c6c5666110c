/**
 * Puts the configuration together: defaults ← file ← environment ← what the caller overrides. Reading it again is the
 * same call: it either returns a whole configuration or throws, so that a running server keeps the one it has.
 */
import type { HookName } from './check.ts';
import { ConfigError, formatKey, type ConfigProblem, type ConfigWarning } from './config-error.ts';
import { nodeAt } from './describe.ts';
import { developmentConfig } from './development.ts';
import { readEnvironment, type Environment } from './environment.ts';
import { isPlainObject, merge } from './merge.ts';
import { inspectConfig, type Place } from './parse.ts';
import { resolveReferences } from './references.ts';
import type { Config, ConfigInput } from './schema.ts';
import { findSourceFile, readSourceFile } from './source-file.ts';

export interface LoadConfigOptions {
  /** The file to read; without it, `tidings.config.*` in `cwd`, if there is one. */
  readonly file?: string | undefined;
  readonly cwd: string;
  readonly env: Environment;
  /** Holds over everything else: options of a command line. */
  readonly overrides?: ConfigInput;
  /** Hooks supplied as functions, which then need no URL. */
  readonly hooks?: ReadonlySet<HookName>;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Absolute path of the file that was read. */
  readonly file: string | undefined;
  /** Where each key that was set was set; the others have their defaults. */
  readonly sources: ReadonlyMap<string, string>;
  readonly warnings: readonly ConfigWarning[];
  /** Where a value was written: `tidings.config.yaml:3:9`; undefined if it was not. */
  readonly locate: (path: readonly PropertyKey[]) => string | undefined;
}

/**
 * Loads, completes and checks the configuration. In development mode the settings of `development.ts` lie underneath.
 * @throws ConfigError with everything that is wrong.
 */
export async function loadConfig(options: LoadConfigOptions): Promise<LoadedConfig> {
  const { cwd, env, overrides = {}, hooks } = options;
  const path = options.file ?? (await findSourceFile(cwd));
  const file = path === undefined ? undefined : await readSourceFile(path, cwd);

  const inFile = (keys: readonly PropertyKey[]) => file?.locate(keys, 'value');
  const references = resolveReferences(file?.value ?? {}, env, inFile);
  const environment = readEnvironment(env, references.names);
  const input = merge(merge(withoutNulls(references.value, []), environment.input), overrides);

  const place: Place = (keys, what, within) => {
    if (sets(overrides, keys)) return 'command line';
    for (let length = keys.length; length > 0; length--) {
      const name = environment.variables.get(formatKey(keys.slice(0, length)));
      if (name !== undefined) return `environment variable ${name}`;
    }
    return file?.locate(keys, what, within);
  };

  const reported = [...references.problems, ...environment.problems];
  const inspection = inspectConfig(isDevelopment(input) ? developmentConfig(input) : input, {
    hooks,
    place,
    hidden: references.keys,
    reported: new Set(reported.map(({ key }) => key).filter((key) => key !== '')),
  });
  const problems: ConfigProblem[] = [...reported, ...inspection.problems];
  if (inspection.config === undefined || problems.length > 0) throw new ConfigError(problems);
  return {
    config: inspection.config,
    file: file?.path,
    sources: sourcesOf(input, [], place),
    warnings: inspection.warnings,
    locate: (path) => place(path, 'value'),
  };
}

function isDevelopment(input: unknown): input is ConfigInput {
  return isPlainObject(input) && input['mode'] === 'development';
}

/** In YAML a section whose keys are all commented out is null: it then has its defaults. */
function withoutNulls(value: unknown, path: readonly string[]): unknown {
  if (value === null) {
    const node = nodeAt(path);
    return node?.kind === 'section' && !node.optional ? {} : undefined;
  }
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, withoutNulls(child, [...path, name])]));
}

function sets(input: unknown, path: readonly PropertyKey[]): boolean {
  let value = input;
  for (const part of path) value = isPlainObject(value) ? value[part as string] : undefined;
  return value !== undefined;
}

function sourcesOf(
  value: unknown,
  path: readonly string[],
  place: (path: readonly string[], what: 'key' | 'value') => string | undefined,
): Map<string, string> {
  if (isPlainObject(value)) {
    return new Map(Object.entries(value).flatMap(([name, child]) => [...sourcesOf(child, [...path, name], place)]));
  }
  const found = value === undefined ? undefined : place(path, 'value');
  return new Map(found === undefined ? [] : [[formatKey(path), found]]);
}
