/** The client of the page: from the server that the page comes from, for somebody who says a name. */
import { createClient, type TidingsClient } from '@tidings/client';

/** Development mode signs in whoever says a name. An app asks its own back end. */
export function connect(name: string): TidingsClient {
  const client = createClient({
    url: location.origin,
    async getToken() {
      const answer = await fetch('/dev/sign-in', { method: 'POST', body: JSON.stringify({ name }) });
      if (answer.status === 400) return '';
      if (!answer.ok) throw new Error(`sign-in: ${answer.status}`);
      return ((await answer.json()) as { token: string }).token;
    },
  });
  client.connect();
  return client;
}
