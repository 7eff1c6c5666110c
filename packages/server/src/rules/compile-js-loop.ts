/** The loops of macros in generated code. */
import type { Code, CodeWriter } from './code-writer.ts';
import type { MacroName } from './syntax.ts';

/** The parts of a loop that depend on the macro. */
export class JsLoop {
  readonly result: Code;
  readonly end: Code;
  /** Whether errors are put off, as `||` and `&&` do. */
  readonly absorbs: boolean;
  readonly #writer: CodeWriter;
  readonly #failure: Code;
  readonly #macro: MacroName;

  constructor(writer: CodeWriter, macro: MacroName) {
    this.#writer = writer;
    this.#macro = macro;
    this.result = writer.name('r');
    this.end = writer.name('l');
    this.#failure = writer.name('f');
    this.absorbs = macro === 'all' || macro === 'exists';
  }

  begin(): void {
    const start = { all: 'true', exists: 'false', exists_one: '0', filter: '[]', map: '[]' }[this.#macro];
    this.#writer.line(`let ${this.result} = ${start};`);
    if (this.absorbs) this.#writer.line(`let ${this.#failure};`);
  }

  note(failure: Code): string {
    return `if (${this.#failure} === undefined) ${this.#failure} = ${failure}; continue ${this.end};`;
  }

  take(value: Code): string {
    if (this.#macro === 'exists_one') return `if (${value}) ${this.result}++;`;
    const decisive = this.#macro === 'exists';
    return `if (${value} === ${decisive}) { ${this.result} = ${decisive}; break ${this.end}; }`;
  }

  finish(fail: ((failure: Code) => string) | undefined): void {
    if (this.#macro === 'exists_one') this.#writer.line(`${this.result} = ${this.result} === 1;`);
    if (!this.absorbs || !fail) return;
    const undecided = this.#macro !== 'exists';
    this.#writer.line(
      `if (${this.result} === ${undecided} && ${this.#failure} !== undefined) { ${fail(this.#failure)} }`,
    );
  }
}
