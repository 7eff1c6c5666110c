/**
 * Reads a configuration file and remembers where in it every key stands, so that a problem can point at its line.
 * YAML, JSON, and modules in TypeScript or JavaScript (of which only the file is known, not the line).
 */
import { readFile, stat } from 'node:fs/promises';
import { basename, extname, isAbsolute, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node } from 'yaml';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import { isPlainObject } from './merge.ts';
import { sourceOffset, type Within } from './scalar-place.ts';

export interface SourceFile {
  /** Absolute path. */
  readonly path: string;
  readonly value: unknown;
  /**
   * `file:line:column` of the value at a path, or of its key; of the nearest enclosing one if it is not there.
   * Undefined if the file says nothing on the way to it.
   * @param within a place in the text of the value; undefined is answered if it cannot be told.
   */
  locate(path: readonly PropertyKey[], what: 'key' | 'value', within?: Within): string | undefined;
}

const extensions = ['ts', 'js', 'mjs', 'json', 'yaml', 'yml'];

/**
 * Looks for `tidings.config.*`.
 * @throws ConfigError if there are several: which one holds would be a guess.
 */
export async function findSourceFile(cwd: string): Promise<string | undefined> {
  const found: string[] = [];
  for (const extension of extensions) {
    const path = join(cwd, `tidings.config.${extension}`);
    if (
      await stat(path).then(
        (stats) => stats.isFile(),
        () => false,
      )
    )
      found.push(path);
  }
  if (found.length > 1) {
    throw new ConfigError([
      {
        key: '',
        place: cwd,
        found: `several configuration files: ${found.map((path) => basename(path)).join(', ')}`,
        valid: 'one of them, or the one to use named by --config',
      },
    ]);
  }
  return found[0];
}

function isMissing(error: unknown): boolean {
  return isPlainObject(error) && error['code'] === 'ENOENT';
}

/**
 * Reads a file in the format its extension names.
 * @throws ConfigError if it is missing, unreadable or malformed.
 */
export async function readSourceFile(file: string, cwd: string): Promise<SourceFile> {
  const path = resolve(cwd, file);
  const inside = relative(cwd, path);
  const name = inside === '' || inside.startsWith('..') || isAbsolute(inside) ? path : inside;
  const extension = extname(path).slice(1);
  if (!extensions.includes(extension)) {
    throw fileError(
      name,
      `a file ending in ${JSON.stringify(extname(path))}`,
      `a file ending in ${extensions.join(', ')}`,
    );
  }
  try {
    return extension === 'json' || extension === 'yaml' || extension === 'yml'
      ? readText(path, name, await readFile(path, 'utf8'), extension === 'json')
      : await importModule(path, name, (await stat(path)).mtimeMs);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const found = isMissing(error)
      ? 'no such file'
      : `a file that cannot be read (${String((error as Error).message)})`;
    throw fileError(name, found, 'a readable configuration file; `tidings gen-config` writes one');
  }
}

function fileError(place: string, found: string, valid: string): ConfigError {
  return new ConfigError([{ key: '', place, found, valid }]);
}

