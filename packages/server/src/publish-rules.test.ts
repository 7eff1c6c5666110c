import { describe, expect, test } from 'vitest';
import type { ConfigInput } from './config/schema.ts';
import { json, publications, startSeconds, subscribe, text, values } from './testing/engine-fixture.ts';
import { createRulesEngine } from './testing/rules-fixture.ts';

const rules = {
  auth: { role: 'string?' },
  schemas: {
    ChatMsg: { text: { type: 'string', maxLength: 10 }, id: 'int?', from: 'string?' },
  },
} satisfies ConfigInput['rules'];

const channels = {
  chat: {
    allow: { subscribe: 'anyone', publish: 'auth.role == "mod" || !data.text.contains("spam")' },
    publish: { schema: 'ChatMsg', set: { from: 'auth.uid' } },
  },
  free: {
    allow: { subscribe: 'anyone', publish: 'data.owner == auth.uid' },
    publish: { set: { from: 'auth.uid', n: '1 + 1', at: 'now', list: '[1, 2.5]' } },
  },
} satisfies ConfigInput['channels'];

const raw = (source: string): Uint8Array => new TextEncoder().encode(source);

test.each(['json', 'protobuf'] as const)(
  'a field that the server sets is declared as what it is, and no client need send it (%s)',
  async (codec) => {
    await using node = await createRulesEngine(
      {
        chat: {
          allow: { subscribe: 'anyone', publish: 'size(data.text) > 0', receive: 'data.from != "u2"' },
          publish: { schema: 'Signed', set: { from: 'auth.uid', n: 'size(data.text)' } },
        },
      },
      { rules: { schemas: { Signed: { text: 'string', from: { type: 'string', maxLength: 2 }, n: 'int' } } } },
    );
    const reader = await node.as('reader');
    await subscribe(reader, 'chat');
    const u1 = await node.as('u1', {}, codec);
    const u2 = await node.as('u2', {}, codec);
    for (const client of [u1, u2]) {
      for (const more of ['', ',"from":5', ',"from":"much too long","n":"x"', ',"from":"u9","from":"u8","n":1e999']) {
        const { error } = await client.request({ publish: { channel: 'chat', data: raw(`{"text":"hi"${more}}`) } });
        expect(error, more).toBeUndefined();
      }
    }
    expect(values(await publications(reader))).toEqual(Array(4).fill({ text: 'hi', from: 'u1', n: 2 }));
  },
);

describe.each(['json', 'protobuf'] as const)('a client publishes (%s)', (codec) => {
  const start = async () => {
    const node = await createRulesEngine(channels, { rules });
    const reader = await node.as('reader');
    for (const channel of ['chat', 'free']) await subscribe(reader, channel);
    const publisher = await node.as('u1', {}, codec);
    const publish = async (channel: string, data: Uint8Array) =>
      (await publisher.request({ publish: { channel, data } })).error;
    return { node, reader, publisher, publish };
  };

  test('what keeps no schema is 107 with the place, and nobody gets it', async () => {
    const { node, reader, publisher, publish } = await start();
    await using _node = node;
    expect(await publish('chat', json({ text: 5 }))).toMatchObject({
      code: 107,
      message: expect.stringMatching(/^bad request: \/text must be/) as string,
    });
    for (const wrong of [
      '{}',
      '[]',
      '"x"',
      'null',
      '{"text":null}',
      '{"text":"12345678901"}',
      '{"__proto__":{"text":"x"}}',
      '{"text":"x","more":1}',
    ]) {
      const error = await publish('chat', raw(wrong));
      expect(error?.code, wrong).toBe(107);
      expect(error?.message.length).toBeLessThan(250);
    }
    expect(await publications(reader)).toEqual([]);
    expect(publisher.closeReason).toBeUndefined();
    expect(await publish('chat', json({ text: 'hi' }))).toBeUndefined();
  });

  test('a rule sees the message, and a denial is 103', async () => {
    const { node, reader, publish } = await start();
    await using _node = node;
    expect(await publish('chat', json({ text: 'hi' }))).toBeUndefined();
    expect(await publish('chat', json({ text: 'spam' }))).toEqual({ code: 103, message: 'permission denied' });
    for (const denied of [
      '{}',
      '5',
      'null',
      '[]',
      '{"owner":["u1"]}',
      '{"owner":"u2"}',
      '{"__proto__":{"owner":"u1"}}',
    ]) {
      expect([103, 107], denied).toContain((await publish('free', raw(denied)))?.code);
    }
    expect(values(await publications(reader))).toEqual([{ text: 'hi', from: 'u1' }]);
  });

  test('the server’s fields stand over the client’s; the rest is as it was written', async () => {
    const { node, reader, publish } = await start();
    await using _node = node;
    await publish('free', raw('{"id": 12345678901234567890, "from": "mallory", "owner":"u1", "x":1.50, "from":"eve"}'));
    await publish('chat', raw('{"text":"hi","id":9007199254740993}'));
    const [free, chat] = await publications(reader);
    const at = new Date(startSeconds * 1000).toISOString().replace('.000', '');
    expect(text(free?.data)).toBe(
      `{"id":12345678901234567890,"from":"u1","owner":"u1","x":1.50,"n":2,"at":"${at}","list":[1,2.5]}`,
    );
    expect(text(chat?.data)).toBe('{"text":"hi","id":9007199254740993,"from":"u1"}');
  });
});

