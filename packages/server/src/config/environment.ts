/**
 * Configuration from environment variables. Their names follow from the schema (see `describe.ts`); a `TIDINGS_` name
 * that is none of them is an error, because a misspelt variable that does nothing is found too late.
 */
import type { ConfigProblem } from './config-error.ts';
import { configTree, describeConfig, type ConfigNode } from './describe.ts';
import { isPlainObject, type PlainObject } from './merge.ts';
import { nearest } from '../lib/nearest.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface EnvironmentInput {
  readonly input: PlainObject;
  /** Which variable set which key. */
  readonly variables: ReadonlyMap<string, string>;
  readonly problems: readonly ConfigProblem[];
}

/**
 * Variables that Kubernetes sets in every pod for a Service called `tidings…`; they are not ours and no mistake.
 * Source: https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables
 */
function isServiceLink(name: string, value: string): boolean {
  return (
    /_SERVICE_(HOST|PORT(_\w+)?)$/.test(name) ||
    /_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name) ||
    (name.endsWith('_PORT') && value.includes('://'))
  );
}

/**
 * Turns text into what the key wants. What cannot be turned stays text: validation then names it.
 * Lists are separated by commas.
 */
export function parseText(node: ConfigNode, text: string): unknown {
  switch (node.kind) {
    case 'boolean':
      return text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : text;
    case 'integer':
      return /^-?\d+$/.test(text) ? Number(text) : text;
    case 'list':
      return text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '');
    case 'text':
      // Env files cannot hold a line break: keys in PEM arrive with the two characters \n instead.
      return text.startsWith('-----BEGIN ') ? text.replaceAll('\\n', '\n') : text;
    default:
      return text;
  }
}

/** Sets a value deep in an object. What is no object on the way stays, for validation to complain about. */
function setAt(target: PlainObject, path: readonly string[], value: unknown): void {
  const [name, ...rest] = path as [string, ...string[]];
  if (rest.length === 0) {
    target[name] = value;
    return;
  }
  const next = (target[name] ??= {});
  if (isPlainObject(next)) setAt(next, rest, value);
}

/**
 * Reads every variable that belongs to a key. An empty one counts as unset, as compose files leave them.
 * @param ignored further names that are no mistake: those a file refers to.
 */
export function readEnvironment(env: Environment, ignored: ReadonlySet<string> = new Set()): EnvironmentInput {
  const input: PlainObject = {};
  const variables = new Map<string, string>();
  const problems: ConfigProblem[] = [];
  const known = new Set<string>();
  for (const node of describeConfig(configTree)) {
    for (const name of node.env) known.add(name);
    const name = node.env.find(
      (candidate) => (env[candidate] ?? '') !== '' && !isServiceLink(candidate, env[candidate] ?? ''),
    );
    if (name === undefined) continue;
    const text = env[name] ?? '';
    let value = parseText(node, text);
    if (node.kind === 'map') {
      try {
        value = JSON.parse(text);
      } catch {
        const place = `environment variable ${name}`;
        problems.push({
          key: node.key,
          place,
          found: 'text that is not JSON',
          valid: `JSON: ${node.type}`,
        });
        continue;
      }
    }
    setAt(input, node.path, value);
    variables.set(node.key, name);
  }
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('TIDINGS_') || known.has(name) || ignored.has(name)) continue;
    if (value === undefined || isServiceLink(name, value)) continue;
    const meant = nearest(name, known);
    problems.push({
      key: '',
      place: `environment variable ${name}`,
      found: 'a variable that means nothing',
      valid: meant === undefined ? 'the names listed in docs/configuration.md' : `${meant} (did you mean that?)`,
    });
  }
  return { input, variables, problems };
}
