/**
 * Where a command reads and writes. Commands get one instead of using `process`, so that tests can hand in their own.
 */
import { styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan' | 'magenta' | 'blue';

export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Writes a line to standard output. */
  print(line?: string): void;
  /** Writes a line to standard error. */
  warn(line: string): void;
  /** Colours text for standard output, if that is a terminal that wants colour. */
  style(style: Style | Style[], text: string): string;
  /** Everything on standard input. */
  readInput(): Promise<string>;
}

/**
 * Whether to write colour: only to a terminal, and only if `NO_COLOR` is unset or empty.
 * Source: https://no-color.org
 */
export function wantsColour(stream: { readonly isTTY?: boolean }, env: Terminal['env']): boolean {
  return stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const colour = wantsColour(process.stdout, process.env);
  return {
    env: process.env,
    cwd: process.cwd(),
    print: (line = '') => void process.stdout.write(`${line}\n`),
    warn: (line) => void process.stderr.write(`${line}\n`),
    style: (style, text) => (colour ? styleText(style, text, { validateStream: false }) : text),
    readInput: async () => {
      let input = '';
      process.stdin.setEncoding('utf8');
      for await (const chunk of process.stdin) input += String(chunk);
      return input;
    },
  };
}
