/** Two servers over one database, in this process, and people who are connected to the one or the other. */
import { chatSchema } from '../../packages/server/src/config/chat-schema.ts';
import { settle } from '../../packages/server/src/lib/clock.ts';
import { createChatModule, type ChatModule } from '../../packages/server/src/modules/chat/chat-module.ts';
import { systemActor, userActor } from '../../packages/server/src/modules/chat/testing/chat-fixture.ts';
import type { ModuleContext } from '../../packages/server/src/modules/module.ts';
import { createTestNodes, jwt, token } from '../../packages/server/src/testing/engine-fixture.ts';
import { memoryStore } from '../../packages/server/src/testing/map-nodes.ts';
import type { MemoryClient } from '../../packages/server/src/transports/memory.ts';

export interface ChatNodes extends AsyncDisposable {
  /** What was done has been told everywhere. */
  idle(): Promise<void>;
  /** Runs a command at the first node and waits until it was told. @param user empty: a back end. */
  run(user: string, command: string, input: object): Promise<unknown>;
  connect(user: string, at: number): Promise<MemoryClient>;
}

export async function createChatNodes(): Promise<ChatNodes> {
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
    idle,
    async run(user, name, input) {
      const command = chats[0]?.commands.find((one) => one.name === name);
      const output = await command?.run(user === '' ? systemActor : userActor(user), input);
      await idle();
      return output;
    },
    connect: (user, at) => nodes[at]?.connect({ token: token({ sub: user }) }) ?? Promise.reject(new Error('no node')),
    async [Symbol.asyncDispose]() {
      for (const node of nodes) await node.engine.stop();
    },
  };
}
