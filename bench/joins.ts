/** How clients of the compared servers join: as little as each protocol asks for. */
import { LoadSocket } from '../packages/cli/src/bench/load-socket.ts';
import type { Join, Member } from '../packages/cli/src/bench/member.ts';

const timeoutMs = 30_000;

interface Dialect {
  /** Sent when the WebSocket is open. */
  readonly hello: string;
  /** What to answer a message with; undefined: nothing; `joined` ends the joining. */
  readonly answer: (message: string) => string | undefined;
  readonly joined: string;
}

const dialects: Record<'ws' | 'socket.io', Dialect> = {
  ws: { hello: 'subscribe', joined: 'subscribed', answer: () => undefined },
  'socket.io': {
    hello: '40',
    joined: '430[]',
    answer: (message) => {
      if (message === '2') return '3';
      return message.startsWith('40') ? '420["subscribe","bench"]' : undefined;
    },
  },
};

/** @throws Error if the server refuses or is silent. */
export function joinOf(name: 'ws' | 'socket.io', url: URL): Join {
  const dialect = dialects[name];
  return async () => {
    const socket = await LoadSocket.open({ url, timeoutMs });
    return await new Promise<Member>((resolve, reject) => {
      let closed: string | undefined;
      let gone: () => void = () => {};
      const whenGone = new Promise<void>((done) => (gone = done));
      const timer = setTimeout(() => reject(new Error('no answer to subscribe')), timeoutMs);
      const member: Member = {
        get closed() {
          return closed;
        },
        leave: async () => {
          socket.close();
          const patience = setTimeout(() => socket.destroy(), timeoutMs);
          await whenGone;
          clearTimeout(patience);
        },
        cut: () => socket.destroy(),
      };
      socket.listen({
        message: (data) => {
          const message = data.toString();
          if (message === dialect.joined) {
            clearTimeout(timer);
            resolve(member);
          }
          const answer = dialect.answer(message);
          if (answer !== undefined) socket.send(answer);
        },
        closed: (code, reason) => {
          closed = `closed by the server: ${code} ${reason}`;
          clearTimeout(timer);
          reject(new Error(closed));
          gone();
        },
      });
      socket.send(dialect.hello);
    });
  };
}
