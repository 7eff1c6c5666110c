/** Functions made from text, for what runs for every row; elsewhere a loop does the same. */

/** @returns what `generate` makes, or `otherwise` where code must not be generated. */
export function generatedOr<T>(generate: () => T, otherwise: () => T): T {
  try {
    return generate();
  } catch (error) {
    // `--disallow-code-generation-from-strings`, or a policy of the embedding program.
    if (error instanceof EvalError) return otherwise();
    throw error;
  }
}
