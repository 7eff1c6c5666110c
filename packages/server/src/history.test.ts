import type { HistoryRequest } from '@tidings/protocol';
import { describe, expect, test } from 'vitest';
import type { ConfigInput } from './config/schema.ts';
import { codeOf, jwt, open, recoverable, subscribe, token, values } from './testing/engine-fixture.ts';
import { createTestEngine, type TestEngine } from './testing.ts';

const channels: NonNullable<ConfigInput['channels']> = {
  stream: recoverable,
  none: open,
  members: { ...recoverable, allow: { subscribe: 'anyone', history: 'subscribers' } },
  closed: { history: { size: 10 } },
  off: {},
  'team#{users}': { history: { size: 10 }, allow: { history: 'authenticated' } },
};
const config = { mode: 'production', auth: { anonymous: true, jwt }, channels } satisfies ConfigInput;

async function filled(count: number, limits: ConfigInput['limits'] = {}): Promise<TestEngine> {
  const node = await createTestEngine({ config: { ...config, limits } });
  for (let i = 1; i <= count; i++) await node.engine.publish('stream', i);
  return node;
}

describe('a client reads', () => {
  test('the top of the stream, when it asks for nothing', async () => {
    await using node = await filled(3);
    const client = await node.connect();
    const { history } = await client.request({ history: { channel: 'stream' } });
    expect(history).toMatchObject({ epoch: expect.any(String), offset: 3 });
    expect(history?.publications ?? []).toEqual([]);
  });

  const pages: [string, Omit<HistoryRequest, 'channel'>, number[]][] = [
    ['the first', { limit: 2 }, [1, 2]],
    ['all', { limit: -1 }, [1, 2, 3, 4, 5]],
    ['the last, newest first', { limit: 2, reverse: true }, [5, 4]],
    ['behind a position', { limit: 2, since: { offset: 2 } }, [3, 4]],
    ['behind the top', { limit: 2, since: { offset: 5 } }, []],
    ['before a position, newest first', { limit: 2, since: { offset: 4 }, reverse: true }, [3, 2]],
    ['before the first', { limit: 2, since: { offset: 1 }, reverse: true }, []],
  ];
  test.each(pages)('%s', async (_what, request, expected) => {
    await using node = await filled(5);
    const client = await node.connect();
    const { epoch } = await node.engine.api.history({ channel: 'stream' });
    for (const known of ['', epoch]) {
      const since = request.since && { ...request.since, epoch: known };
      const { history } = await client.request({ history: { channel: 'stream', ...request, ...(since && { since }) } });
      expect(values(history?.publications)).toEqual(expected);
      expect(history).toMatchObject({ epoch, offset: 5 });
    }
  });

  test('page by page, to the end', async () => {
    await using node = await filled(10);
    const client = await node.connect();
    const seen: unknown[] = [];
    let since = { offset: 0, epoch: '' };
    for (let page = 0; page < 6; page++) {
      const { history } = await client.request({ history: { channel: 'stream', limit: 3, since } });
      seen.push(...values(history?.publications));
      const last = history?.publications?.at(-1);
      if (!last) break;
      since = { offset: last.offset ?? 0, epoch: history?.epoch ?? '' };
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test('not more at once than the limit says, whatever is asked', async () => {
    await using node = await filled(10, { historyPage: 4 });
    const client = await node.connect();
    for (const limit of [-1, 5, 1_000_000]) {
      const { history } = await client.request({ history: { channel: 'stream', limit } });
      expect(values(history?.publications)).toEqual([1, 2, 3, 4]);
    }
    // The application may have all.
    expect((await node.engine.api.history({ channel: 'stream', limit: -1 })).publications).toHaveLength(10);
  });

  test('a position of another epoch is 112', async () => {
    await using node = await filled(1);
    const client = await node.connect();
    const since = { offset: 0, epoch: 'other' };
    expect(await codeOf(client.request({ history: { channel: 'stream', limit: 1, since } }))).toBe(112);
    await expect(node.engine.api.history({ channel: 'stream', limit: 1, since })).rejects.toMatchObject({ code: 112 });
  });
});

describe('permission', () => {
  test('a channel without history is 108, whoever asks; an unknown one 102', async () => {
    await using node = await filled(0);
    const client = await node.connect();
    expect(await codeOf(client.request({ history: { channel: 'none' } }))).toBe(108);
    expect(await codeOf(client.request({ history: { channel: 'off' } }))).toBe(108);
    expect(await codeOf(client.request({ history: { channel: 'nowhere' } }))).toBe(102);
    await expect(node.engine.api.history({ channel: 'none' })).rejects.toMatchObject({ code: 108 });
    await expect(node.engine.api.history({ channel: 'nowhere' })).rejects.toMatchObject({ code: 102 });
  });

  test('by the options of the channel', async () => {
    await using node = await filled(0);
    const client = await node.connect();
    expect(await codeOf(client.request({ history: { channel: 'closed' } }))).toBe(103);
    expect(await codeOf(client.request({ history: { channel: 'members' } }))).toBe(103);
    await subscribe(client, 'members');
    expect(await codeOf(client.request({ history: { channel: 'members' } }))).toBeUndefined();
    const named = await node.connect({ token: token({ sub: '42' }) });
    expect(await codeOf(named.request({ history: { channel: 'team#42' } }))).toBeUndefined();
    expect(await codeOf(named.request({ history: { channel: 'team#43' } }))).toBe(103);
  });
});

test('removing history keeps the position', async () => {
  await using node = await filled(3);
  const before = await node.engine.api.history({ channel: 'stream' });
  await node.engine.api.historyRemove({ channel: 'stream' });
  expect(await node.engine.api.history({ channel: 'stream', limit: -1 })).toEqual({ ...before, publications: [] });
});
