/**
 * Writes the JavaScript of a rule, line by line. No text of the rule gets into the code: names are checked, everything
 * else is put into an array of constants that the code reads by number.
 */

/** JavaScript of a value: a constant, a local variable, or an expression without effects that is used once. */
export type Code = string;

const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;
const atom = /^(?:[a-z]\d+|true|false|null|undefined)$/;

export class CodeWriter {
  /** What the code calls `c0`, `c1` and so on. */
  readonly constants: unknown[] = [];
  readonly #known = new Map<unknown, Code>();
  #lines: string[] = [];
  #names = 0;

  /** A value that is there before the code runs. */
  constant(value: unknown): Code {
    if (value === null || typeof value === 'boolean' || value === undefined) return String(value);
    // A Map takes 0 and -0 for the same.
    const known = typeof value === 'number' ? undefined : this.#known.get(value);
    if (known !== undefined) return known;
    const code = `c${this.constants.push(value) - 1}`;
    if (typeof value !== 'number') this.#known.set(value, code);
    return code;
  }

  /** A name that nothing else has. */
  name(letter: string): Code {
    return `${letter}${this.#names++}`;
  }

  line(text: string): void {
    this.#lines.push(text);
  }

  /** Makes a value usable many times. */
  local(code: Code): Code {
    if (atom.test(code)) return code;
    const name = this.name('v');
    this.line(`const ${name} = ${code};`);
    return name;
  }

  /** Runs `write` and gives what it wrote, instead of adding it. */
  capture(write: () => void): string {
    const outer = this.#lines;
    this.#lines = [];
    try {
      write();
      return this.#lines.join('\n');
    } finally {
      this.#lines = outer;
    }
  }

  /** `object.name`; a name that is no plain identifier goes through the constants. */
  property(object: Code, name: string): Code {
    return identifier.test(name) ? `${object}.${name}` : `${object}[${this.constant(name)}]`;
  }
}
