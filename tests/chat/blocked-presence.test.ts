/** Whoever is blocked sees the other as offline from then on, at whichever node they are, and is not told why. */
import { expect, test } from 'vitest';
import { pushes, subscribe, values } from '../../packages/server/src/testing/engine-fixture.ts';
import type { MemoryClient } from '../../packages/server/src/transports/memory.ts';
import { createChatNodes } from './chat-nodes.ts';

const channel = 'chat:presence:anna';
const online = { user: 'anna', status: 'online' };
const unseen = { user: 'anna', status: 'offline' };

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
  await using cluster = await createChatNodes();
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
  await using cluster = await createChatNodes();
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
