/**
 * Types of the rule language. They are CEL's, reduced to what JSON and SQL both have.
 *
 * `nullable` is CEL's wrapper type (`google.protobuf.Int64Value` and its like): a field that is absent or null reads as
 * `null`, and `has()` says whether it is there. A plain field that is missing is an error, and an error is a denial.
 *
 * Source: Common Expression Language specification, https://github.com/google/cel-spec/blob/master/doc/langdef.md
 */

export type RuleType =
  | { readonly kind: SimpleKind }
  | { readonly kind: 'list'; readonly element: RuleType }
  /** Keys are strings, as in JSON. */
  | { readonly kind: 'map'; readonly value: RuleType }
  | RecordType
  | { readonly kind: 'nullable'; readonly of: RuleType };

export type SimpleKind = 'null' | 'bool' | 'int' | 'double' | 'string' | 'timestamp' | 'duration' | 'dyn';

/** An object whose fields are declared: `auth`, a message, a row. Naming another field is an error when loaded. */
export interface RecordType {
  readonly kind: 'record';
  /** For error messages: `auth`, `ChatMsg`. */
  readonly name: string;
  readonly fields: Readonly<Record<string, RuleType>>;
}

const simple = <K extends SimpleKind>(kind: K): { readonly kind: K } => ({ kind });

export const types = {
  null: simple('null'),
  bool: simple('bool'),
  int: simple('int'),
  double: simple('double'),
  string: simple('string'),
  timestamp: simple('timestamp'),
  duration: simple('duration'),
  dyn: simple('dyn'),
  list: (element: RuleType): RuleType => ({ kind: 'list', element }),
  map: (value: RuleType): RuleType => ({ kind: 'map', value }),
  record: (name: string, fields: Readonly<Record<string, RuleType>>): RecordType => ({ kind: 'record', name, fields }),
  nullable: (of: RuleType): RuleType => (of.kind === 'nullable' ? of : { kind: 'nullable', of }),
} as const;

/** As a person writes it: `string`, `int?`, `list(string)`. */
export function formatType(type: RuleType): string {
  switch (type.kind) {
    case 'list':
      return `list(${formatType(type.element)})`;
    case 'map':
      return `map(${formatType(type.value)})`;
    case 'record':
      return type.name;
    case 'nullable':
      return `${formatType(type.of)}?`;
    default:
      return type.kind;
  }
}

const simpleNames: ReadonlySet<string> = new Set<SimpleKind>([
  'bool',
  'int',
  'double',
  'string',
  'timestamp',
  'duration',
  'dyn',
]);

/** What `parseType` takes, for error messages. */
export const validTypes =
  'string, int, double, bool, timestamp, duration, list(…), map(…) or dyn, each with ? if it may be missing';

/**
 * Reads a type as a person writes it.
 * @returns undefined for what is no type.
 */
export function parseType(text: string): RuleType | undefined {
  const trimmed = text.trim();
  if (trimmed.endsWith('?')) {
    const of = parseType(trimmed.slice(0, -1));
    return of && types.nullable(of);
  }
  if (simpleNames.has(trimmed)) return { kind: trimmed as SimpleKind };
  const match = /^(list|map)\((.*)\)$/s.exec(trimmed);
  const inner = match && parseType(match[2] as string);
  if (!inner) return undefined;
  return match[1] === 'list' ? types.list(inner) : types.map(inner);
}
