/**
 * Walks the schema and says what every key is: names of environment variables, texts of errors, the generated
 * configuration and the reference page all come from here, so that none of them can tell a different story.
 */
import { z } from 'zod';
import { formatKey } from './config-error.ts';
import { configSchema } from './schema.ts';
import { durationWords, formatDuration, formatSize, sizeWords } from './units.ts';

export type ConfigKind =
  | 'section'
  | 'map'
  | 'list'
  | 'text'
  | 'url'
  | 'boolean'
  | 'integer'
  | 'choice'
  | 'duration'
  | 'size'
  /** Anything, or one of several kinds. */
  | 'any';

/** One key of the configuration, or a section with keys below it. */
export interface ConfigNode {
  /** Last part of the path; `<pattern>` and `<name>` stand for any name. */
  readonly name: string;
  readonly path: readonly string[];
  /** Path in one text: `listen.port`. */
  readonly key: string;
  readonly kind: ConfigKind;
  /** What is valid, in words. */
  readonly type: string;
  /** Environment variables that set it, the full name first; none for a section and for keys below a pattern. */
  readonly env: readonly string[];
  /** In milliseconds and bytes; undefined if there is none. */
  readonly default: unknown;
  /** Whether it may be left out though it has no default. */
  readonly optional: boolean;
  readonly description: string | undefined;
  readonly secret: boolean;
  /** For a choice, what can be chosen. */
  readonly values: readonly string[];
  /** For a list, what an item may be, in words. */
  readonly item: string | undefined;
  /** Of a section its keys; of a map its values; of a list of sections the keys of an item. */
  readonly children: readonly ConfigNode[];
}

/** A key with a value of its own: no section. */
export type ConfigKey = ConfigNode;

/** Names short enough for a shell, or set by hosting platforms. */
const shortNames: Readonly<Record<string, string>> = { 'listen.port': 'PORT', dataDir: 'TIDINGS_DATA' };

/** Stand in a path for any name chosen by the operator. */
const anyPattern = '<pattern>';
const anyName = '<name>';

/** `limits.connectionsPerUser` → `TIDINGS_LIMITS_CONNECTIONS_PER_USER`. */
function envName(path: readonly string[]): string {
  const parts = path.map((part) => part.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase());
  return ['TIDINGS', ...parts].join('_');
}

interface Unwrapped {
  readonly schema: z.core.$ZodType;
  readonly default: unknown;
  readonly optional: boolean;
  readonly description: string | undefined;
  readonly secret: boolean;
  readonly kind: unknown;
}

/** Takes off defaults and optionality, collecting what each layer says; the outermost word holds. */
function unwrap(schema: z.core.$ZodType): Unwrapped {
  const meta = z.globalRegistry.get(schema) ?? {};
  const own = { description: meta.description, secret: meta['secret'] === true, kind: meta['kind'] };
  const wrapped =
    schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional
      ? schema.unwrap()
      : undefined;
  if (wrapped === undefined) return { schema, default: undefined, optional: false, ...own };
  const inner = unwrap(wrapped);
  return {
    schema: inner.schema,
    default: schema instanceof z.ZodDefault ? schema.def.defaultValue : inner.default,
    optional: schema instanceof z.ZodOptional || inner.optional,
    description: own.description ?? inner.description,
    secret: own.secret || inner.secret,
    kind: own.kind ?? inner.kind,
  };
}

interface Shape {
  readonly kind: ConfigKind;
  readonly type: string;
  readonly values?: readonly string[];
  readonly item?: string;
}

function bounds(min: number | null, max: number | null, unit: string): string {
  const low = min === null || min <= Number.MIN_SAFE_INTEGER ? undefined : min;
  const high = max === null || max >= Number.MAX_SAFE_INTEGER ? undefined : max;
  if (low !== undefined && high !== undefined) return ` from ${low} to ${high}${unit}`;
  if (low !== undefined) return ` of at least ${low}${unit}`;
  return high === undefined ? '' : ` of at most ${high}${unit}`;
}

function isOfPatterns(path: readonly string[]): boolean {
  return path.length === 1 && path[0] === 'channels';
}

function mapKeys(path: readonly string[]): string {
  return isOfPatterns(path) ? 'channel patterns' : 'names of your choice';
}

