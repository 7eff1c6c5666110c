/**
 * The connections of this node that receive over HTTP and send by `POST /emulation`, by session id. Who knows a session
 * id speaks for its connection, so the ids are secrets: 192 random bits, looked up and never listed.
 */
import { newSecret } from '../lib/ids.ts';
import type { SocketEvents } from './transport.ts';

export class SessionRegistry {
  readonly #sessions = new Map<string, SocketEvents>();

  get size(): number {
    return this.#sessions.size;
  }

  /** A session id nobody can guess; it reaches nobody until `open`. */
  newSession(): string {
    return newSecret();
  }

  /** From now on `deliver` reaches this connection. */
  open(session: string, events: SocketEvents): void {
    this.#sessions.set(session, events);
  }

  /** From now on `deliver` does not reach it any more. */
  close(session: string): void {
    this.#sessions.delete(session);
  }

  /**
   * Hands commands to a connection of this node.
   * @param frame commands in the codec of that connection.
   * @returns false if there is no such session here.
   */
  deliver(session: string, frame: string | Uint8Array): boolean {
    const events = this.#sessions.get(session);
    if (!events) return false;
    events.message(frame);
    return true;
  }
}
