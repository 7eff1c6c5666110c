/** What is said of a name that is not there: the nearest that is, and all that are. Part of `check.ts`. */
import { accessWords } from '../config/schema.ts';
import { nearest } from '../lib/nearest.ts';
import { isMacro } from './parse.ts';
import type { RelationSignature } from './relation.ts';
import { functionNames, signatureOf } from './signatures.ts';
import type { RuleProblem, Span } from './syntax.ts';
import { formatType, type RecordType } from './types.ts';

/** How a macro is written. */
export const macroForms = {
  all: 'list.all(x, condition)',
  exists: 'list.exists(x, condition)',
  exists_one: 'list.exists_one(x, condition)',
  filter: 'list.filter(x, condition)',
  map: 'list.map(x, value), list.map(x, condition, value)',
} as const;

/** Of CEL, but not of this language. */
const outside: ReadonlySet<string> = new Set(['type', 'uint', 'bytes', 'list', 'map', 'null_type', 'optional']);

/** `perhaps role; the fields are role, uid`. */
function suggest(name: string, all: readonly string[], what: string): string {
  const list = all.length === 0 ? `there are no ${what}` : `the ${what} are ${all.join(', ')}`;
  const meant = nearest(name, all);
  return meant === undefined ? list : `perhaps ${meant}; ${list}`;
}

export function formatRelation({ name, parameters }: RelationSignature): string {
  return `${name}(${parameters.map((each) => `${each.name}: ${formatType(each.type)}`).join(', ')})`;
}

export interface Names {
  readonly variables: readonly string[];
  readonly relations: Readonly<Record<string, RelationSignature>>;
}

/** @param alone the name is the whole rule, where one of the words `nobody`, `anyone` … could stand. */
export function unknownName(span: Span, name: string, names: Names, alone: boolean): RuleProblem {
  const found = `an unknown name "${name}"`;
  if (Object.hasOwn(names.relations, name)) {
    const relation = names.relations[name] as RelationSignature;
    return { span, found: `the relation ${name} without arguments`, valid: formatRelation(relation) };
  }
  const words: readonly string[] = accessWords;
  if (!alone && words.includes(name)) {
    return { span, found: `the word "${name}" within a rule`, valid: `${name} by itself, without any operator` };
  }
  const form = signatureOf(name)?.form;
  if (form && form !== 'operator') {
    return {
      span,
      found: `the function ${name} without arguments`,
      valid: form === 'method' ? `x.${name}(…)` : `${name}(…)`,
    };
  }
  if (outside.has(name)) {
    const valid = suggest(name, names.variables, 'names');
    return { span, found: `the type ${name} as a value, which is outside the language`, valid };
  }
  const relations = Object.values(names.relations).map(formatRelation);
  const asked = relations.length === 0 ? '' : `; the relations are ${relations.join(', ')}`;
  const relation = nearest(name, Object.keys(names.relations));
  const variable = nearest(name, alone ? [...names.variables, ...words] : names.variables);
  const meant = variable ?? (relation && formatRelation(names.relations[relation] as RelationSignature));
  const list = `${names.variables.length === 0 ? 'there are no names' : `the names are ${names.variables.join(', ')}`}${asked}`;
  const wordList = alone ? `; or one of the words ${words.join(', ')}` : '';
  return { span, found, valid: `${meant === undefined ? '' : `perhaps ${meant}; `}${list}${wordList}` };
}

/** The name of a function that nearly exists: what it may have been meant to be, macros and relations included. */
export function meantFunction(name: string, names: Names): string | undefined {
  return nearest(name, [...Object.keys(names.relations), ...Object.keys(macroForms), ...functionNames]);
}

/** @param isMethod it was called as `x.name(…)`. */
export function unknownFunction(span: Span, name: string, isMethod: boolean, names: Names): RuleProblem {
  if (outside.has(name)) {
    const valid = name === 'uint' ? 'int(…)' : 'values of the types string, int, double, bool, timestamp, duration';
    return { span, found: `the function ${name}, which is outside the language`, valid };
  }
  const meant = meantFunction(name, names);
  const form = isMethod ? 'method' : 'function';
  const others = functionNames.filter((each) => [form, 'either'].includes(signatureOf(each)?.form ?? ''));
  const all = isMethod ? [...others, ...Object.keys(macroForms)] : [...others, 'has'];
  const relations = isMethod ? [] : Object.values(names.relations).map(formatRelation);
  const asked = relations.length === 0 ? '' : `the relations are ${relations.join(', ')}; `;
  return {
    span,
    found: `an unknown ${form} "${name}"`,
    valid: `${meant === undefined ? '' : `perhaps ${formOf(meant, names)}; `}${asked}the ${form}s are ${all.join(', ')}`,
  };
}

function formOf(name: string, { relations }: Names): string {
  if (Object.hasOwn(relations, name)) return formatRelation(relations[name] as RelationSignature);
  if (isMacro(name)) return macroForms[name];
  return signatureOf(name)?.form === 'method' ? `x.${name}(…)` : `${name}(…)`;
}

export function unknownField(span: Span, name: string, record: RecordType): RuleProblem {
  return {
    span,
    found: `an unknown field "${name}" of ${record.name}`,
    valid: suggest(name, Object.keys(record.fields), 'fields'),
  };
}
