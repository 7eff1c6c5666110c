import { describe, expect, test } from 'vitest';
import { OriginPolicy, type OriginVerdict } from './origin-policy.ts';

const check = (origins: string[], origin: string | undefined, host = 'host', sameOrigin = false): OriginVerdict =>
  new OriginPolicy(origins, sameOrigin).check(origin, host);

describe('origins', () => {
  test.each([
    ['https://app.example.com', 'https://app.example.com'],
    ['https://app.example.com', 'https://APP.example.com'],
    ['https://app.example.com/', 'https://app.example.com'],
    ['https://app.example.com:443', 'https://app.example.com'],
    ['http://app.example.com:80', 'http://app.example.com'],
    ['https://app.example.com:8443', 'https://app.example.com:8443'],
    ['https://*.example.com', 'https://a.example.com'],
    ['https://*.example.com', 'https://a.b-c.example.com'],
    ['https://*.example.com:*', 'https://a.example.com:99'],
    ['http://localhost:*', 'http://localhost'],
    ['http://localhost:*', 'http://localhost:5173'],
    ['http://[::1]:*', 'http://[::1]:5173'],
    ['http://127.0.0.1:3000', 'http://127.0.0.1:3000'],
    ['capacitor://localhost', 'capacitor://localhost'],
    ['file://', 'file://'],
    ['null', 'null'],
  ])('%s allows %s', (pattern, origin) => {
    expect(check([pattern], origin)).toBe('listed');
  });

  test.each([
    ['https://app.example.com', 'http://app.example.com'],
    ['https://app.example.com', 'https://app.example.com:8443'],
    ['https://app.example.com', 'https://app.example.com.evil.com'],
    ['https://app.example.com', 'https://appxexample.com'],
    ['https://*.example.com', 'https://example.com'],
    ['https://*.example.com', 'https://evilexample.com'],
    ['https://*.example.com', 'https://a.example.com.evil.com'],
    ['https://*.example.com', 'https://evil.com/.example.com'],
    ['https://*.example.com', 'https://evil.com#.example.com'],
    ['https://*.example.com', 'https://a.example.com:99'],
    ['https://*.example.com', 'http://a.example.com'],
    ['https://*.example.com', 'https://a.\u0435xample.com'],
    ['http://localhost:*', 'http://localhost:evil'],
    ['http://localhost:*', 'http://localhost.evil.com'],
    ['https://app.example.com', 'null'],
    ['https://app.example.com', ''],
  ])('%s does not allow %s', (pattern, origin) => {
    expect(check([pattern], origin)).toBe('denied');
  });

  test('no Origin is not checked; an empty list allows none', () => {
    expect(check([], undefined)).toBe('absent');
    expect(check([], 'https://app.example.com')).toBe('denied');
  });

  test('* is told apart from what is listed by name', () => {
    expect(check(['*', 'https://a.example'], 'https://a.example')).toBe('listed');
    expect(check(['*', 'https://a.example'], 'https://b.example')).toBe('any');
  });

  test('the own host counts only where it is wanted', () => {
    expect(check([], 'http://localhost:8000', 'localhost:8000', true)).toBe('listed');
    expect(check([], 'http://localhost:8001', 'localhost:8000', true)).toBe('denied');
    expect(check([], 'null', 'localhost:8000', true)).toBe('denied');
    expect(check([], 'http://localhost:8000', 'localhost:8000', false)).toBe('denied');
  });

  test.each([
    'app.example.com',
    'https://',
    'https://*',
    'https://a.*.com',
    'https://a.com/path',
    'https://a b',
    '',
    'https://a:b',
  ])('says that %j is no origin', (origin) => {
    expect(() => new OriginPolicy([origin], false)).toThrow(`origins: ${JSON.stringify(origin)} is not an origin`);
  });
});
