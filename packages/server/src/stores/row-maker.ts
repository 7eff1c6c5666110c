/**
 * Makes rows of the values that `node:sqlite` gives: objects of one shape, which JavaScript reads and copies many times
 * faster than the dictionaries that it makes itself.
 */
import { generatedOr } from './generated-code.ts';

export type RowMaker = (values: readonly unknown[]) => Record<string, unknown>;

/** @param names of the columns, in the order of the values; of those with one name, the last counts. */
export function rowMaker(names: readonly string[]): RowMaker {
  return generatedOr(
    () => generatedMaker(names),
    () => loopingMaker(names),
  );
}

/** @throws EvalError where code must not be generated. */
function generatedMaker(names: readonly string[]): RowMaker {
  // In brackets `__proto__` is a name like others; as a string, no name is code.
  const fields = names.map((name, at) => `[${JSON.stringify(name)}]: values[${at}]`);
  // oxlint-disable-next-line typescript/no-implied-eval -- only names of columns go into it, as strings
  return new Function('values', `return { ${fields.join(', ')} };`) as RowMaker;
}

export function loopingMaker(names: readonly string[]): RowMaker {
  return (values) => Object.fromEntries(names.map((name, at) => [name, values[at]]));
}
