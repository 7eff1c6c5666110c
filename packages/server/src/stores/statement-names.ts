/**
 * Which statements a connection keeps prepared: those that come again and again, so that the server parses and plans them
 * once. Both sides keep them for as long as the connection lives, so there is a bound.
 */

/** Prepared when it comes for this many times; statements made for one occasion are not. */
const usesBefore = 5;
const maxNames = 200;
const maxCounted = 2_000;
/** Longer ones hold many rows at once, and rarely as many again. */
const maxLength = 8_192;

export class StatementNames {
  readonly #names = new Map<string, string>();
  readonly #uses = new Map<string, number>();

  /** The name to prepare and run it under; undefined: not worth it. */
  nameOf(sql: string): string | undefined {
    const known = this.#names.get(sql);
    if (known !== undefined || this.#names.size >= maxNames || sql.length > maxLength) return known;
    const uses = (this.#uses.get(sql) ?? 0) + 1;
    if (uses < usesBefore) {
      if (this.#uses.size >= maxCounted) this.#uses.clear();
      this.#uses.set(sql, uses);
      return undefined;
    }
    this.#uses.delete(sql);
    const name = `tidings_${this.#names.size}`;
    this.#names.set(sql, name);
    return name;
  }
}
