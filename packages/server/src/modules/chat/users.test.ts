import { describe, expect, test } from 'vitest';
import { createChat } from './testing/chat-fixture.ts';

const whole = {
  name: 'Anna',
  avatar: 'https://example.com/a.png',
  data: { team: 1 },
  locale: 'de-AT',
  timeZone: 'Europe/Vienna',
};

describe('one’s own profile', () => {
  test('is set in parts, told to one’s devices and the application', async () => {
    await using chat = await createChat();
    const anna = chat.as('anna');
    expect(await anna('profile')).toEqual({ profile: { id: 'anna' } });
    expect(await anna('setProfile', whole)).toEqual({ profile: { id: 'anna', ...whole } });
    expect(chat.publications).toMatchObject([
      { channel: 'chat:user:anna', data: { type: 'profile', profile: { name: 'Anna' } } },
    ]);
    expect(chat.events).toMatchObject([
      { type: 'chat.user.changed', subject: 'user:anna', data: { by: 'anna', user: { name: 'Anna' } } },
    ]);
    await anna('setProfile', whole);
    expect(chat.publications).toHaveLength(1);
    await anna('setProfile', { name: null, invisible: true });
    const { name: _name, ...rest } = whole;
    expect(await anna('profile')).toEqual({ profile: { id: 'anna', ...rest, invisible: true } });
  });

  test('parts set at the same time are all kept', async () => {
    await using chat = await createChat();
    const anna = chat.as('anna');
    await Promise.all([
      anna('setProfile', { name: 'Anna' }),
      anna('setProfile', { locale: 'de' }),
      anna('setProfile', { avatar: 'x' }),
    ]);
    expect(await anna('profile')).toEqual({ profile: { id: 'anna', name: 'Anna', locale: 'de', avatar: 'x' } });
  });

  test.each([
    [{ locale: 'no such locale' }, 'a language tag such as de or pt-BR'],
    [{ timeZone: 'Mars/Olympus' }, 'a name of the IANA time zone database such as Europe/Berlin'],
    [{ name: 'a\0b' }, 'well-formed Unicode'],
    [{ name: '\ud800' }, 'well-formed Unicode'],
    [{ nam: 'x' }, 'nam'],
    [{ data: 'x'.repeat(70_000) }, 'too large: data has 70002 bytes'],
  ])('bad input is refused: %j', async (input, message) => {
    await using chat = await createChat();
    await expect(chat.as('anna')('setProfile', input)).rejects.toThrow(message);
  });
});

describe('profiles of others', () => {
  test('are read up to 100 at once, of those who have one', async () => {
    await using chat = await createChat();
    await chat.system('upsertUsers', {
      users: [
        { id: 'anna', name: 'Anna' },
        { id: 'ben', name: 'Ben', invisible: true },
      ],
    });
    const cleo = chat.as('cleo');
    expect(await cleo('users', { ids: ['ben', 'nobody', 'anna', 'ben'] })).toEqual({
      users: [
        { id: 'ben', name: 'Ben' },
        { id: 'anna', name: 'Anna' },
      ],
    });
    expect(await cleo('user', { id: 'anna' })).toEqual({ user: { id: 'anna', name: 'Anna' } });
    await expect(cleo('user', { id: 'nobody' })).rejects.toThrow('no such user: nobody');
    await expect(cleo('users', { ids: Array.from({ length: 101 }, (_, at) => `u${at}`) })).rejects.toThrow(
      'invalid request',
    );
  });

  test('say when somebody was last seen to who may know, and never of who is invisible', async () => {
    const permissions = { seePresence: 'auth.uid == "ben"' };
    await using chat = await createChat({ config: { enabled: true, permissions } });
    await chat.system('upsertUsers', { users: [{ id: 'anna' }, { id: 'dora', invisible: true }] });
    await chat.chat.db.updateTable('chat_users').set({ last_seen_at: 5 }).execute();
    const seen = async (user: string) =>
      (await chat.as(user)('users', { ids: ['anna', 'dora'] })).users.map(
        (one: { lastSeenAt?: number }) => one.lastSeenAt,
      );
    expect(await seen('ben')).toEqual([5, undefined]);
    expect(await seen('cleo')).toEqual([undefined, undefined]);
    expect(await seen('dora')).toEqual([undefined, 5]);
    expect(JSON.stringify(chat.events)).not.toContain('invisible');
  });
});

test('back ends set profiles of any users, all or none; clients do not', async () => {
  await using chat = await createChat();
  await chat.system('upsertUsers', { users: [{ id: 'gone' }] });
  await chat.chat.db.updateTable('chat_users').set({ deleted_at: 5 }).execute();
  const users = [
    { id: 'anna', name: 'Anna' },
    { id: 'gone', name: 'Back' },
  ];
  await expect(chat.system('upsertUsers', { users })).rejects.toThrow('deleted: user gone');
  await expect(chat.as('gone')('setProfile', { name: 'Back' })).rejects.toThrow('deleted');
  await expect(chat.as('ben')('user', { id: 'anna' })).rejects.toThrow('no such user');
  expect(await chat.as('ben')('user', { id: 'gone' })).toEqual({ user: { id: 'gone', deletedAt: 5 } });
  await expect(chat.as('anna')('upsertUsers', { users: [{ id: 'ben' }] })).rejects.toThrow('is for back ends');
  await expect(chat.system('upsertUsers', { users: [{ id: 'a' }, { id: 'a' }] })).rejects.toThrow('named twice');
});
