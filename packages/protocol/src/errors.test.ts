import { describe, expect, test } from 'vitest';
import { closeCodes, isReconnectCode, unsubscribeCodes } from './close-codes.ts';
import { errors, ProtocolError } from './errors.ts';

const isUnique = (values: readonly unknown[]): boolean => new Set(values).size === values.length;

describe('codes', () => {
  test('errors have codes and messages of their own, in the range of the protocol', () => {
    const all = Object.values(errors);
    expect(isUnique(all.map(({ code }) => code))).toBe(true);
    expect(isUnique(all.map(({ message }) => message))).toBe(true);
    for (const { code } of all) expect(code >= 100 && code < 400).toBe(true);
  });

  test('close and unsubscribe codes are unique and a close frame can carry them', () => {
    const all = [...Object.values(closeCodes), ...Object.values(unsubscribeCodes)];
    expect(isUnique(all.map(({ code }) => code))).toBe(true);
    for (const { code } of Object.values(closeCodes)) expect(code >= 3000 && code < 5000).toBe(true);
    for (const { code } of Object.values(unsubscribeCodes)) expect(code >= 2000 && code < 3000).toBe(true);
    // A control frame holds 125 bytes, two of them the code (RFC 6455 §5.5).
    for (const { reason } of all) expect(new TextEncoder().encode(reason).length <= 123).toBe(true);
  });

  test.each([
    [1000, true],
    [3000, true],
    [3499, true],
    [3500, false],
    [3999, false],
    [4000, true],
    [4499, true],
    [4500, false],
    [4999, false],
    [5000, true],
  ])('after %i the client reconnects: %s', (code, reconnects) => {
    expect(isReconnectCode(code)).toBe(reconnects);
  });
});

describe('ProtocolError', () => {
  test('tells the client code and message, and keeps detail and cause to itself', () => {
    const cause = new Error('secret');
    const error = new ProtocolError(errors.internal, { detail: 'database is away', cause });
    expect(error.toMessage()).toEqual({ code: 100, message: 'internal server error', temporary: true });
    expect(error).toMatchObject({ detail: 'database is away', cause, name: 'ProtocolError' });
    expect(new ProtocolError(errors.badRequest).toMessage()).toEqual({ code: 107, message: 'bad request' });
  });
});
