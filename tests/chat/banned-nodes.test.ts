/** Who is banned from everywhere sees no room from then on, at whichever node they are and whether or not they are a member. */
import { expect, test } from 'vitest';
import { chatSchema } from '../../packages/server/src/config/chat-schema.ts';
import { settle } from '../../packages/server/src/lib/clock.ts';
import { createChatModule, type ChatModule } from '../../packages/server/src/modules/chat/chat-module.ts';
import { systemActor, userActor } from '../../packages/server/src/modules/chat/testing/chat-fixture.ts';
import type { ModuleContext } from '../../packages/server/src/modules/module.ts';
import { createTestNodes, jwt, pushes, subscribe, token } from '../../packages/server/src/testing/engine-fixture.ts';
import { memoryStore } from '../../packages/server/src/testing/map-nodes.ts';
import type { MemoryClient } from '../../packages/server/src/transports/memory.ts';

test('a ban from everywhere ends all subscriptions of rooms, on every node', async () => {
  const chats: ChatModule[] = [];
  const factory = (context: ModuleContext): ChatModule => {
    const chat = createChatModule(chatSchema.parse({ enabled: true }), { periodicWork: false })(context);
    chats.push(chat);
    return chat;
  };
  const nodes = await createTestNodes(2, { store: memoryStore(), modules: [factory], config: { auth: { jwt } } });
  const run = async (user: string, name: string, input: object): Promise<void> => {
    const command = chats[0]?.commands.find((one) => one.name === name);
    await command?.run(user === '' ? systemActor : userActor(user), input);
    await chats[0]?.idle();
    for (let turn = 0; turn < 20; turn++) await settle();
  };
  const connect = (user: string, at: number): Promise<MemoryClient> =>
    nodes[at]?.connect({ token: token({ sub: user }) }) ?? Promise.reject(new Error('no node'));
  try {
    await run('anna', 'createRoom', { kind: 'group', id: 'group', members: ['ben'] });
    await run('anna', 'createRoom', { kind: 'public', id: 'public' });
    await run('', 'createRoom', { kind: 'livestream', id: 'live' });
    const [anna, ...both] = [await connect('anna', 1), await connect('ben', 0), await connect('ben', 1)];
    for (const ben of both) {
      for (const channel of ['chat:room:group', 'chat:room:public', 'chat:room:live', 'chat:user:ben']) {
        await subscribe(ben, channel);
      }
    }
    await subscribe(anna, 'chat:room:public');
    await run('', 'ban', { user: 'ben' });
    await run('anna', 'send', { room: 'public', text: 'without ben' });
    for (const ben of both) {
      const got = await pushes(ben);
      const ended = got.flatMap(({ channel, unsubscribe }) => (unsubscribe ? [`${channel} ${unsubscribe.code}`] : []));
      expect(ended.toSorted()).toEqual(['chat:room:group 2001', 'chat:room:live 2001', 'chat:room:public 2001']);
      const told = got.flatMap(({ channel, pub }) => (pub ? [channel] : []));
      expect(new Set(told)).toEqual(new Set(['chat:user:ben']));
      expect((await ben.request({ subscribe: { channel: 'chat:room:public' } })).error?.code).toBe(103);
    }
    expect((await pushes(anna)).filter(({ pub }) => pub)).toHaveLength(1);
  } finally {
    for (const node of nodes) await node.engine.stop();
  }
});
