/**
 * Tests of rules and `tidings rules explain` decide without an engine. What they say is what a running engine does: every
 * expectation in the documentation, and random questions to random configurations.
 */
import {
  authRecord,
  compileRuleset,
  GivenFacts,
  parseConfig,
  parseRuleTime,
  Rehearsal,
  ruleActions,
  type Config,
  type ConfigInput,
  type RuleAction,
} from '@tidings/server';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { blocksOf, pages } from '../support/documents.ts';
import { LiveRules, type LiveAnswer, type LiveQuestion } from './live-answers.ts';
import { runs } from './runs.ts';

type Facts = Readonly<Record<string, readonly (readonly (string | number | boolean)[])[]>>;
type Test = Config['rules']['tests'][number];

const startMs = 1_700_000_000_000;

function rehearse(config: Config, facts: Facts, question: LiveQuestion, nowMs: number): LiveAnswer {
  const { ruleset, problems } = compileRuleset(config);
  expect(problems).toEqual([]);
  const { uid, claims, ...asked } = question;
  const { is, at, becomes } = new Rehearsal(config, ruleset).ask({
    ...asked,
    auth: authRecord(ruleset.auth, uid, claims).record,
    relations: new GivenFacts(config.rules, ruleset.relations, facts),
    nowMs,
  });
  return { is, ...(at !== undefined && { at }), ...(becomes !== undefined && { becomes }) };
}

/** What is published says the engine always, the rehearsal only if the server sets fields. */
async function compare(live: LiveRules, config: Config, facts: Facts, question: LiveQuestion, nowMs: number) {
  const rehearsed = rehearse(config, facts, question, nowMs);
  const answer = await live.ask(question);
  const whole =
    question.action === 'publish' && rehearsed.is === 'allow'
      ? { becomes: question.data ?? null, ...rehearsed }
      : rehearsed;
  expect(answer, JSON.stringify(question)).toEqual(whole);
  return answer.is;
}

describe('what the pages expect', () => {
  const blocks = pages
    .flatMap(blocksOf)
    .filter(({ language, name, code }) => language === 'yaml' && name !== undefined && /^ {2}tests:/m.test(code));

  test('there are some', () => {
    expect(blocks.length).toBeGreaterThan(6);
  });

  test.each(blocks.map(({ name = '', code }) => ({ name, code })))('$name', async ({ code }) => {
    const { channels, rules } = parse(code) as ConfigInput;
    const { config } = parseConfig({ ...(channels && { channels }), ...(rules && { rules }) });
    for (const each of config.rules.tests) {
      const nowMs = (each.now === undefined ? undefined : parseRuleTime(each.now)) ?? startMs;
      const facts = each.given as Facts;
      await using live = await LiveRules.start(config, facts, nowMs);
      for (const expectation of each.expect) {
        const question = questionOf(each, expectation);
        if (question.action === 'announce' && !hasPresence(config, question.channel)) continue;
        expect(await compare(live, config, facts, question, nowMs)).toBe(expectation.is);
      }
    }
  });
});

function questionOf({ as: { uid = '', ...claims } }: Test, expectation: Test['expect'][number]): LiveQuestion {
  const action = ruleActions.find((name) => expectation[name] !== undefined) as RuleAction;
  const { subscribed = false, data, tags, publisher } = expectation;
  return {
    action,
    channel: expectation[action] as string,
    uid: String(uid),
    claims,
    subscribed,
    ...(data !== undefined && { data }),
    ...(tags && { tags }),
    ...(publisher !== undefined && { publisher }),
  };
}

