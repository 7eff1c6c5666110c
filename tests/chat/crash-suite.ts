/**
 * A server that is killed at random moments while people write: what was acknowledged is there, once, in one order for
 * all; who was subscribed has seen each message once; nothing is counted wrong; the application has heard of everything.
 */
import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigInput } from '@tidings/server';
import { Centrifuge, type PublicationContext, type SubscribedContext } from 'centrifuge';
import { expect } from 'vitest';
import { WebSocket } from 'ws';
import { roomChannel } from '../../packages/server/src/modules/chat/channel-names.ts';
import type { Membership, Message, RoomPublication } from '../../packages/server/src/modules/chat/model.ts';
import { until } from '../bad-input/peers.ts';
import type { Application } from '../operation/application.ts';
import type { TidingsProcess } from '../support/tidings-process.ts';

export const secret = 'a secret of more than thirty-two bytes';
export const apiKey = 'the key of the server api';
export const rooms = ['north', 'south'] as const;
export const users = ['anna', 'ben', 'cleo', 'dora'] as const;

/** Configuration of the servers that are killed. */
export const crashConfig = {
  chat: { enabled: true },
  auth: { jwt: { hmacSecret: secret } },
  api: { keys: [apiKey] },
  limits: { recoveredPublications: 100_000, commandsPerSecondPerConnection: 0, errorsPerConnection: 0 },
} satisfies ConfigInput;

/** A generator of numbers from 0 to 1 that a seed repeats (mulberry32, public domain). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function tokenOf(user: string): string {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const signed = `${encode({ alg: 'HS256' })}.${encode({ sub: user })}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

/** An answer of the server API: a result, or an error with its code. */
export interface ApiAnswer {
  // What commands answer is looked at, not typed.
  // eslint-disable-next-line typescript/no-explicit-any
  readonly result?: any;
  readonly error?: { readonly code: number; readonly message: string };
}

