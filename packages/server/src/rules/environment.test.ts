import { describe, expect, test } from 'vitest';
import { channelEnvironment } from './environment.ts';
import { Timestamp } from './value.ts';

const parts = { auth: { uid: 'u1' }, channel: 'room:7', variables: { id: '7' }, nowMs: 1_000 };

describe('variables of a channel rule', () => {
  test('are auth, channel, now and those of the pattern', () => {
    expect(Object.entries(channelEnvironment(parts))).toEqual([
      ['id', '7'],
      ['auth', { uid: 'u1' }],
      ['channel', 'room:7'],
      ['now', new Timestamp(1_000_000_000n)],
    ]);
  });

  test('are also data, tags and publisher where they are given, null and empty ones too', () => {
    expect(channelEnvironment({ ...parts, data: null, tags: {}, publisher: '' })).toMatchObject({
      data: null,
      tags: {},
      publisher: '',
    });
  });

  test('a pattern takes none of the names of the language', () => {
    const variables = { auth: 'x', now: 'x', channel: 'x' };
    expect(channelEnvironment({ ...parts, variables })).toMatchObject({ auth: parts.auth, channel: 'room:7' });
  });

  test('nothing is inherited, and a name that objects have is a name like others', () => {
    const plain = channelEnvironment(parts);
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) expect(plain[name]).toBeUndefined();
    const variables = Object.fromEntries([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
    const odd = channelEnvironment({ ...parts, variables });
    expect([odd['__proto__'], odd['constructor'], odd['id']]).toEqual(['a', 'b', undefined]);
  });
});
