import { describe, expect, test } from 'vitest';
import {
  allowedUsers,
  channelNameProblem,
  maxChannelNameLength,
  parseChannelName,
  personalChannel,
} from './channel-name.ts';
import { errors, ProtocolError } from './errors.ts';

describe('parseChannelName', () => {
  test.each(['a', 'chat:index', 'room:7:typing', 'ünï 世界 👋', '$private', 'x'.repeat(maxChannelNameLength)])(
    '%s',
    (name) => {
      expect(parseChannelName(name)).toEqual({ name, allowedUsers: undefined });
    },
  );

  test.each([
    ['an empty name', ''],
    ['a long name', 'x'.repeat(maxChannelNameLength + 1)],
    ['a line break', 'a\nb'],
    ['a zero', 'a\0'],
    ['delete', 'a\u007f'],
    ['a C1 control', 'a\u0085'],
    ['half a surrogate pair', 'a\ud800'],
  ])('%s is a bad request', (_, name) => {
    let caught: unknown;
    try {
      parseChannelName(name);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(ProtocolError);
    expect(caught).toMatchObject({ code: errors.badRequest.code, detail: channelNameProblem(name) });
  });

  test('the limit may be lower', () => {
    expect(channelNameProblem('abcd', 4)).toBeUndefined();
    expect(channelNameProblem('abcde', 4)).toBe('channel name is longer than 4');
  });
});

describe('user-limited channels', () => {
  test.each([
    ['news', undefined],
    ['#42', ['42']],
    ['dialog#42', ['42']],
    ['dialog#42,43', ['42', '43']],
    ['a#b#42', ['42']],
    ['dialog#', []],
    ['dialog#,', []],
    ['dialog#42,', ['42']],
  ])('%s', (name, users) => {
    expect(allowedUsers(name)).toEqual(users);
    expect(parseChannelName(name).allowedUsers).toEqual(users);
  });

  test('a personal channel is for its user alone', () => {
    for (const user of ['42', 'ann@example.com', 'ü']) {
      expect(personalChannel('', user)).toBe(`#${user}`);
      expect(allowedUsers(personalChannel('me:', user) as string)).toEqual([user]);
    }
  });

  test('a user whose id would open it to others has none', () => {
    for (const user of ['', '1#42', '1,42', '#', ',']) expect(personalChannel('', user)).toBeUndefined();
  });
});
