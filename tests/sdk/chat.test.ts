/**
 * Chat with the npm package `centrifuge`, over a real WebSocket: sending by RPC, receiving on the channel of the room,
 * and coming back after being away.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfigInput, Engine } from '@tidings/server';
import type { Centrifuge, PublicationContext, SubscribedContext, UnsubscribedContext } from 'centrifuge';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  collect,
  connect,
  flavours,
  fromData,
  jwt,
  secret,
  startServer,
  subscribe,
  toData,
  type Flavour,
} from './support.ts';

let dataDir: string;
let engine: Engine;

const config = (): ConfigInput => ({
  auth: { jwt: { hmacSecret: secret } },
  dataDir,
  chat: { enabled: true },
  limits: { recoveredPublications: 20, commandsPerSecondPerConnection: 0 },
  shutdown: { spread: '100ms' },
});

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tidings-sdk-chat-'));
  engine = await startServer({ config: config() });
});

afterAll(async () => {
  await engine.stop();
  await rm(dataDir, { recursive: true, force: true });
});

// What commands answer is looked at, not typed.
// eslint-disable-next-line typescript/no-explicit-any
type Answer = any;

class User {
  readonly client: Centrifuge;
  readonly #flavour: Flavour;

  constructor(flavour: Flavour, client: Centrifuge) {
    this.#flavour = flavour;
    this.client = client;
  }

  static async connect(flavour: Flavour, user: string, at: Engine = engine): Promise<User> {
    return new User(flavour, await connect(flavour, at, { token: jwt({ sub: user }) }));
  }

  /** Rejects with code and message. */
  async call(name: string, input: object): Promise<Answer> {
    const { data } = await this.client.rpc(`chat.${name}`, toData(this.#flavour, input));
    return fromData(this.#flavour, data);
  }

  /** Subscribes to the room, and collects what comes of it. */
  async enter(room: string) {
    const subscription = this.client.newSubscription(`chat:room:${room}`, {
      minResubscribeDelay: 20,
      maxResubscribeDelay: 200,
    });
    const publications = collect<PublicationContext>(subscription, 'publication');
    const subscribed = collect<SubscribedContext>(subscription, 'subscribed');
    const unsubscribed = collect<UnsubscribedContext>(subscription, 'unsubscribed');
    subscription.subscribe();
    await subscription.ready(10_000);
    await subscribed.next();
    const texts = (): string[] =>
      publications.all.flatMap(({ data }) => {
        const value = fromData(this.#flavour, data) as Answer;
        return value.type === 'message' ? [value.message.text] : [];
      });
    return { subscription, publications, subscribed, unsubscribed, texts };
  }
}

let rooms = 0;

/** A room of Anna with Ben in it. */
async function createRoom(anna: User): Promise<string> {
  const id = `room-${++rooms}`;
  await anna.call('createRoom', { kind: 'group', id, name: 'Group', members: ['ben'] });
  return id;
}

describe.each(flavours.map((flavour) => [flavour.name, flavour] as const))('%s', (_, flavour) => {
  test('two clients talk; one is away meanwhile, and gets what it missed', async () => {
    const [anna, ben] = [await User.connect(flavour, 'anna'), await User.connect(flavour, 'ben')];
    const room = await createRoom(anna);
    const [hers, his] = [await anna.enter(room), await ben.enter(room)];
    const { message } = await anna.call('send', { room, clientId: 'c1', text: 'hello' });
    await ben.call('send', { room, text: 'hi' });
    for (const seen of [hers, his]) {
      await seen.publications.take(2);
      expect(seen.texts()).toEqual(['hello', 'hi']);
    }
    expect(his.publications.all[0]?.offset).toBe(message.rev);

    ben.client.disconnect();
    await anna.call('edit', { room, seq: 1, text: 'hello!' });
    await anna.call('send', { room, text: 'still there?' });
    await anna.call('edit', { room, seq: 3, text: 'are you there?' });
    ben.client.connect();
    const back = await his.subscribed.next();
    expect([back.wasRecovering, back.recovered]).toEqual([true, true]);
    await his.publications.take(2);
    expect(his.texts()).toEqual(['hello', 'hi', 'hello!', 'are you there?']);
    await anna.call('send', { room, text: 'welcome back' });
    await his.publications.next();
    expect(his.texts().at(-1)).toBe('welcome back');
  });

  test('who was away too long starts over', async () => {
    const [anna, ben] = [await User.connect(flavour, 'anna'), await User.connect(flavour, 'ben')];
    const room = await createRoom(anna);
    const his = await ben.enter(room);
    ben.client.disconnect();
    for (let i = 1; i <= 30; i++) await anna.call('send', { room, text: `${i}` });
    ben.client.connect();
    const back = await his.subscribed.next();
    expect([back.wasRecovering, back.recovered]).toEqual([true, false]);
    expect(his.publications.all).toEqual([]);
    const { messages } = await ben.call('messages', { room, limit: 100 });
    expect(messages).toHaveLength(30);
    await anna.call('send', { room, text: 'now' });
    await his.publications.next();
    expect(his.texts()).toEqual(['now']);
  });

  test('who is kicked is unsubscribed for good', async () => {
    const [anna, ben] = [await User.connect(flavour, 'anna'), await User.connect(flavour, 'ben')];
    const room = await createRoom(anna);
    const his = await ben.enter(room);
    await anna.call('kick', { room, user: 'ben' });
    expect((await his.unsubscribed.next()).code).toBe(2001);
    await expect(ben.call('send', { room, text: 'but' })).rejects.toMatchObject({ code: 600 });
    await expect(subscribe(ben.client, `chat:user:anna`)).rejects.toBeDefined();
  });

  test('errors say what was wrong', async () => {
    const anna = await User.connect(flavour, 'anna');
    await expect(anna.call('send', { room: 'none', text: 'x' })).rejects.toMatchObject({
      code: 600,
      message: 'no such room: none',
    });
    await expect(anna.call('send', { rom: 'none' })).rejects.toMatchObject({
      code: 605,
      message: expect.stringContaining('unknown field rom'),
    });
    await expect(anna.call('sent', {})).rejects.toMatchObject({ code: 104 });
  });
});

test('a server that starts anew goes on where it was: clients recover by themselves', async () => {
  const flavour = flavours[0] as Flavour;
  const own = await mkdtemp(join(tmpdir(), 'tidings-sdk-chat-'));
  const first = await startServer({ config: { ...config(), dataDir: own } });
  const port = first.address?.port ?? 0;
  const [anna, ben] = [await User.connect(flavour, 'anna', first), await User.connect(flavour, 'ben', first)];
  const room = await createRoom(anna);
  const his = await ben.enter(room);
  await anna.call('send', { room, text: 'before' });
  await his.publications.next();
  const connected = collect(anna.client, 'connected');
  await first.stop();
  const second = await startServer({ port, config: { ...config(), dataDir: own } });
  try {
    await connected.next();
    const back = await his.subscribed.next();
    await anna.call('send', { room, text: 'after' });
    expect([back.wasRecovering, back.recovered]).toEqual([true, true]);
    while (!his.texts().includes('after')) await his.publications.next();
    expect(his.texts()).toEqual(['before', 'after']);
  } finally {
    await second.stop();
    await rm(own, { recursive: true, force: true });
  }
});
