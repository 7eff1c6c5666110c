import { describe, expect, test } from 'vitest';
import { configSchema, type ConfigInput } from '../config/schema.ts';
import { FakeClock } from '../lib/clock.ts';
import { createLogger } from '../lib/logger.ts';
import { factKey } from './relation.ts';
import type { RelationFunction } from './relations/function.ts';
import { createRelations, Relations } from './relations.ts';
import { Failure } from './value.ts';

type RelationsInput = NonNullable<NonNullable<ConfigInput['rules']>['relations']>;

const config = (relations: RelationsInput) => configSchema.parse({ rules: { relations } });
const parameters = { gid: 'string', uid: 'string' };

async function started(relations: RelationsInput, functions: Record<string, RelationFunction> = {}) {
  const made = createRelations(config(relations), {
    functions,
    clock: new FakeClock(),
    logger: createLogger('silent'),
  });
  await made.start();
  const told: string[] = [];
  made.onChange((relation, keys) => told.push(`${relation}: ${keys?.join(' ') ?? 'all'}`));
  return { relations: made, told };
}

describe('Relations', () => {
  test('answer by name; what is not there fails', async () => {
    const { relations } = await started({ member: { parameters, facts: [['g', 'u']] } });
    expect(relations.related('member', ['g', 'u'])).toBe(true);
    expect(relations.related('member', ['g', 'v'])).toBe(false);
    for (const name of ['owner', 'constructor', '__proto__']) {
      expect(relations.related(name, ['g'])).toBeInstanceOf(Failure);
    }
  });

  test('say which facts were asked, each once, and which have to be prepared', async () => {
    const { relations } = await started(
      { member: { parameters, facts: [['g', 'u']] }, friend: { parameters, from: 'function' } },
      { friend: () => true },
    );
    const first = relations.recording();
    for (let i = 0; i < 2; i++) {
      expect(first.reader.related('member', ['g', 'u'])).toBe(true);
      expect(first.reader.related('friend', ['a', 'b'])).toBeInstanceOf(Failure);
    }
    expect(first.facts).toEqual([
      { relation: 'member', key: factKey(['g', 'u']) },
      { relation: 'friend', key: factKey(['a', 'b']) },
    ]);
    expect(first.pending).toEqual([{ relation: 'friend', args: ['a', 'b'] }]);
    await relations.prepare(first.pending);
    const second = relations.recording();
    expect(second.reader.related('friend', ['a', 'b'])).toBe(true);
    expect(second.pending).toEqual([]);
  });

  test('a failed answer is not asked for again and again', async () => {
    const { relations } = await started(
      { friend: { parameters, from: 'function' } },
      { friend: () => Promise.reject(new Error('down')) },
    );
    await relations.prepare([{ relation: 'friend', args: ['a', 'b'] }]);
    const { reader, pending } = relations.recording();
    expect(reader.related('friend', ['a', 'b'])).toEqual(new Failure('friend failed'));
    expect(pending).toEqual([]);
  });

  test('what was told has the key that was asked with, both ways round', async () => {
    const { relations, told } = await started({ friend: { parameters, symmetric: true, facts: [['a', 'b']] } });
    await relations.reload(config({ friend: { parameters, symmetric: true, facts: [] } }));
    expect(told).toEqual([`friend: ${factKey(['a', 'b'])} ${factKey(['b', 'a'])}`]);
  });

  test('a listener that throws does not keep others from knowing', async () => {
    const { relations, told } = await started({ member: { parameters } });
    const seen: string[] = [];
    relations.onChange(() => {
      throw new Error('broken');
    });
    const off = relations.onChange((relation) => seen.push(relation));
    await relations.reload(config({ member: { parameters, facts: [['g', 'u']] } }));
    off();
    await relations.reload(config({ member: { parameters, facts: [] } }));
    expect([told.length, seen]).toEqual([2, ['member']]);
  });

  test('what has to be prepared is little at a time, however much is asked', async () => {
    const { relations } = await started({ friend: { parameters, from: 'function' } }, { friend: () => true });
    const ask = () => {
      const { reader, pending, isUnknown } = relations.recording();
      for (let i = 0; i < 1_000; i++) reader.related('friend', [`a${i}`, 'b']);
      return { pending, isUnknown: isUnknown() };
    };
    const { pending, isUnknown } = ask();
    expect([pending.length, isUnknown]).toEqual([64, true]);
    await relations.prepare(pending);
    expect(ask().pending[0]?.args).toEqual(['a64', 'b']);
  });

  test('what a relation needs must be given', () => {
    const create = (relations: RelationsInput) => () =>
      createRelations(config(relations), { clock: new FakeClock(), logger: createLogger('silent') });
    expect(create({ member: { parameters, from: 'api' } })).toThrow('rules.relations.member needs a store');
    expect(create({ friend: { parameters, from: 'function' } })).toThrow('the program gives no such function');
    expect(create({ friend: { parameters, facts: [['a']] } })).toThrow('1 value; friend takes 2');
  });
});

describe('another configuration', () => {
  test('replaces facts, and tells which came and went', async () => {
    const { relations, told } = await started({
      member: {
        parameters,
        facts: [
          ['g', 'a'],
          ['g', 'b'],
        ],
      },
    });
    const before = relations.get('member');
    await relations.reload(
      config({
        member: {
          parameters,
          facts: [
            ['g', 'b'],
            ['g', 'c'],
          ],
        },
      }),
    );
    expect(relations.get('member')).toBe(before);
    expect(told).toEqual([`member: ${factKey(['g', 'a'])} ${factKey(['g', 'c'])}`]);
    await relations.reload(
      config({
        member: {
          parameters,
          facts: [
            ['g', 'b'],
            ['g', 'c'],
          ],
        },
      }),
    );
    expect(told).toHaveLength(1);
  });

  test('brings relations and takes them away', async () => {
    const { relations, told } = await started({ member: { parameters, facts: [['g', 'a']] } });
    await relations.reload(config({ owner: { parameters, facts: [['g', 'a']] } }));
    expect(relations.related('member', ['g', 'a'])).toBeInstanceOf(Failure);
    expect(relations.related('owner', ['g', 'a'])).toBe(true);
    expect(told).toEqual(['member: all', 'owner: all']);
  });

  test('that cannot be had leaves everything as it was', async () => {
    const { relations, told } = await started({ member: { parameters, facts: [['g', 'a']] } });
    const next = config({ member: { parameters, facts: [] }, friend: { parameters, from: 'function' } });
    await expect(relations.reload(next)).rejects.toThrow('no such function');
    expect(relations.related('member', ['g', 'a'])).toBe(true);
    expect(told).toEqual([]);
  });

  test('is for relations that were made of one', async () => {
    await expect(new Relations([]).reload(config({}))).rejects.toThrow('not made of a configuration');
  });
});
