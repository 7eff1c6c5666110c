/**
 * Signing in at `tidings dev`: anybody may be anybody. An app of your own asks its back end here, which knows who is
 * signed in and signs the token with the secret that it shares with Tidings.
 */
import type { Person } from './identity.ts';

export interface SignedIn extends Person {
  readonly token: string;
}

/** The person is not known to the server any more, or may not sign in. */
export class SignInError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'SignInError';
    this.status = status;
  }
}

/** @throws SignInError for what the server refuses; TypeError without a network. */
export const signIn = (name: string): Promise<SignedIn> => post('dev/sign-in', { name });

/** A fresh token for somebody who is signed in. @throws like `signIn` */
export const renewToken = (user: string): Promise<SignedIn> => post('dev/token', { user });

async function post(path: string, body: unknown): Promise<SignedIn> {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  const answer = (await response.json().catch(() => ({}))) as Partial<SignedIn> & { error?: { message?: string } };
  if (!response.ok) throw new SignInError(response.status, answer.error?.message ?? `status ${response.status}`);
  return answer as SignedIn;
}
