import { FakeClock } from '@tidings/server/testing';
import { expect, test } from 'vitest';
import type { ChatCache } from './cache/chat-cache.ts';
import { createScriptedContext } from './testing/scripted-context.ts';
import { UserChannel } from './user-channel.ts';

function create() {
  const clock = new FakeClock();
  const scripted = createScriptedContext(clock);
  const writes: string[] = [];
  const remember = (write: (cache: ChatCache) => Promise<unknown>): void => {
    const noting = new Proxy(scripted.cache, {
      get: (cache, name: keyof ChatCache) => {
        writes.push(String(name));
        return Reflect.get(cache, name) as unknown;
      },
    });
    void write(noting);
  };
  const context = { ...scripted, remember };
  const lines = { isCurrent: false };
  const ended: number[] = [];
  const channel = new UserChannel(context, 'me', undefined, {
    live: () => undefined,
    heard: () => undefined,
    isCurrent: () => lines.isCurrent,
    keep: () => remember((cache) => cache.putRooms([])),
    ended: ({ code }) => ended.push(code),
  });
  const { listener } = scripted.channels.get('chat:user:me')!;
  return { clock, scripted, channel, listener, lines, writes, ended };
}

test('a position is kept behind the lines it stands for, and not while lines are still asked for', async () => {
  const { clock, scripted, listener, lines, writes } = create();
  listener.subscribed({ recovered: false, position: { offset: 3, epoch: 'e' } });
  listener.publication({ type: 'roomGone', room: 'r' }, 4);
  await clock.advance(60_000);
  expect(writes).toEqual([]);
  lines.isCurrent = true;
  await clock.advance(2_000);
  expect(writes).toEqual(['putRooms', 'putPosition']);
  expect((await scripted.cache.load()).position).toEqual({ offset: 4, epoch: 'e' });
});
