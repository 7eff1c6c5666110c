import { expect, test } from 'vitest';
import { chatSchema } from '../../config/chat-schema.ts';
import { createChatModule } from './chat-module.ts';
import { createChat, userActor } from './testing/chat-fixture.ts';

test('every command has its own name and an example that it takes', async () => {
  await using chat = await createChat();
  const { commands } = chat.module;
  expect(new Set(commands.map(({ name }) => name)).size).toBe(commands.length);
  for (const { name, input, example } of commands) {
    expect(input.safeParse(example), name).toMatchObject({ success: true });
    expect(input.safeParse({ ...(example as object), unknownField: 1 }).success, name).toBe(false);
  }
});

test('a permission that is no rule stops the start, by name', () => {
  const config = chatSchema.parse({ permissions: { send: 'membr.role == "owner"' } });
  expect(() => createChatModule(config)).toThrow(/^chat\.permissions\.send: found .*membr/);
});

test('a room is for who may read it, a user channel for that user alone, and nobody publishes', async () => {
  await using chat = await createChat();
  await chat.room({ members: ['anna'] });
  const decide = async (user: string, channel: string, action: 'subscribe' | 'publish', variables: object) => {
    const found = chat.module.channels.find(({ pattern }) => pattern === channel);
    return (await found?.decide(userActor(user), action, variables as never))?.allow;
  };
  const room = { room: 'room' };
  expect(await decide('anna', 'chat:room:{room}', 'subscribe', room)).toBe(true);
  expect(await decide('ben', 'chat:room:{room}', 'subscribe', room)).toBe(false);
  expect(await decide('anna', 'chat:room:{room}', 'subscribe', { room: 'nowhere' })).toBe(false);
  expect(await decide('anna', 'chat:room:{room}', 'publish', room)).toBe(false);
  expect(await decide('anna', 'chat:user:{user}', 'subscribe', { user: 'anna' })).toBe(true);
  expect(await decide('anna', 'chat:user:{user}', 'subscribe', { user: 'ben' })).toBe(false);
  expect(await decide('', 'chat:user:{user}', 'subscribe', { user: '' })).toBe(false);
});

test('draining waits for what was begun, but not for ever', async () => {
  let begun = () => {};
  const publishing = new Promise<void>((resolve) => (begun = resolve));
  const publish = () => {
    begun();
    return new Promise<void>(() => {});
  };
  await using chat = await createChat({ context: { publish } });
  await chat.room({ members: ['anna'] });
  void chat.as('anna')('send', { room: 'room', text: 'x' });
  await publishing;
  const until = new AbortController();
  const drained = chat.module.drain!(until.signal);
  const first = await Promise.race([drained.then(() => 'drained'), new Promise((resolve) => setTimeout(resolve, 50))]);
  expect(first).toBeUndefined();
  until.abort();
  await drained;
});
