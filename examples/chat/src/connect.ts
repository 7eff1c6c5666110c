/** The client of one person: where the server is, and how a token is asked for again before it expires. */
import { createClient, type TidingsClient } from '@tidings/client';
import { renewToken, SignInError } from './people/sign-in.ts';

/** @param onUnknown called when the server does not know the person any more. */
export function connect(user: string, onUnknown: () => void): TidingsClient {
  const client = createClient({
    url: location.origin,
    // What this device remembers is shown before the token is there.
    user,
    // A developer who restarts the server does not want to wait.
    maxReconnectDelayMs: 4_000,
    async getToken() {
      try {
        return (await renewToken(user)).token;
      } catch (error) {
        if (!(error instanceof SignInError) || error.status !== 404) throw error;
        onUnknown();
        // None is to be had: the client closes.
        return '';
      }
    },
  });
  client.connect();
  return client;
}