/** Who is announced shows in presence only. */
function hasPresence({ channels }: Config, channel: string): boolean {
  return Object.entries(channels).some(
    ([pattern, { presence }]) => presence && pattern.split(/[:{*]/)[0] === channel.split(':')[0],
  );
}

// — random ones —

const words = fc.constantFrom('nobody', 'authenticated', 'anyone');
const conditions = fc.constantFrom(
  'member(gid, auth.uid)',
  'auth.uid == gid',
  'auth.level >= 2',
  'auth.level == null',
  '"g1" in auth.groups',
  'auth.groups.exists(g, member(g, auth.uid))',
  'now < timestamp("2023-11-14T22:13:21Z")',
  'channel.startsWith("room:g")',
  '1 / size(gid) == 0',
);
const aboutData = fc.constantFrom(
  'data.text == "hi"',
  'has(data.n) && data.n > 1',
  'data.n == auth.level',
  'size(data.text) < 5',
  'member(data.text, auth.uid)',
);
const aboutPublication = fc.constantFrom('publisher == auth.uid', '"lang" in tags && tags["lang"] == "en"');

const rule = (...parts: fc.Arbitrary<string>[]): fc.Arbitrary<string> => {
  const part = fc.oneof(...parts);
  return fc.oneof(
    words,
    part,
    fc
      .tuple(part, fc.constantFrom(' && ', ' || '), fc.boolean(), part)
      .map(([left, operator, not, right]) => (not ? `!(${left})${operator}${right}` : `${left}${operator}${right}`)),
    fc.tuple(part, part, part).map(([a, b, c]) => `(${a}) ? (${b}) : (${c})`),
  );
};
const orSubscribers = (arbitrary: fc.Arbitrary<string>) => fc.oneof(arbitrary, fc.constant('subscribers'));

const schemas: NonNullable<ConfigInput['rules']>['schemas'] = {
  Text: { text: { type: 'string', maxLength: 6 }, n: 'int?', from: 'string', at: 'string?' },
};

const inputs = fc.record({
  allow: fc.record({
    subscribe: rule(conditions),
    publish: orSubscribers(rule(conditions, aboutData)),
    history: orSubscribers(rule(conditions)),
    presence: orSubscribers(rule(conditions)),
    announce: rule(conditions),
    receive: rule(conditions, aboutData, aboutPublication),
  }),
  publish: fc.constantFrom<NonNullable<NonNullable<ConfigInput['channels']>[string]>['publish']>(
    {},
    { schema: 'Text', set: { from: 'auth.uid' } },
    { set: { from: 'auth.uid', big: '9007199254740993 - 2', at: 'now' } },
    { schema: 'Text', set: { from: 'channel', at: 'string(now)', n: 'data.n + 1' } },
  ),
  history: fc.constantFrom({ size: 0 }, { size: 10 }),
});

const facts = fc
  .uniqueArray(fc.tuple(fc.constantFrom('g1', 'g2', 'hi'), fc.constantFrom('g1', 'u1', 'u2')), {
    selector: String,
  })
  .map((member): Facts => ({ member }));

const messages = fc.oneof(
  fc.record(
    {
      text: fc.constantFrom<unknown>('hi', 'hello', 'much too long', 5, null),
      n: fc.constantFrom<unknown>(0, 1, 2, 2.5, '2', null, 4_294_967_296),
      from: fc.constantFrom<unknown>('u9', 7, null),
      more: fc.constant(true),
    },
    { requiredKeys: [] },
  ),
  fc.record({ text: fc.constantFrom('hi', 'hello'), n: fc.constantFrom(1, 2) }),
  fc.constantFrom<unknown>(null, 'hi', 5, [], [{ text: 'hi' }]),
);

const questions: fc.Arbitrary<LiveQuestion> = fc
  .record({
    action: fc.constantFrom(...ruleActions),
    channel: fc.constantFrom('room:g1', 'room:g2', 'room:hi', 'room:g1#u1,u2', 'other'),
    uid: fc.constantFrom('', 'u1', 'u2', 'g1'),
    claims: fc.record(
      {
        level: fc.constantFrom<unknown>(1, 2, 3, 'high', null),
        groups: fc.constantFrom<unknown>(['g1'], ['g2', 'hi'], [], 'g1', ['g1', 5]),
      },
      { requiredKeys: [] },
    ),
    subscribed: fc.boolean(),
    data: messages,
    tags: fc.constantFrom({}, { lang: 'en' }, { lang: 'de' }),
    publisher: fc.constantFrom('', 'u1', 'u2'),
  })
  .map(({ data, tags, publisher, ...question }): LiveQuestion => {
    const { action } = question;
    // Nobody is subscribed to what they subscribe to, and nobody can be to what is not there.
    const subscribed = question.subscribed && action !== 'subscribe' && question.channel !== 'other';
    if (action === 'publish') return { ...question, subscribed, data };
    return action === 'receive' ? { ...question, subscribed, data, tags, publisher } : { ...question, subscribed };
  })
  .filter(({ action, channel }) => channel !== 'other' || (action !== 'announce' && action !== 'receive'));

test('random questions to random rules', async () => {
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(
      inputs,
      facts,
      fc.array(questions, { minLength: 10, maxLength: 20 }),
      async (channel, given, asked) => {
        const { config } = parseConfig({
          channels: { 'room:{gid}': { ...channel, presence: true } },
          rules: {
            auth: { level: 'int?', groups: 'list(string)' },
            schemas,
            relations: { member: { parameters: { gid: 'string', uid: 'string' } } },
          },
        });
        await using live = await LiveRules.start(config, given, startMs);
        for (const question of asked) {
          const is = await compare(live, config, given, question, startMs);
          const kind = `${question.action} ${is}`;
          seen.set(kind, (seen.get(kind) ?? 0) + 1);
        }
      },
    ),
    { numRuns: runs(100) },
  );
  for (const action of ruleActions) {
    for (const is of ['allow', 'deny']) expect(seen.get(`${action} ${is}`), `${action} ${is}`).toBeGreaterThan(5);
  }
  expect(seen.get('publish invalid')).toBeGreaterThan(5);
});