function readText(path: string, name: string, source: string, json: boolean): SourceFile {
  const lines = new LineCounter();
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${name}:${line}:${col}`;
  };
  // JSON is YAML: one parser finds the places in both. prettyErrors would quote the source, secrets included.
  const document = parseDocument(source, {
    lineCounter: lines,
    prettyErrors: false,
    ...(json ? { schema: 'json' } : { merge: true }),
  });
  // What follows a first mistake of syntax is mostly its consequence.
  const problems = document.errors.slice(0, 1).map((error): ConfigProblem => ({
    key: '',
    place: place(error.pos[0]),
    found: `a mistake in the ${json ? 'JSON' : 'YAML'}: ${sentence(error.message)}`,
    valid: json
      ? 'JSON (RFC 8259)'
      : /[{[].*\$\{/.test(source.split('\n')[lines.linePos(error.pos[0]).line - 1] ?? '')
        ? 'YAML 1.2, where inside { } and [ ] a reference needs quotes: "${NAME}"'
        : 'YAML 1.2',
  }));
  let value: unknown;
  if (problems.length === 0) {
    try {
      value = json ? JSON.parse(source) : document.toJS();
    } catch (error) {
      const message = String((error as Error).message);
      const at = /at position (\d+)/.exec(message)?.[1];
      problems.push({
        key: '',
        place: json ? place(Math.min(at === undefined ? source.length : Number(at), source.length)) : name,
        found: json
          ? `a mistake in the JSON: ${sentence(message.replace(/ (in JSON )?at position.*$/s, ''))}`
          : sentence(message),
        valid: json ? 'JSON (RFC 8259)' : 'YAML 1.2',
      });
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    path,
    value: value ?? {},
    locate(keys, what, within) {
      const found = find(document, keys, what);
      if (within === undefined) return found.offset === undefined ? undefined : place(found.offset);
      const offset = isScalar(found.node) && found.whole ? sourceOffset(source, found.node, within) : undefined;
      return offset === undefined ? undefined : place(offset);
    },
  };
}

/** Keeps the words of a parser and drops what it quotes: that may be a secret. */
function sentence(message: string): string {
  const words =
    message
      .split('\n', 1)[0]
      ?.replaceAll(/"[^"]*"?/g, '…')
      .replace(/[.:]$/, '') ?? '';
  return words.charAt(0).toLowerCase() + words.slice(1);
}

interface Found {
  /** Of the value or the key; of what encloses it, if that is as far as the file goes. */
  readonly offset: number | undefined;
  readonly node: Node | null | undefined;
  /** The whole path was there. */
  readonly whole: boolean;
}

function find(document: Document, keys: readonly PropertyKey[], what: 'key' | 'value'): Found {
  let node: Node | null = document.contents;
  let offset: number | undefined;
  const resolved = () => (isAlias(node) ? (node.resolve(document) ?? null) : node);
  for (const [i, key] of keys.entries()) {
    node = resolved();
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (!pair) return { offset, node, whole: false };
      const keyNode = pair.key as Node;
      const valueNode = pair.value as Node | null;
      offset = (what === 'key' && i === keys.length - 1 ? keyNode : (valueNode ?? keyNode)).range?.[0] ?? offset;
      node = valueNode;
    } else if (isSeq(node) && typeof key === 'number') {
      const item = node.items[key] as Node | undefined;
      if (!item) return { offset, node, whole: false };
      offset = item.range?.[0] ?? offset;
      node = item;
    } else {
      return { offset, node, whole: false };
    }
  }
  return { offset, node: resolved(), whole: true };
}

/** The version in the address makes a changed file a new module: reloading would read the old one otherwise. */
async function importModule(path: string, name: string, version: number): Promise<SourceFile> {
  const url = pathToFileURL(path);
  url.searchParams.set('version', String(version));
  let exports: Record<string, unknown>;
  try {
    exports = (await import(/* @vite-ignore */ url.href)) as Record<string, unknown>;
  } catch (error) {
    const at = new RegExp(`${basename(path).replaceAll('.', '\\.')}[^:\\s]*:(\\d+)(?::(\\d+))?`).exec(
      String((error as Error).stack),
    );
    const where = at === null ? name : [name, at[1], at[2]].filter((part) => part !== undefined).join(':');
    throw fileError(
      where,
      `a module that fails: ${String((error as Error).message).split('\n', 1)[0]}`,
      'a module that exports the configuration',
    );
  }
  const value = await (exports['default'] ?? exports['config']);
  if (!isPlainObject(value)) {
    throw fileError(name, 'a module without configuration', 'an object exported as `config` or as the default');
  }
  return { path, value, locate: (keys) => (holds(value, keys) ? name : undefined) };
}

/** Whether a value says anything on the way to a path. */
function holds(value: unknown, keys: readonly PropertyKey[]): boolean {
  return keys.length === 0 || (isPlainObject(value) && Object.hasOwn(value, keys[0] as string));
}
