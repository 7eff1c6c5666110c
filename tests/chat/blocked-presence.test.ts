/** Whoever is blocked sees the other as offline from then on, at whichever node they are, and is not told why. */
import { expect, test } from 'vitest';
import { chatSchema } from '../../packages/server/src/config/chat-schema.ts';
import { settle } from '../../packages/server/src/lib/clock.ts';
import { createChatModule, type ChatModule } from '../../packages/server/src/modules/chat/chat-module.ts';
import { systemActor, userActor } from '../../packages/server/src/modules/chat/testing/chat-fixture.ts';
import type { ModuleContext } from '../../packages/server/src/modules/module.ts';
import {
  createTestNodes,
  jwt,
  pushes,
  subscribe,
  token,
  values,
} from '../../packages/server/src/testing/engine-fixture.ts';
import { memoryStore } from '../../packages/server/src/testing/map-nodes.ts';
import type { MemoryClient } from '../../packages/server/src/transports/memory.ts';

const channel = 'chat:presence:anna';
const online = { user: 'anna', status: 'online' };
const unseen = { user: 'anna', status: 'offline' };

async function createNodes() {
  const chats: ChatModule[] = [];
  const factory = (context: ModuleContext): ChatModule => {
    const chat = createChatModule(chatSchema.parse({ enabled: true }), { periodicWork: false })(context);
    chats.push(chat);
    return chat;
  };
  const nodes = await createTestNodes(2, { store: memoryStore(), modules: [factory], config: { auth: { jwt } } });
  const idle = async (): Promise<void> => {
    for (let round = 0; round < 3; round++) {
      for (const chat of chats) await chat.idle();
      for (let turn = 0; turn < 20; turn++) await settle();
    }
  };
  return {
    nodes,
    idle,
    async run(user: string, name: string, input: object): Promise<unknown> {
      const command = chats[0]?.commands.find((one) => one.name === name);
      const output = await command?.run(user === '' ? systemActor : userActor(user), input);
      await idle();
      return output;
    },
    connect: (user: string, at: number): Promise<MemoryClient> =>
      nodes[at]?.connect({ token: token({ sub: user }) }) ?? Promise.reject(new Error('no node')),
    async [Symbol.asyncDispose]() {
      for (const node of nodes) await node.engine.stop();
    },
  };
}

/** What the client was told of anna's presence. */
async function toldOf(client: MemoryClient): Promise<unknown[]> {
  return (await pushes(client))
    .filter((push) => push.channel === channel)
    .map(({ pub, unsubscribe }) => (pub ? values([pub])[0] : unsubscribe?.code));
}

/** As SDKs do when they are told to begin anew. @returns what came with the subscription, and right behind it. */
async function again(client: MemoryClient): Promise<unknown[]> {
  const { publications } = await subscribe(client, channel);
  return [...values(publications), ...(await toldOf(client))];
}

test('who is blocked sees the other as offline, on every node, until the block is lifted', async () => {
  await using cluster = await createNodes();
  const { run, connect, idle } = cluster;
  const anna = await connect('anna', 0);
  await subscribe(anna, 'chat:user:anna');
  await idle();
  const bens = [await connect('ben', 0), await connect('ben', 1)];
  const cleo = await connect('cleo', 1);
  for (const client of [...bens, cleo]) expect(await again(client)).toEqual([online]);

  await run('anna', 'block', { user: 'ben' });
  for (const ben of bens) {
    expect(await toldOf(ben)).toEqual([2502]);
    expect(await again(ben)).toEqual([unseen]);
    expect((await ben.request({ history: { channel, limit: 1 } })).error?.code).toBe(103);
  }
  expect((await cleo.request({ history: { channel, limit: 1 } })).error?.code).toBe(103);
  await run('anna', 'setProfile', { invisible: true });
  await run('anna', 'setProfile', { invisible: false });
  expect(await toldOf(cleo)).toEqual([unseen, online]);
  for (const ben of bens) expect(await toldOf(ben)).toEqual([]);
  // Blocking again changes nothing, nor does who blocks somebody else.
  await run('anna', 'block', { user: 'ben' });
  await run('anna', 'block', { user: 'dora' });
  for (const client of [...bens, cleo]) expect(await toldOf(client)).toEqual([]);

  await run('anna', 'unblock', { user: 'ben' });
  for (const ben of bens) {
    expect(await toldOf(ben)).toEqual([2502]);
    expect(await again(ben)).toEqual([online]);
  }
  expect(await toldOf(cleo)).toEqual([]);
});

test('whoever subscribes while they are blocked is given nothing of the other', async () => {
  await using cluster = await createNodes();
  const { run, connect, idle } = cluster;
  const anna = await connect('anna', 0);
  await subscribe(anna, 'chat:user:anna');
  await idle();
  const ben = await connect('ben', 1);
  const [, subscribed] = await Promise.all([run('anna', 'block', { user: 'ben' }), subscribe(ben, channel)]);
  await idle();
  const told = [...values(subscribed.publications), ...(await toldOf(ben))];
  // Either it began before the block and was told to begin anew, or behind it.
  expect([[online, 2502], [unseen]]).toContainEqual(told);
  if (told.includes(2502)) expect(await again(ben)).toEqual([unseen]);
});
