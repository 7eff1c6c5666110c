/** Identifiers. Client and session ids are unguessable: whoever knows a session id may speak for its connection. */
import { randomBytes, randomUUID } from 'node:crypto';

/** Unique id of a connection or node: a version 4 UUID. */
export function newId(): string {
  return randomUUID();
}

/** 192 random bits for what works like a password. */
export function newSecret(): string {
  return randomBytes(24).toString('base64url');
}

/** Short id of a stream's life: a client that holds another one must start over. */
export function newEpoch(): string {
  return randomBytes(6).toString('base64url');
}
