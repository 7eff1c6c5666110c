/**
 * What the configuration says of a relation, read and checked: how rules call it, and which rows of its table count. The
 * ruleset reports the problems; `createRelations` takes the rest.
 */
import type { Config } from '../../config/schema.ts';
import { checkRule } from '../check.ts';
import { checkSql } from '../compile-sql.ts';
import { isIdentifier, isMacro, parseRule } from '../parse.ts';
import type { RelationSignature } from '../relation.ts';
import { signatureOf } from '../signatures.ts';
import { RuleSyntaxError, type RuleProblem, type TypedExpr } from '../syntax.ts';
import { formatType, parseType, types, type RuleType } from '../types.ts';
import { Facts } from './facts.ts';

export type RelationOptions = Config['rules']['relations'][string];

/** What is wrong, at a path below the relation. */
export interface DeclarationProblem {
  readonly path: readonly PropertyKey[];
  /** In the text at the path, if it is a rule. */
  readonly offset?: number;
  readonly found: string;
  readonly valid: string;
}

export interface DeclaredRelation {
  readonly signature: RelationSignature;
  /** Which rows of the table count. */
  readonly where?: { readonly expr: TypedExpr; readonly columns: Readonly<Record<string, RuleType>> };
  readonly problems: readonly DeclarationProblem[];
}

const maxParameters = 8;
/** An answer of a function that is used for a shorter time would be asked for without a pause. */
const minCacheTtlMs = 1_000;

/** Reads one relation, and says everything that is wrong with it. */
export function declareRelation(name: string, options: RelationOptions): DeclaredRelation {
  const problems: DeclarationProblem[] = [];
  checkName(name, problems);
  const signature: RelationSignature = { name, parameters: readParameters(options, problems) };
  checkSource(options, problems);
  checkFacts(signature, options, problems);
  const where = options.from === 'table' ? readWhere(options, problems) : undefined;
  return { signature, ...(where && { where }), problems };
}

function checkName(name: string, problems: DeclarationProblem[]): void {
  if (!isIdentifier(name) || name === '__proto__') {
    problems.push({
      path: [],
      found: `a relation called ${name}, which the language keeps for itself`,
      valid: 'another name',
    });
  } else if (isMacro(name) || name === 'has' || signatureOf(name)) {
    problems.push({
      path: [],
      found: `a relation called ${name}, as a function of the language is`,
      valid: 'another name',
    });
  }
}

function readParameters(options: RelationOptions, problems: DeclarationProblem[]): RelationSignature['parameters'] {
  const entries = Object.entries(options.parameters);
  const parameters = entries.map(([name, text]) => ({ name, type: parseType(text) ?? types.string }));
  if (entries.length === 0 || entries.length > maxParameters) {
    const valid = `1 to ${maxParameters} parameters, such as { group: string, user: string }`;
    problems.push({ path: ['parameters'], found: `${entries.length} parameters`, valid });
  }
  for (const [name, text] of entries) {
    if (['string', 'int', 'bool'].includes(parseType(text)?.kind ?? '')) continue;
    problems.push({ path: ['parameters', name], found: JSON.stringify(text), valid: 'string, int or bool' });
  }
  const [first, second] = parameters;
  if (options.symmetric && (parameters.length !== 2 || first?.type.kind !== second?.type.kind)) {
    problems.push({
      path: ['symmetric'],
      found: `true, with the parameters (${parameters.map(({ type }) => formatType(type)).join(', ')})`,
      valid: 'true with two parameters of one type, or false',
    });
  }
  return parameters;
}

/** What one source has and others do not. */
function checkSource(options: RelationOptions, problems: DeclarationProblem[]): void {
  const { from } = options;
  const set = {
    facts: options.facts.length > 0,
    table: options.table !== undefined,
    columns: options.columns !== undefined,
    where: options.where !== undefined,
    whereColumns: Object.keys(options.whereColumns).length > 0,
  };
  for (const key of Object.keys(set) as (keyof typeof set)[]) {
    const belongsTo = key === 'facts' ? 'config' : 'table';
    if (!set[key] || from === belongsTo) continue;
    problems.push({
      path: [key],
      found: `${key}, though it is from: ${from}`,
      valid: `from: ${belongsTo}, or no ${key}`,
    });
  }
  if (from === 'function' && options.cacheTtl < minCacheTtlMs) {
    problems.push({ path: ['cacheTtl'], found: `${options.cacheTtl}ms`, valid: `at least ${minCacheTtlMs}ms` });
  }
  if (from !== 'table') return;
  const names = Object.keys(options.parameters);
  const valid = `a column of the table for each of ${names.join(', ')}, in this order`;
  if (!set.table) problems.push({ path: ['table'], found: 'nothing', valid: 'the name of a table of the store' });
  if (options.columns === undefined) {
    problems.push({ path: ['columns'], found: 'nothing', valid });
  } else if (options.columns.length !== names.length) {
    const count = options.columns.length === 1 ? '1 column' : `${options.columns.length} columns`;
    problems.push({ path: ['columns'], found: `${count} for ${names.length} parameters`, valid });
  } else if (new Set(options.columns).size !== names.length) {
    problems.push({ path: ['columns'], found: 'a column twice', valid });
  }
}

function checkFacts(signature: RelationSignature, options: RelationOptions, problems: DeclarationProblem[]): void {
  if (options.from !== 'config') return;
  const facts = new Facts(signature, false);
  const example = signature.parameters.map(({ type }) => formatType(type)).join(', ');
  for (const [i, fact] of options.facts.entries()) {
    const read = facts.read(fact);
    if (typeof read === 'string') problems.push({ path: ['facts', i], found: read, valid: `[${example}]` });
  }
}

/** Of a column in `whereColumns`. */
const columnKinds: readonly string[] = ['bool', 'int', 'double', 'string', 'timestamp'];

function readWhere(options: RelationOptions, problems: DeclarationProblem[]): DeclaredRelation['where'] {
  const columns: Record<string, RuleType> = {};
  for (const [name, text] of Object.entries(options.whereColumns)) {
    const type = parseType(text);
    if (type && name !== '__proto__' && columnKinds.includes(type.kind === 'nullable' ? type.of.kind : type.kind)) {
      columns[name] = type;
    } else {
      const valid = `${columnKinds.join(', ')}, each with ? if it may be NULL`;
      problems.push({ path: ['whereColumns', name], found: JSON.stringify(text), valid });
    }
  }
  if (options.where === undefined) {
    if (Object.keys(columns).length > 0) {
      problems.push({
        path: ['whereColumns'],
        found: 'whereColumns without where',
        valid: 'where, or no whereColumns',
      });
    }
    return undefined;
  }
  const report = ({ span, found, valid }: RuleProblem) =>
    void problems.push({ path: ['where'], offset: span.start, found, valid });
  try {
    const row = types.record('row', columns);
    const checked = checkRule(parseRule(options.where), { variables: { row }, relations: {} }, types.bool);
    const table = {
      variable: 'row',
      columns: Object.fromEntries(Object.entries(columns).map(([name, type]) => [name, { column: name, type }])),
    };
    const found = checked.problems.length > 0 ? checked.problems : checkSql(checked.expr, table);
    for (const problem of found) report(problem);
    return found.length === 0 ? { expr: checked.expr, columns } : undefined;
  } catch (error) {
    if (!(error instanceof RuleSyntaxError)) throw error;
    report(error.problem);
    return undefined;
  }
}
