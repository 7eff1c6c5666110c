/** Commands around users: profiles. */
import { z } from 'zod';
import { command, type ChatCommand } from '../command.ts';
import { findUsers } from '../find-users.ts';
import { empty, id, json, text } from '../schemas.ts';
import { readProfile, readUser, readUsers, setProfile, upsertUsers } from '../users.ts';

/** Users in one call. */
const maxUsers = 100;

const user = z.strictObject({
  id: z.string(),
  name: z.string().optional(),
  avatar: z.string().optional(),
  data: z.unknown().optional(),
  locale: z.string().optional(),
  timeZone: z.string().optional(),
  lastSeenAt: z.int().optional(),
  deletedAt: z.int().optional(),
});

const profile = z.strictObject({
  ...user.shape,
  invisible: z.boolean().optional().describe('Others see the user as offline.'),
});

const profileFields = {
  name: text(256).nullable().optional().describe('Null: none; left out: it stays.'),
  avatar: text(2048).nullable().optional().describe('Such as the URL of a picture.'),
  data: json().optional().describe('Whatever the application keeps with the user.'),
  locale: z.string().max(64).refine(isLocale, 'a language tag such as de or pt-BR').nullable().optional(),
  timeZone: z
    .string()
    .max(64)
    .refine(isTimeZone, 'a name of the IANA time zone database such as Europe/Berlin')
    .nullable()
    .optional(),
  invisible: z.boolean().optional().describe('Others see the user as offline.'),
};

export const userCommands: readonly ChatCommand[] = [
  command({
    name: 'profile',
    summary: 'The user’s own profile.',
    input: empty,
    output: z.strictObject({ profile }),
    example: {},
    run: readProfile,
  }),
  command({
    name: 'setProfile',
    summary: 'Changes the user’s own profile; what is left out stays.',
    input: z.strictObject(profileFields),
    output: z.strictObject({ profile }),
    example: { name: 'Anna', timeZone: 'Europe/Berlin' },
    run: setProfile,
  }),
  command({
    name: 'user',
    summary: 'The profile of a user.',
    input: z.strictObject({ id: id() }),
    output: z.strictObject({ user }),
    example: { id: 'ben' },
    anonymous: true,
    run: readUser,
  }),
  command({
    name: 'users',
    summary: 'Profiles of users, of those who have one.',
    input: z.strictObject({ ids: z.array(id()).min(1).max(maxUsers) }),
    output: z.strictObject({ users: z.array(user) }),
    example: { ids: ['anna', 'ben'] },
    anonymous: true,
    run: readUsers,
  }),
  command({
    name: 'findUsers',
    summary: 'Users whose names hold all words as beginnings of words, without case and accents. Off unless permitted.',
    input: z.strictObject({
      query: text(256).min(1),
      limit: z.int().min(1).optional().describe('50 without it; at most `chat.limits.page`.'),
    }),
    output: z.strictObject({ users: z.array(user) }),
    example: { query: 'anna be', limit: 10 },
    anonymous: true,
    run: findUsers,
  }),
  command({
    name: 'upsertUsers',
    summary: 'Makes and changes profiles of users; for back ends without `as`.',
    input: z.strictObject({
      users: z
        .array(z.strictObject({ id: id(), ...profileFields }))
        .min(1)
        .max(maxUsers),
    }),
    output: z.strictObject({ users: z.array(profile) }),
    example: { users: [{ id: 'anna', name: 'Anna' }] },
    run: upsertUsers,
  }),
];

function isLocale(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
