/** Who is banned from everywhere sees no room from then on, at whichever node they are and whether or not they are a member. */
import { expect, test } from 'vitest';
import { pushes, subscribe } from '../../packages/server/src/testing/engine-fixture.ts';
import { createChatNodes } from './chat-nodes.ts';

test('a ban from everywhere ends all subscriptions of rooms, on every node', async () => {
  await using cluster = await createChatNodes();
  const { run, connect } = cluster;
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
});
