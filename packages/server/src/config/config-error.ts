/**
 * What is wrong with a configuration: every problem at once, each with its key, its place, what was found and what
 * would be valid, so that one look and one edit are enough.
 */

export interface ConfigProblem {
  /** Path of the key: `limits.messageSize`; empty if it concerns a whole file. */
  readonly key: string;
  /** `tidings.config.yaml:3:9`, `environment variable TIDINGS_LISTEN_PORT`; undefined for what a program passed in. */
  readonly place: string | undefined;
  /** What stands there, in words; secrets are masked. */
  readonly found: string;
  /** What could stand there, in words. */
  readonly valid: string;
}

/** Something that works, but hardly as meant. */
export interface ConfigWarning {
  readonly key: string;
  readonly place: string | undefined;
  readonly message: string;
}

/** The configuration cannot be used. The message lists every problem and is meant to be printed as it is. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
    super(`The configuration has ${count}:\n\n${problems.map(formatProblem).join('\n\n')}\n`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** Two lines: where, and what. */
export function formatProblem(problem: ConfigProblem): string {
  const where = [problem.place, problem.key].filter((part) => part !== undefined && part !== '').join('  ');
  return `  ${where === '' ? 'configuration' : where}\n    found ${problem.found}; valid: ${problem.valid}`;
}

/** One line. */
export function formatWarning(warning: ConfigWarning): string {
  const where = warning.place === undefined ? warning.key : `${warning.key} (${warning.place})`;
  return `${where}: ${warning.message}`;
}

/** Writes a path as people read it; a part that holds a dot is quoted. */
export function formatKey(path: readonly PropertyKey[]): string {
  return path
    .map((part, i) => {
      if (typeof part === 'number') return `[${part}]`;
      const name = String(part);
      return `${i === 0 ? '' : '.'}${name.includes('.') ? JSON.stringify(name) : name}`;
    })
    .join('');
}
