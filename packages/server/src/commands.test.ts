import { formats } from '@tidings/protocol';
import { describe, expect, test } from 'vitest';
import { settle } from './lib/clock.ts';
import { codeOf, json, text, token, type TestNode } from './testing/engine-fixture.ts';
import { createMapNodes } from './testing/map-nodes.ts';

describe('commands by RPC', () => {
  const set = (key: string, more: object = {}) => ({
    rpc: { method: 'map.set', data: json({ name: 'news', key, value: 1, ...more }) },
  });

  test('are run for the user, and answered with JSON', async () => {
    await using map = await createMapNodes();
    const u1 = await map.as('u1');
    const { rpc } = await u1.request(set('a'));
    expect(JSON.parse(text(rpc?.data))).toEqual({ rev: 1 });
    expect(map.maps.calls).toEqual(['a begins for u1', 'a ends']);
    expect(JSON.parse(text((await u1.request({ rpc: { method: 'map.clear' } })).rpc?.data))).toEqual({});
  });

  test('of one connection begin in order and wait for nobody; those of the application still do', async () => {
    const hooked: string[] = [];
    const first = Promise.withResolvers<void>();
    await using map = await createMapNodes(1, {
      hooks: {
        rpc: async ({ method }) => {
          hooked.push(method);
          if (method === 'slow') await first.promise;
          return { data: json(method) };
        },
      },
    });
    const u1 = await map.as('u1');
    u1.send([
      { id: 11, rpc: { method: 'slow' } },
      { id: 12, ...set('a', { ms: 1_000 }) },
      { id: 13, ...set('b') },
      { id: 14, rpc: { method: 'next' } },
    ]);
    await settle();
    expect(map.maps.calls).toEqual(['a begins for u1', 'b begins for u1', 'b ends']);
    expect((await u1.next()).id).toBe(13);
    expect(hooked).toEqual(['slow']);
    await map.nodes[0]?.clock.advance(1_000);
    expect((await u1.next()).id).toBe(12);
    first.resolve();
    await settle();
    expect(hooked).toEqual(['slow', 'next']);
  });

  test('an unknown one is 104, and says which was meant', async () => {
    await using map = await createMapNodes();
    const u1 = await map.as('u1');
    const { error } = await u1.request({ rpc: { method: 'map.sett' } });
    expect(error).toEqual({ code: 104, message: 'method not found: map.sett; did you mean map.set?' });
    const far = await u1.request({ rpc: { method: `map.${'x'.repeat(5_000)}` } });
    expect(far.error?.code).toBe(104);
    expect(far.error?.message.length).toBeLessThan(120);
    expect(await codeOf(u1.request({ rpc: { method: 'mapper' } }))).toBe(108);
  });

  test('input that is not valid is answered with what is wrong and where', async () => {
    await using map = await createMapNodes();
    const u1 = await map.as('u1');
    const problem = async (data: Uint8Array): Promise<string> => {
      const { error } = await u1.request({ rpc: { method: 'map.set', data } });
      expect(error?.code).toBe(107);
      return error?.message ?? '';
    };
    expect(await problem(json({ name: 'news', key: 'a', value: 1, more: 1 }))).toBe(
      'bad request: unknown field more; valid: name, key, value, ms',
    );
    expect(await problem(json({ key: 7 }))).toMatch(/name: expected string.*; key: expected string, received number/);
    expect(await problem(json({ name: 'news', key: 'a' }))).toBe('bad request: value: is missing');
    expect(await problem(json([]))).toMatch(/expected object/);
    expect(await problem(new TextEncoder().encode('{"__proto__":1,"name":"a","key":"b"}'))).toMatch(
      /unknown field __proto__/,
    );
    expect(await problem(json(Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`k${i}`, 1]))))).toMatch(
      /and \d+ more/,
    );
    expect(map.maps.calls).toEqual([]);
  });

  test('Protobuf clients send JSON too, and are told if it is none', async () => {
    await using map = await createMapNodes();
    const u1 = await (map.nodes[0] as TestNode).connect({
      token: token({ sub: 'u1' }),
      format: formats.websocketProtobuf,
    });
    expect(JSON.parse(text((await u1.request(set('a'))).rpc?.data))).toEqual({ rev: 1 });
    const bad = await u1.request({ rpc: { method: 'map.set', data: new Uint8Array([1, 2, 3]) } });
    expect(bad.error).toEqual({ code: 107, message: 'bad request: the data is not JSON' });
    const deep = await u1.request({ rpc: { method: 'map.set', data: new TextEncoder().encode('['.repeat(20_000)) } });
    expect(deep.error?.code).toBe(107);
  });

  test('a defect is 100 and nothing more, a refusal is said; both are counted', async () => {
    await using map = await createMapNodes();
    const u1 = await map.as('u1');
    expect((await u1.request(set('bad'))).error).toEqual({
      code: 100,
      message: 'internal server error',
      temporary: true,
    });
    expect((await u1.request(set('no'))).error).toEqual({ code: 1900, message: 'the map refuses: not this one' });
    await u1.request(set('a'));
    const { moduleOperations, moduleSeconds } = map.nodes[0]?.engine.metrics ?? {};
    expect(Object.fromEntries(moduleOperations?.rows.get('map.set') ?? [])).toEqual({ failed: 1, refused: 1, ok: 1 });
    expect(moduleSeconds?.series.get('map.set')?.count).toBe(3);
    map.maps.contexts[0]?.operations.add('swept', 2);
    expect(moduleOperations?.rows.get('map.swept')?.get('ok')).toBe(2);
  });
});
