import { expect, test } from 'vitest';
import { localeFor } from './locale-for.ts';

test.each([
  ['en', ['de-DE', 'en-GB', 'en-US'], 'en-GB'],
  ['en', ['en'], 'en'],
  ['en', ['de-DE', 'ar'], 'en'],
  ['en', [], 'en'],
  ['ar', ['ar-EG', 'en'], 'ar'],
] as const)('with the app in %s, for who reads %j, dates are written as in %s', (language, preferred, locale) => {
  expect(localeFor(language, preferred)).toBe(locale);
});
