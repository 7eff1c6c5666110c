/** Asks a running Tidings what a delivery looks like, so that the floor and plain `ws` carry the same bytes. */
import { LoadSocket } from '../packages/cli/src/bench/load-socket.ts';
import { mintBenchToken } from '../packages/cli/src/bench/bench-token.ts';
import { benchSecret, endpoints } from './contestants.ts';

const timeoutMs = 10_000;

/**
 * @returns the text of one push, `%s` where the payload's text goes.
 * @throws Error if none comes within 10 s.
 */
export async function capturePush(port: number): Promise<string> {
  const url = new URL(`ws://127.0.0.1:${port}${endpoints.tidings}`);
  const connect = JSON.stringify({ id: 1, connect: { token: mintBenchToken(benchSecret(), 'bench') } });
  const subscriber = await LoadSocket.open({ url, timeoutMs });
  const publisher = await LoadSocket.open({ url, timeoutMs });
  try {
    return await new Promise((resolve, reject) => {
      const answers: string[] = [];
      setTimeout(() => reject(new Error(`no push from Tidings; it said: ${answers.join(' ')}`)), timeoutMs).unref();
      const hear = (message: string) => {
        for (const line of message.split('\n')) {
          answers.push(line);
          if (line.startsWith('{"push"') && line.includes('%s')) resolve(line);
          if (line.includes('"subscribe"')) {
            publisher.send(`${connect}\n{"id":2,"publish":{"channel":"bench","data":{"t":"%s"}}}`);
          }
        }
      };
      const closed = (code: number, reason: string) => reject(new Error(`closed by Tidings: ${code} ${reason}`));
      subscriber.listen({ message: (data) => hear(data.toString()), closed });
      publisher.listen({ message: (data) => answers.push(data.toString()), closed });
      subscriber.send(`${connect}\n{"id":2,"subscribe":{"channel":"bench"}}`);
    });
  } finally {
    subscriber.destroy();
    publisher.destroy();
  }
}
