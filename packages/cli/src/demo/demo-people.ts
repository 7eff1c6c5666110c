/** Who is signed in to the demo: people by their name, who find rooms and a greeting when they come for the first time. */
import { ProtocolError } from '@tidings/protocol';
import { HttpError, type Engine } from '@tidings/server';
import { mintToken, requiredClaims, type JwtSettings } from '../mint-token.ts';

/** Short, so that whoever tries the demo sees tokens being renewed. */
const tokenTtlMs = 15 * 60_000;
const maxNameLength = 64;

/** What people find who come for the first time. */
export interface Welcome {
  /** Rooms that they are brought into. */
  readonly rooms: readonly WelcomeRoom[];
  /** Who greets them in a direct room, the first of these that is somebody else. */
  readonly hosts: readonly string[];
  /** The greeting, one message each; `{name}` stands for theirs. */
  readonly greeting: readonly string[];
}

export interface WelcomeRoom {
  readonly room: string;
  /** So many of the latest messages are unread. */
  readonly unread?: number;
  /** Said by a host in this room, with a mention. */
  readonly mention?: string;
}

export interface SignedIn {
  readonly user: string;
  readonly name: string;
  readonly token: string;
  readonly expiresAt: number;
}

interface Profile {
  readonly id: string;
  readonly name?: string;
  readonly data?: { readonly welcomed?: boolean } | null;
}

export interface DemoPeopleOptions {
  readonly engine: Pick<Engine, 'call'>;
  readonly jwt: Pick<JwtSettings, 'issuer' | 'audience'> & { readonly hmacSecret: string };
  /** Without seeds there is none. */
  readonly welcome: Welcome | undefined;
}

export class DemoPeople {
  readonly #options: DemoPeopleOptions;

  constructor(options: DemoPeopleOptions) {
    this.#options = options;
  }

  /**
   * The same name is the same person.
   * @throws HttpError 400 for a name that cannot be one.
   */
  async signIn(given: string): Promise<SignedIn> {
    const name = given.trim().replace(/\s+/g, ' ');
    const user = userIdOf(name);
    const known = await this.#profile(user);
    if (known?.name === undefined) await this.#upsert({ id: user, name });
    if (known?.data?.welcomed !== true) await this.#welcome(user, known?.name ?? name);
    return this.#signed(user, known?.name ?? name);
  }

  /** @throws HttpError 404 for somebody who never signed in, or whose data is gone. */
  async renew(user: string): Promise<SignedIn> {
    const known = isUserId(user) ? await this.#profile(user) : undefined;
    if (!known) throw new HttpError(404, 'nobody of this id has signed in');
    return this.#signed(user, known.name ?? user);
  }

  async #signed(user: string, name: string): Promise<SignedIn> {
    const { jwt } = this.#options;
    const token = await mintToken({ sub: user, ...requiredClaims(jwt) }, jwt.hmacSecret, tokenTtlMs);
    return { user, name, token, expiresAt: Date.now() + tokenTtlMs };
  }

  async #profile(user: string): Promise<Profile | undefined> {
    const { users } = (await this.#call('chat.users', { ids: [user] })) as { users: readonly Profile[] };
    return users[0];
  }

  /** Each step may be repeated, and the mark that it was done comes last: a crash in between leaves nothing half done. */
  async #welcome(user: string, name: string): Promise<void> {
    const { welcome } = this.#options;
    if (!welcome) return;
    const { users } = (await this.#call('chat.users', { ids: welcome.hosts })) as { users: readonly Profile[] };
    const host = welcome.hosts.find((one) => one !== user && users.some(({ id }) => id === one));
    for (const room of welcome.rooms) {
      // It may be gone, or the person may have been put out of it.
      await this.#bringInto(room, user, name, host).catch((error: unknown) => {
        if (!(error instanceof ProtocolError) || error.temporary) throw error;
      });
    }
    if (host !== undefined) await this.#greet(welcome.greeting, user, name, host);
    await this.#upsert({ id: user, data: { welcomed: true } });
  }

  async #bringInto(
    { room, unread = 0, mention }: WelcomeRoom,
    user: string,
    name: string,
    host?: string,
  ): Promise<void> {
    await this.#call('chat.join', { room }, user);
    if (mention !== undefined && host !== undefined) {
      const text = mention.replaceAll('{name}', name);
      await this.#call('chat.send', { room, clientId: `welcome-${user}`, text, mentions: { users: [user] } }, host);
    }
    if (unread === 0) return;
    const page = (await this.#call('chat.messages', { room, limit: unread }, user)) as {
      readonly messages: readonly { readonly seq: number }[];
    };
    const first = page.messages[0];
    if (first) await this.#call('chat.markUnread', { room, seq: first.seq }, user);
  }

  async #greet(greeting: readonly string[], user: string, name: string, host: string): Promise<void> {
    const made = (await this.#call('chat.createRoom', { kind: 'direct', peer: user }, host)) as {
      readonly room: { readonly id: string };
    };
    for (const [i, text] of greeting.entries()) {
      const clientId = `welcome-${i}`;
      await this.#call('chat.send', { room: made.room.id, clientId, text: text.replaceAll('{name}', name) }, host);
    }
  }

  #upsert(user: { readonly id: string; readonly name?: string; readonly data?: unknown }): Promise<unknown> {
    return this.#call('chat.upsertUsers', { users: [user] });
  }

  #call(command: string, input: unknown, as?: string): Promise<unknown> {
    return this.#options.engine.call(command, input, as === undefined ? {} : { as });
  }
}

/**
 * The id that goes with a name: letters and digits of any script, in lower case, joined by hyphens.
 * @throws HttpError 400 for a name without any, or one that is too long.
 */
export function userIdOf(name: string): string {
  if (name.length > maxNameLength) throw new HttpError(400, `name: ${maxNameLength} characters at most`);
  const id = name
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}]+/gu, '-')
    .replace(/^-+|-+$/g, '');
  if (!isUserId(id)) throw new HttpError(400, 'name: expected at least one letter or digit');
  return id;
}

function isUserId(id: string): boolean {
  return /^[\p{L}\p{N}\p{M}-]{1,128}$/u.test(id) && /[\p{L}\p{N}]/u.test(id);
}
