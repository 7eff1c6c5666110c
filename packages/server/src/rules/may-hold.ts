/**
 * Tells "no" from "nobody can say at present": whether a rule that failed might have held if the relations that could not
 * answer had answered. Outside of outages it costs one evaluation, and only of rules that failed.
 */
import { factKey, Unavailable } from './relation.ts';
import type { Environment, Evaluate, RelationReader } from './value.ts';

/** Evaluations for one answer. With more facts that are missing, nobody can say. */
const maxTries = 64;
/** Facts asked for in all of them together: a rule may ask for one for each element of a long list. */
const maxQuestions = 5_000;

/**
 * Tries the facts that are missing both ways.
 * @param evaluate of a rule that came to a failure on this environment.
 * @returns false if the rule does not hold whatever they are, and if none is missing.
 */
export function mayHold(evaluate: Evaluate, environment: Environment, relations: RelationReader): boolean {
  let triesLeft = maxTries;
  let questionsLeft = maxQuestions;
  const holds = (supposed: ReadonlyMap<string, boolean>): boolean => {
    if (triesLeft-- === 0 || questionsLeft <= 0) return true;
    let missing: string | undefined;
    const value = evaluate(environment, {
      related: (relation, args) => {
        questionsLeft--;
        const answer = relations.related(relation, args);
        if (!(answer instanceof Unavailable)) return answer;
        const fact = `${relation}\n${factKey(args)}`;
        const supposition = supposed.get(fact);
        if (supposition === undefined) missing ??= fact;
        return supposition ?? answer;
      },
    });
    if (typeof value === 'boolean' || missing === undefined) return value === true;
    return holds(new Map(supposed).set(missing, true)) || holds(new Map(supposed).set(missing, false));
  };
  return holds(new Map());
}