/** Calls a command over HTTP. @throws if the server does not answer. */
export async function api(url: string, command: string, input: object, as?: string): Promise<ApiAnswer> {
  const response = await fetch(`${url}/api/chat/${command}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': apiKey },
    body: JSON.stringify({ ...input, ...(as !== undefined && { as }) }),
    signal: AbortSignal.timeout(10_000),
  });
  return (await response.json()) as ApiAnswer;
}

/** The result. @throws Error for an error. */
export async function ask(url: string, command: string, input: object, as?: string): Promise<ApiAnswer['result']> {
  const { result, error } = await api(url, command, input, as);
  if (error) throw new Error(`${command}: ${error.code} ${error.message}`);
  return result;
}

/** What a subscriber has seen of a room. */
interface Watch {
  readonly user: string;
  readonly room: string;
  /** Seqs in the order in which they came. */
  readonly seen: number[];
  recoveries: number;
  resets: number;
}

/** One user with one connection, who writes and reads. */
export class Writer {
  readonly user: string;
  readonly watches: Watch[];
  /** What was acknowledged: client id → the message. */
  readonly acknowledged = new Map<string, Message>();
  retries = 0;
  readonly #url: string;
  readonly #client: Centrifuge;
  readonly #random: () => number;
  #count = 0;
  #running = true;
  #work: Promise<unknown> = Promise.resolve();

  constructor(user: string, url: string, random: () => number) {
    this.user = user;
    this.#url = url;
    this.#random = random;
    this.#client = new Centrifuge(`${url.replace('http', 'ws')}/connection/websocket`, {
      token: tokenOf(user),
      websocket: WebSocket,
      minReconnectDelay: 20,
      maxReconnectDelay: 100,
      timeout: 3_000,
    });
    this.watches = rooms.map((room) => this.#watch(room));
  }

  #watch(room: string): Watch {
    const watch: Watch = { user: this.user, room, seen: [], recoveries: 0, resets: 0 };
    const subscription = this.#client.newSubscription(roomChannel(room), {
      recoverable: true,
      positioned: true,
      minResubscribeDelay: 20,
      maxResubscribeDelay: 100,
    });
    subscription.on('subscribed', (context: SubscribedContext) => {
      if (context.wasRecovering && context.recovered) watch.recoveries++;
      if (context.wasRecovering && !context.recovered) watch.resets++;
    });
    subscription.on('publication', ({ data }: PublicationContext) => {
      const publication = data as RoomPublication;
      if (publication.type === 'message') watch.seen.push(publication.message.seq);
    });
    subscription.subscribe();
    return watch;
  }

  /** Connects, and resolves when it is subscribed to all rooms. */
  async start(): Promise<void> {
    this.#client.connect();
    await Promise.all(Object.values(this.#client.subscriptions()).map((subscription) => subscription.ready(10_000)));
  }

  /** Writes until told to stop: some messages at once, over the socket and over HTTP. */
  write(): void {
    this.#work = Promise.all(Array.from({ length: 3 }, (_, lane) => this.#writeLane(lane)));
  }

  /** Resolves when everything begun was acknowledged. */
  async stopWriting(): Promise<void> {
    this.#running = false;
    await this.#work;
  }

  disconnect(): void {
    this.#client.disconnect();
  }

  async #writeLane(lane: number): Promise<void> {
    while (this.#running) {
      const clientId = `${this.user}-${this.#count++}`;
      const room = rooms[Math.floor(this.#random() * rooms.length)] ?? rooms[0];
      const input = { room, clientId, text: `message ${clientId}` };
      for (;;) {
        const message = await this.#try(lane === 0 ? 'http' : 'rpc', input);
        if (message) {
          this.acknowledged.set(clientId, message);
          break;
        }
        this.retries++;
        await sleep(10 + this.#random() * 40);
      }
      await sleep(this.#random() * 8);
    }
  }

  /** @returns undefined if nobody said that it was stored. */
  async #try(way: 'http' | 'rpc', input: object): Promise<Message | undefined> {
    try {
      if (way === 'http') {
        const { result, error } = await api(this.#url, 'send', input, this.user);
        if (error && !(error.code === 100 || error.code === 619)) throw new Refused(`${error.code} ${error.message}`);
        return (result as { message: Message } | undefined)?.message;
      }
      const { data } = await this.#client.rpc('chat.send', input);
      return (data as { message: Message }).message;
    } catch (error) {
      // Below 100 are the SDK's own: no connection, no answer in time.
      const code = (error as { code?: unknown }).code;
      if (error instanceof Refused || (typeof code === 'number' && code >= 100 && code !== 619)) throw error;
      return undefined;
    }
  }
}

/** The server said no, where it should have said yes or not yet. */
class Refused extends Error {}

/** Makes the rooms, and a writer for each user. */
export async function startWriters(url: string, random: () => number): Promise<Writer[]> {
  const [owner, ...members] = users;
  for (const room of rooms) await ask(url, 'createRoom', { kind: 'group', id: room, members }, owner);
  const writers = users.map((user) => new Writer(user, url, random));
  await Promise.all(writers.map((writer) => writer.start()));
  for (const writer of writers) writer.write();
  return writers;
}

/** All messages of a room as a user reads them, page by page. */
async function readAll(url: string, room: string, user: string): Promise<Message[]> {
  const messages: Message[] = [];
  for (;;) {
    const page = await ask(url, 'messages', { room, after: messages.at(-1)?.seq ?? 0, limit: 100 }, user);
    messages.push(...(page.messages as Message[]));
    if (!page.hasAfter) return messages;
  }
}

/** Compares what everybody was told, has seen and can read. */
export async function checkAll(server: TidingsProcess, writers: readonly Writer[]): Promise<Map<string, number>> {
  const lengths = new Map<string, number>();
  for (const room of rooms) {
    const [messages = [], ...others] = await Promise.all(users.map((user) => readAll(server.url, room, user)));
    for (const other of others) expect(other).toEqual(messages);
    lengths.set(room, messages.length);
    const order = messages.map((_, at) => at + 1);
    expect(
      messages.map(({ seq }) => seq),
      'without a hole',
    ).toEqual(order);
    const byClientId = new Map(messages.map((message) => [message.clientId, message]));
    expect(byClientId.size, 'nothing twice').toBe(messages.length);
    for (const writer of writers) {
      for (const [clientId, { room: where, seq, id, text }] of writer.acknowledged) {
        if (where === room) expect(byClientId.get(clientId), clientId).toMatchObject({ seq, id, text });
      }
      const watch = writer.watches.find((one) => one.room === room);
      await until(
        () => (watch?.seen.length ?? 0) >= messages.length,
        `${writer.user} sees all of ${room}`,
        15_000,
      ).catch(
        // The comparison says what is missing.
        () => {},
      );
      expect(watch?.seen, `what ${writer.user} saw of ${room}`).toEqual(order);
      const { membership } = (await ask(server.url, 'room', { room }, writer.user)) as { membership: Membership };
      const unread = messages.filter(({ seq }) => seq > membership.readSeq).length;
      expect(membership.unread, `unread of ${writer.user} in ${room}`).toBe(unread);
    }
  }
  return lengths;
}

/**
 * The application has heard of every message, and first in order.
 * @param ordered false where what a dead node left behind is told by others when it has waited a while.
 */
export async function checkEvents(
  application: Application,
  lengths: ReadonlyMap<string, number>,
  { ordered = true } = {},
): Promise<void> {
  const heard = (room: string): number[] => {
    const sent = application.ofType('chat.message.sent') as unknown as { data: { message: Message } }[];
    return [...new Set(sent.flatMap(({ data: { message } }) => (message.room === room ? [message.seq] : [])))];
  };
  for (const [room, length] of lengths) {
    await until(() => heard(room).length >= length, `the application hears all of ${room}`, 20_000).catch(() => {});
    const all = ordered ? heard(room) : heard(room).toSorted((a, b) => a - b);
    expect(all, `events of ${room}`).toEqual(Array.from({ length }, (_, at) => at + 1));
  }
}