function shapeOf({ schema, kind }: Pick<Unwrapped, 'schema' | 'kind'>, path: readonly string[]): Shape {
  if (kind === 'duration') return { kind, type: durationWords };
  if (kind === 'size') return { kind, type: sizeWords };
  if (schema instanceof z.ZodObject) {
    return { kind: 'section', type: `a section with the keys ${Object.keys(schema.shape).join(', ')}` };
  }
  if (schema instanceof z.ZodRecord) {
    const value = shapeOf(unwrap(schema.valueType), path);
    // What is a section itself is listed key by key.
    const values = value.kind === 'section' || value.kind === 'map' ? '' : ` and ${value.type} as values`;
    return { kind: 'map', type: `a section with ${mapKeys(path)} as keys${values}` };
  }
  if (schema instanceof z.ZodBoolean) return { kind: 'boolean', type: 'true or false' };
  if (schema instanceof z.ZodEnum) {
    const values = schema.options.map(String);
    return { kind: 'choice', type: `one of ${values.join(', ')}`, values };
  }
  if (schema instanceof z.ZodNumber) {
    const type = schema.format === null ? 'a number' : 'a whole number';
    return { kind: 'integer', type: `${type}${bounds(schema.minValue, schema.maxValue, '')}` };
  }
  if (schema instanceof z.ZodURL) return { kind: 'url', type: 'an http or https URL' };
  if (schema instanceof z.ZodString) {
    if (schema.minLength === 1 && schema.maxLength === null) return { kind: 'text', type: 'text that is not empty' };
    return { kind: 'text', type: `text${bounds(schema.minLength, schema.maxLength, ' characters')}` };
  }
  if (schema instanceof z.ZodArray) {
    const item = shapeOf(unwrap(schema.element), path).type;
    const items = item.replace(/^one of /, '').replace(/^a (section|list)/, '$1s');
    return { kind: 'list', type: `a list of ${items}`, item };
  }
  if (schema instanceof z.ZodUnion) {
    const types = schema.options.map((option) => shapeOf(unwrap(option), path).type);
    return { kind: 'any', type: types.join(', or ') };
  }
  if (schema instanceof z.ZodUnknown) return { kind: 'any', type: 'anything' };
  throw new Error(`no words for a schema of type ${schema._zod.def.type}`);
}

function describe(path: readonly string[], wrapped: z.core.$ZodType, fromEnv: boolean): ConfigNode {
  const unwrapped = unwrap(wrapped);
  const { schema } = unwrapped;
  const shape = shapeOf(unwrapped, path);
  const key = formatKey(path);
  const item = schema instanceof z.ZodArray ? unwrap(schema.element).schema : undefined;
  let children: ConfigNode[] = [];
  if (schema instanceof z.ZodObject) {
    children = Object.entries(schema.shape).map(([name, child]) => describe([...path, name], child, fromEnv));
  } else if (schema instanceof z.ZodRecord) {
    children = [describe([...path, isOfPatterns(path) ? anyPattern : anyName], schema.valueType, false)];
  } else if (item instanceof z.ZodObject) {
    children = Object.entries(item.shape).map(([name, child]) => describe([...path, name], child, false));
  }
  const short = shortNames[key];
  return {
    name: path.at(-1) ?? '',
    path,
    key,
    kind: shape.kind,
    type: shape.type,
    // Text with commas between makes no sections.
    env:
      !fromEnv || shape.kind === 'section' || item instanceof z.ZodObject
        ? []
        : short === undefined
          ? [envName(path)]
          : [envName(path), short],
    default: unwrapped.default,
    optional: unwrapped.optional,
    description: unwrapped.description,
    secret: unwrapped.secret || children.some((child) => child.secret),
    values: shape.values ?? [],
    item: shape.item,
    children,
  };
}

/** The whole configuration as a tree. A section is secret if anything in it is: its text must not be printed. */
export const configTree: ConfigNode = describe([], configSchema, true);

/** Every key that has a value of its own, in the order of the schema. */
export function describeConfig(node: ConfigNode = configTree): ConfigKey[] {
  if (node.kind === 'section') return node.children.flatMap((child) => describeConfig(child));
  if (node.kind === 'map') return [node, ...node.children.flatMap((child) => describeConfig(child))];
  return [node];
}

/** The node at a path; an index of a list leads to the list, and the keys of its items stand below it. Undefined if there is no such key. */
export function nodeAt(path: readonly PropertyKey[]): ConfigNode | undefined {
  let node: ConfigNode | undefined = configTree;
  for (const part of path) {
    if (node.kind === 'list' && typeof part === 'number') continue;
    const next: ConfigNode | undefined =
      node.kind === 'map' ? node.children[0] : node.children.find((child) => child.name === part);
    if (next === undefined) return undefined;
    node = next;
  }
  return node;
}

/** Writes a value of a key as people do: with units, lists in brackets. */
export function formatValue(node: Pick<ConfigNode, 'kind'>, value: unknown): string {
  if (node.kind === 'duration' && typeof value === 'number') return formatDuration(value);
  if (node.kind === 'size' && typeof value === 'number') return formatSize(value);
  return JSON.stringify(value);
}
