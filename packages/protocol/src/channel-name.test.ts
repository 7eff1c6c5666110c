import { describe, expect, test } from 'vitest';
import { allowedUsers, channelNameProblem, maxChannelNameLength, personalChannel } from './channel-name.ts';

describe('channel names', () => {
  test.each(['a', 'chat:index', 'room:7:typing', 'ünï 世界 👋', '$private', 'x'.repeat(maxChannelNameLength)])(
    '%s',
    (name) => {
      expect(channelNameProblem(name)).toBeUndefined();
      expect(allowedUsers(name)).toBeUndefined();
    },
  );

  test.each([
    ['an empty name', '', 'empty'],
    ['a long name', 'x'.repeat(maxChannelNameLength + 1), 'longer than 255'],
    ['a line break', 'a\nb', 'control character'],
    ['a zero', 'a\0', 'control character'],
    ['delete', 'a\u007f', 'control character'],
    ['a C1 control', 'a\u0085', 'control character'],
    ['half a surrogate pair', 'a\ud800', 'not valid Unicode'],
  ])('%s is none', (_, name, problem) => {
    expect(channelNameProblem(name)).toContain(problem);
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