describe('rules on publishing', () => {
  test('Protobuf clients that send no JSON get 107', async () => {
    await using node = await createRulesEngine(channels, { rules });
    const client = await node.as('u1', {}, 'protobuf');
    for (const data of [
      new Uint8Array([0xff, 0xfe]),
      raw('{"text":'),
      raw(`${'['.repeat(5_000)}${']'.repeat(5_000)}`),
    ]) {
      for (const channel of ['chat', 'free']) {
        expect((await client.request({ publish: { channel, data } })).error?.code).toBe(107);
      }
    }
    expect(client.closeReason).toBeUndefined();
  });

  test('the hook sees what would be published, and what it answers stands', async () => {
    const seen: string[] = [];
    await using node = await createRulesEngine(
      { chat: { ...channels.chat, hooks: { publish: true } } },
      {
        rules,
        hooks: {
          publish: async ({ data }) => {
            seen.push(text(data));
            return text(data).includes('replace') ? { data: json({ by: 'hook' }) } : undefined;
          },
        },
      },
    );
    const reader = await node.as('reader');
    await subscribe(reader, 'chat');
    const client = await node.as('u1');
    for (const said of ['spam', 'replace'])
      await client.request({ publish: { channel: 'chat', data: json({ text: said }) } });
    expect((await client.request({ publish: { channel: 'chat', data: json({ text: 5 }) } })).error?.code).toBe(107);
    expect(seen).toEqual(['{"text":"spam","from":"u1"}', '{"text":"replace","from":"u1"}']);
    expect(values(await publications(reader))).toEqual([{ text: 'spam', from: 'u1' }, { by: 'hook' }]);
  });

  test('the server publishes what it likes', async () => {
    await using node = await createRulesEngine(channels, { rules });
    const reader = await node.as('reader');
    await subscribe(reader, 'chat');
    await node.engine.publish('chat', { whatever: 5 });
    expect(values(await publications(reader))).toEqual([{ whatever: 5 }]);
  });

  test('a field that cannot be computed denies', async () => {
    await using node = await createRulesEngine(
      { room: { allow: { publish: 'anyone' }, publish: { set: { half: 'data.n / 0' } } } },
      { rules },
    );
    const client = await node.as('u1');
    const { error } = await client.request({ publish: { channel: 'room', data: json({ n: 1 }) } });
    expect(error?.code).toBe(103);
    expect(node.engine.metrics.ruleErrors.rows.get('room')?.get('set')).toBe(1);
  });

  test('a decision is remembered, and forgotten when its fact changes', async () => {
    await using node = await createRulesEngine({ 'group:{gid}': { allow: { publish: 'member(gid, auth.uid)' } } });
    const client = await node.as('u1');
    const publish = async () => (await client.request({ publish: { channel: 'group:g1', data: json(1) } })).error?.code;
    expect(await publish()).toBe(103);
    await node.join('g1', 'u1');
    expect(await publish()).toBeUndefined();
    await node.join('g1', 'u2');
    expect(await publish()).toBeUndefined();
    await node.leave('g1', 'u1');
    expect(await publish()).toBe(103);
  });
});
