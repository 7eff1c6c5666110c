/** `tidings rules`: what the rules of a configuration say, whether their tests hold, and why somebody may or may not. */
import { nearest } from '@tidings/server';
import { UsageError, type Command, type CommandInput } from '../command.ts';
import { configOption } from '../config-options.ts';
import { checkRules } from '../rules/check-rules.ts';
import { explainRule } from '../rules/explain-rule.ts';
import { testRules } from '../rules/test-rules.ts';

interface Action {
  readonly run: (input: CommandInput) => Promise<number>;
  /** Options beside --config, --json and --help. */
  readonly options: readonly string[];
}

const actions: Readonly<Record<string, Action>> = {
  check: { run: checkRules, options: [] },
  test: { run: testRules, options: ['coverage'] },
  explain: {
    run: explainRule,
    options: ['as', 'claim', 'given', 'now', 'data', 'tag', 'publisher', 'subscribed'],
  },
};

export const rules: Command = {
  name: 'rules',
  summary: 'Check, test and explain the rules that say who may do what.',
  usage: 'check|test [file] [options], or explain <action> <channel> [options]',
  options: {
    config: configOption,
    json: { type: 'boolean', description: 'print JSON, for programs' },
    coverage: { type: 'string', value: 'percent', description: 'test: fail if the tests see less of the rules' },
    as: { type: 'string', value: 'user id', description: 'explain: who asks; an anonymous client unless given' },
    claim: { type: 'string', multiple: true, value: 'name=value', description: 'explain: a claim of that user' },
    given: { type: 'string', multiple: true, value: 'relation=a,b', description: 'explain: a fact that holds' },
    now: { type: 'string', value: 'time', description: 'explain: another time, such as 2026-01-31T12:00:00Z' },
    data: { type: 'string', value: 'json', description: 'explain: the message, for publish and receive' },
    tag: { type: 'string', multiple: true, value: 'name=value', description: 'explain: a tag, for receive' },
    publisher: { type: 'string', value: 'user id', description: 'explain: who published, for receive' },
    subscribed: { type: 'boolean', description: 'explain: the client is subscribed to the channel' },
  },
  details: `  check    lists every rule with what it reads, or says what is wrong and where. Exits with 0 or 2.
  test     runs rules.tests of the configuration and says what they have seen of each rule.
           Exits with 1 if an expectation fails or --coverage is missed.
  explain  says whether somebody may, by which rule, with the value of every part of it.
           Actions: subscribe, publish, history, presence, announce, receive.
           Exits with 0 if they may, with 1 if not.

No database, table, function or hook is asked: facts come from the tests, from --given, and from
the configuration where nothing is given for a relation.

  tidings rules check
  tidings rules test --coverage 100
  tidings rules explain --as u1 --claim role=admin subscribe group:g2
  tidings rules explain --as u1 --given member=g1,u1 publish group:g1 --data '{"text":"Hi"}'`,

  async run(input) {
    const [name, ...positionals] = input.positionals;
    if (name === undefined) throw new UsageError(`say what to do: ${Object.keys(actions).join(', ')}`);
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (!action) {
      const meant = nearest(name, Object.keys(actions));
      throw new UsageError(
        `there is no tidings rules ${name}; ${meant === undefined ? `valid: ${Object.keys(actions).join(', ')}` : `did you mean ${meant}?`}`,
      );
    }
    for (const [option, value] of Object.entries(input.values)) {
      if (value === undefined || ['config', 'json', 'help', ...action.options].includes(option)) continue;
      throw new UsageError(`tidings rules ${name} takes no --${option}`);
    }
    return action.run({ ...input, positionals });
  },
};
