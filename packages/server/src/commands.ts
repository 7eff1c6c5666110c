/**
 * Commands of modules in one table, by full name: a client calls `chat.send` as RPC, a back end posts to
 * `/api/chat/send`. Finds the command, checks its input, counts and times it.
 */
import { errors, ProtocolError, type ErrorDefinition } from '@tidings/protocol';
import type { z } from 'zod';
import { describeIssues, fieldNames } from './lib/describe-issues.ts';
import type { Metrics } from './lib/metrics.ts';
import { nearest } from './lib/nearest.ts';

/** Who calls: a client, a back end for a user, or a back end for itself. */
export interface Caller {
  /** Empty for an anonymous client, and for a back end itself. */
  readonly user: string;
  /** A back end for itself. */
  readonly system: boolean;
  /** The connection; undefined over HTTP. */
  readonly client: string | undefined;
  /** What rules see of the user. */
  readonly auth: Readonly<Record<string, unknown>>;
}

export interface Command {
  /** `chat.send` */
  readonly name: string;
  readonly summary: string;
  readonly input: z.ZodType;
  readonly output: z.ZodType;
  /** A valid input. */
  readonly example: unknown;
  /** What the schema would make of input of the usual kind, for less; undefined for any other. */
  readonly readUsual?: ((input: unknown) => unknown) | undefined;
  /** @param input as the schema gives it. @throws ProtocolError */
  run(caller: Caller, input: unknown): Promise<unknown>;
}

/** The commands of one module. */
export interface CommandGroup {
  /** `chat` */
  readonly module: string;
  readonly commands: readonly Command[];
  /** What input is answered with that is not valid; the words are added. */
  readonly invalid: ErrorDefinition;
  /** Status of an answer over HTTP; undefined: the engine's own. */
  httpStatus(code: number): number | undefined;
}

interface Entry {
  readonly group: CommandGroup;
  readonly command: Command;
  readonly fields: readonly string[];
}

export class Commands {
  readonly groups: readonly CommandGroup[];
  readonly #entries = new Map<string, Entry>();
  readonly #metrics: Metrics;

  /** @throws Error if two commands have one name. */
  constructor(groups: readonly CommandGroup[], metrics: Metrics) {
    this.groups = groups;
    this.#metrics = metrics;
    for (const group of groups) {
      for (const command of group.commands) {
        if (this.#entries.has(command.name)) throw new Error(`two commands are called ${command.name}`);
        this.#entries.set(command.name, { group, command, fields: fieldNames(command.input) });
      }
    }
  }

  /** Whether a method is a module's, known or not: `chat.` and anything behind it. */
  owns(method: string): boolean {
    if (this.#entries.has(method)) return true;
    return this.groups.some(({ module }) => method.startsWith(`${module}.`));
  }

  /**
   * Runs a command. It has begun when this returns: calls one after the other begin in that order, and do not wait for
   * each other.
   * @param input a JSON value; nothing is the empty object.
   * @throws ProtocolError 104 for an unknown name, the module's own error for input that is not valid, or what the
   * command throws.
   */
  run(name: string, caller: Caller, input: unknown): Promise<unknown> {
    const entry = this.#entries.get(name);
    if (!entry) return Promise.reject(this.#unknown(name));
    const startedMs = performance.now();
    let running: Promise<unknown>;
    try {
      running = entry.command.run(caller, checked(entry, input));
    } catch (error) {
      running = Promise.reject(error as Error);
    }
    return running.then(
      (output) => {
        this.#count(name, 'ok', startedMs);
        return output;
      },
      (error: unknown) => {
        const isRefused = error instanceof ProtocolError && error.code !== errors.internal.code;
        this.#count(name, isRefused ? 'refused' : 'failed', startedMs);
        throw error;
      },
    );
  }

  #count(name: string, outcome: 'ok' | 'refused' | 'failed', startedMs: number): void {
    this.#metrics.moduleOperations.add(name, outcome);
    this.#metrics.moduleSeconds.observe(name, (performance.now() - startedMs) / 1_000);
  }

  #unknown(name: string): ProtocolError {
    const meant = nearest(name, this.#entries.keys());
    const detail = `${name.slice(0, 64).toWellFormed()}${meant === undefined ? '' : `; did you mean ${meant}?`}`;
    const { message } = errors.methodNotFound;
    return new ProtocolError({ ...errors.methodNotFound, message: `${message}: ${detail}` }, { detail });
  }
}

function checked({ command, group, fields }: Entry, input: unknown): unknown {
  const value = input ?? {};
  // The schema library leaves this name out without a word.
  const problem =
    typeof value === 'object' && Object.hasOwn(value, '__proto__')
      ? `unknown field __proto__; valid: ${fields.join(', ') || 'none'}`
      : undefined;
  if (problem !== undefined) throw invalidInput(group, problem);
  const usual = command.readUsual?.(value);
  if (usual !== undefined) return usual;
  const result = command.input.safeParse(value);
  if (!result.success) throw invalidInput(group, describeIssues(result.error.issues, fields));
  return result.data;
}

/** What was wrong with the input of a command, in words that its caller may read. */
export function invalidInput({ invalid }: CommandGroup, detail: string): ProtocolError {
  return new ProtocolError({ ...invalid, message: `${invalid.message}: ${detail}` }, { detail });
}
