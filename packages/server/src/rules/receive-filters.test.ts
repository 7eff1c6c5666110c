import type { Publication } from '@tidings/protocol';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../config/parse.ts';
import { FakeClock } from '../lib/clock.ts';
import { bindRule } from './partial.ts';
import { ReceiveFilters } from './receive-filters.ts';
import { compileRuleset, type Rule } from './ruleset.ts';
import type { Failure, RelationReader } from './value.ts';

function ruleOf(receive: string): Rule {
  const { config } = parseConfig({
    channels: { room: { allow: { receive } } },
    rules: { auth: { level: 'int', vip: 'bool' }, relations: { sees: { parameters: { to: 'string' } } } },
  });
  return compileRuleset(config).ruleset.channel('room')!.receive!;
}

/** Counts how often it is judged and how often parsed. */
function counted(value: unknown): Publication & { judged: number; parsed: number } {
  const data = new TextEncoder().encode(JSON.stringify(value));
  return {
    judged: 0,
    parsed: 0,
    get tags() {
      this.judged++;
      return {};
    },
    get data() {
      this.parsed++;
      return data;
    },
  };
}

function create(related: RelationReader['related'] = () => false) {
  let failures = 0;
  const clock = new FakeClock();
  const filters = new ReceiveFilters({ relations: { related }, clock, failed: () => failures++ });
  const acquire = (rule: Rule, auth: object, relations?: RelationReader) =>
    filters.acquire(rule, bindRule(rule.expr, { auth }, relations), 'room', undefined);
  return { filters, clock, acquire, failures: () => failures };
}

describe('ReceiveFilters', () => {
  test('who is left with the same shares a filter, which judges and parses a publication once', () => {
    const { filters, acquire } = create();
    const rule = ruleOf('data.level <= auth.level');
    const of = (uid: string, level: bigint) => acquire(rule, { uid, level });
    const all = [of('u1', 1n), of('u2', 1n), of('u3', 2n)];
    expect(all[0]).toBe(all[1]);
    expect(filters.size).toBe(2);
    const publication = counted({ level: 2 });
    expect(all.map((filter) => filter?.(publication))).toEqual([false, false, true]);
    expect(publication).toMatchObject({ judged: 2, parsed: 1 });
    const next = counted({ level: 1 });
    expect(all.map((filter) => filter?.(next))).toEqual([true, true, true]);
    expect(next).toMatchObject({ judged: 2, parsed: 1 });
  });

  test('where nothing is left there is no filter, or one that lets nothing through', () => {
    const { filters, acquire, failures } = create();
    const rule = ruleOf('auth.vip || auth.level > 5');
    expect(acquire(rule, { uid: 'u1', vip: true, level: 1n })).toBeUndefined();
    expect(acquire(rule, { uid: 'u2', vip: false, level: 1n })?.(counted(1))).toBe(false);
    expect(acquire(rule, { uid: 'u3', vip: false })?.(counted(1))).toBe(false);
    expect(failures()).toBe(1);
    expect(filters.size).toBe(0);
  });

  test('filters go with the last who uses them', () => {
    const { filters, acquire } = create();
    const rule = ruleOf('data.to == auth.uid');
    const first = acquire(rule, { uid: 'u1' })!;
    acquire(rule, { uid: 'u1' });
    const other = acquire(rule, { uid: 'u2' })!;
    filters.release(first);
    expect(filters.size).toBe(2);
    filters.release(first);
    filters.release(first);
    expect(filters.size).toBe(1);
    filters.release(other);
    expect(filters.size).toBe(0);
  });

  test('one that asks relations or the time judges anew, also the same publication', () => {
    let answer: boolean | Failure = true;
    const { acquire, clock } = create(() => answer);
    const publication = counted({ to: 'u1', until: 0 });
    const byFact = acquire(ruleOf('sees(data.to)'), { uid: 'u1' })!;
    expect(byFact(publication)).toBe(true);
    answer = false;
    expect(byFact(publication)).toBe(false);
    const byTime = acquire(ruleOf('now < timestamp("2023-11-14T22:13:21Z")'), { uid: 'u1' })!;
    expect(byTime(publication)).toBe(true);
    void clock.advance(2_000);
    expect(byTime(publication)).toBe(false);
  });

  test('what is not JSON is not received by a rule over data', () => {
    const { acquire } = create();
    const filter = acquire(ruleOf('data.to == auth.uid || true && data != null'), { uid: 'u1' })!;
    expect(filter({ data: new Uint8Array([0xff]) })).toBe(false);
    expect(filter({ data: new TextEncoder().encode('{"to":') })).toBe(false);
    expect(filter(counted({ to: 'u1' }))).toBe(true);
  });

  test('rules that read the same are kept apart, for their data may be typed in another way', () => {
    const { acquire } = create();
    const auth = { uid: 'u1' };
    expect(acquire(ruleOf('data.to == auth.uid'), auth)).not.toBe(acquire(ruleOf('data.to == auth.uid'), auth));
  });
});
