/** The client against a real server over real sockets: what an application does, and what two people see. */
import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine, createLogger, type Engine } from '@tidings/server';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { until } from './chat/testing/until.ts';
import { createClient, type ClientOptions, type TidingsClient } from './client.ts';

const secret = 'a secret of more than thirty-two bytes';
let dataDir: string;
let engine: Engine;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tidings-client-'));
  engine = createEngine({
    logger: createLogger('silent'),
    config: {
      auth: { jwt: { hmacSecret: secret } },
      dataDir,
      chat: { enabled: true },
      listen: { host: '127.0.0.1', port: 0 },
      shutdown: { spread: '100ms' },
    },
  });
  await engine.start();
});

afterAll(async () => {
  await engine.stop();
  await rm(dataDir, { recursive: true, force: true });
});

function token(sub: string): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub })}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

async function connect(user: string, options: Partial<ClientOptions> = {}): Promise<TidingsClient> {
  const client = createClient({
    url: `http://127.0.0.1:${engine.address?.port}`,
    token: token(user),
    storage: 'memory',
    ...options,
  });
  onTestFinished(() => client.close());
  client.connect();
  await until(client.chat.rooms, ({ status }) => status === 'live');
  return client;
}

let made = 0;
const newRoom = (): string => `room-${++made}`;

test('two people talk: rooms, messages, typing, presence', async () => {
  const [anna, ben] = [await connect('anna'), await connect('ben')];
  await anna.chat.setProfile({ name: 'Anna' });
  const id = newRoom();
  const view = await anna.chat.createRoom({ kind: 'group', id, name: 'Weekend', members: ['ben'] });
  expect(view).toMatchObject({ id, title: 'Weekend', unread: 0 });
  await until(ben.chat.rooms, ({ rooms }) => rooms.some((room) => room.id === id));

  const [hers, his] = [anna.chat.room(id), ben.chat.room(id)];
  await until(his.messages, ({ status }) => status === 'live');
  const key = hers.send({ text: 'Who is coming?' });
  expect(hers.messages.get().messages.at(-1)).toMatchObject({ key, state: 'sending', text: 'Who is coming?' });
  await until(hers.messages, ({ messages }) => messages.at(-1)?.state === 'sent' && messages.at(-1)?.key === key);
  await until(his.messages, ({ messages }) => messages.at(-1)?.text === 'Who is coming?');
  await until(ben.chat.rooms, ({ rooms }) => rooms.find((room) => room.id === id)?.unread === 1);

  his.setTyping('M');
  await until(hers.typing, (users) => users.includes('ben'));
  his.send({ text: 'Me!' });
  await until(hers.messages, ({ messages }) => messages.at(-1)?.text === 'Me!');
  expect(hers.typing.get()).toEqual([]);

  const presence = anna.chat.presence('ben');
  const stop = presence.subscribe(() => undefined);
  await until(presence, ({ status }) => status === 'online');
  stop();

  his.setVisible(true);
  hers.setVisible(true);
  await until(hers.messages, ({ messages }) => messages.find((message) => message.key === key)?.state === 'read');

  await his.react(1, '👍');
  await until(hers.messages, ({ messages }) => messages[0]?.reactions[0]?.count === 1);
  expect(his.messages.get().messages[0]?.reactions).toEqual([{ emoji: '👍', count: 1, isOwn: true }]);
  expect(hers.messages.get().messages[0]?.reactions).toEqual([{ emoji: '👍', count: 1, isOwn: false }]);
});
