import { errors, ProtocolError } from '@tidings/protocol';
import { describe, expect, test } from 'vitest';
import { ConfigError } from './config/config-error.ts';
import { createEngine } from './engine.ts';
import type { DeliveredEvent } from './events/function-events.ts';
import { settle } from './lib/clock.ts';
import { createLogger } from './lib/logger.ts';
import {
  codeOf,
  json,
  publications,
  pushes,
  subscribe,
  token,
  values,
  type TestNode,
} from './testing/engine-fixture.ts';
import { MapModules } from './testing/map-module.ts';
import { auth, createMapNodes, memoryStore } from './testing/map-nodes.ts';
import type { MemoryClient } from './transports/memory.ts';

const logger = createLogger('silent');

const members =
  (...users: string[]) =>
  (actor: { readonly user: string }): boolean =>
    users.includes(actor.user);

describe('the channels of a module', () => {
  test('are decided on by the module: subscribe, publish, history', async () => {
    await using map = await createMapNodes();
    map.maps.allows = ({ user }, action) => user === 'u1' && action !== 'publish';
    const [u1, u2] = [await map.as('u1'), await map.as('u2')];
    await map.maps.set('news', 'a', 1);
    expect(await subscribe(u1, 'map:news')).toMatchObject({
      recoverable: true,
      positioned: true,
      epoch: 'e1',
      offset: 1,
    });
    expect(await codeOf(u2.request({ subscribe: { channel: 'map:news' } }))).toBe(103);
    expect(await codeOf(u1.request({ publish: { channel: 'map:news', data: json(1) } }))).toBe(103);
    expect(await codeOf(u2.request({ history: { channel: 'map:news', limit: 10 } }))).toBe(103);
    const { history } = await u1.request({ history: { channel: 'map:news', limit: 10 } });
    expect(values(history?.publications)).toEqual([{ key: 'a', value: 1 }]);
    expect(await codeOf(u1.request({ presence: { channel: 'map:news' } }))).toBe(108);
  });

  test('no token, no hook, no name behind # and no back end lets anybody in', async () => {
    const asked: string[] = [];
    await using map = await createMapNodes(1, {
      config: { auth },
      hooks: {
        subscribe: async ({ channel }) => {
          asked.push(channel);
          return {};
        },
      },
    });
    map.maps.allows = () => false;
    const u1 = await map.as('u1');
    const granted = token({ sub: 'u1', channel: 'map:news' });
    expect(await codeOf(u1.request({ subscribe: { channel: 'map:news', token: granted } }))).toBe(103);
    expect(await codeOf(u1.request({ subscribe: { channel: 'map:news#u1' } }))).toBe(103);
    const [node] = map.nodes;
    await expect(node?.engine.api.subscribe({ channel: 'map:news', user: 'u1' })).rejects.toMatchObject({ code: 103 });
    const claims = token({ sub: 'u1', subs: { 'map:news': { override: { presence: { value: true } } } } });
    await expect(node?.connect({ token: claims })).rejects.toThrow(/103/);
    expect(asked).toEqual([]);
    expect((await node?.engine.api.info())?.nodes[0]?.subscriptions).toBe(0);
    expect([...(node?.broker.wanted ?? [])]).toEqual([]);
  });

  test('a back end may subscribe whom the module lets in', async () => {
    await using map = await createMapNodes();
    const u1 = await map.as('u1');
    await map.nodes[0]?.engine.api.subscribe({ channel: 'map:news', user: 'u1', override: { presence: true } });
    await map.maps.set('news', 'a', 1);
    const got = await pushes(u1);
    expect(got.map(({ subscribe: pushed, pub }) => (pushed ? 'subscribed' : pub?.offset))).toEqual(['subscribed', 1]);
    await expect(map.nodes[0]?.engine.api.presence({ channel: 'map:news' })).rejects.toMatchObject({ code: 108 });
  });

  test('a back end does not publish there: the numbering is the module’s', async () => {
    await using map = await createMapNodes();
    await expect(map.nodes[0]?.engine.publish('map:news', 1)).rejects.toMatchObject({
      code: 103,
      detail: expect.stringContaining('belongs to map'),
    });
  });

  test('a module publishes only on its own', async () => {
    await using map = await createMapNodes();
    const [context] = map.maps.contexts;
    await expect(context?.publish('lobby', '1')).rejects.toThrow('map owns no channel lobby');
    await expect(context?.publish('nowhere:1', '1')).rejects.toThrow('map owns no channel nowhere:1');
  });

  test('publications carry the place the module gives them, on every node; what has none is a signal', async () => {
    await using map = await createMapNodes(2);
    const clients = [await map.as('u1', 0), await map.as('u2', 1)];
    for (const client of clients) await subscribe(client, 'map:news');
    await map.maps.set('news', 'a', 1, map.maps.contexts[1]);
    await map.maps.contexts[0]?.publish('map:news', '"typing"', { tags: { kind: 'signal' } });
    await map.maps.set('news', 'a', 2, map.maps.contexts[0]);
    for (const client of clients) {
      const got = await publications(client);
      expect(got.map(({ offset }) => offset)).toEqual([1, undefined, 2]);
      expect(values(got)).toEqual([{ key: 'a', value: 1 }, 'typing', { key: 'a', value: 2 }]);
      expect(got[1]?.tags).toEqual({ kind: 'signal' });
    }
    // The broker has kept nothing of it.
    const page = await map.nodes[0]?.broker.history.read('map:news', { limit: -1 }, 60_000);
    expect(page?.publications).toEqual([]);
  });

  test('what was doubled is dropped, what is missing makes everybody recover', async () => {
    await using map = await createMapNodes();
    const u1 = await map.as('u1');
    await subscribe(u1, 'map:news');
    const { broker } = map.nodes[0] as TestNode;
    broker.fault = 'twice';
    await map.maps.set('news', 'a', 1);
    expect((await publications(u1)).map(({ offset }) => offset)).toEqual([1]);
    broker.fault = 'lost';
    await map.maps.set('news', 'a', 2);
    broker.fault = 'none';
    await map.maps.set('news', 'b', 3);
    expect((await pushes(u1)).map(({ unsubscribe }) => unsubscribe?.code)).toEqual([2500]);
    const again = await subscribe(u1, 'map:news', { recover: true, epoch: 'e1', offset: 1 });
    expect(again.recovered).toBe(true);
    expect(again.publications?.map(({ offset }) => offset)).toEqual([2, 3]);
  });

  test('a lost publication that nothing follows is found in the module’s history', async () => {
    await using map = await createMapNodes(1, { config: { auth, timeouts: { positionCheck: 1_000 } } });
    const u1 = await map.as('u1');
    await subscribe(u1, 'map:news');
    const { broker, clock } = map.nodes[0] as TestNode;
    broker.fault = 'lost';
    await map.maps.set('news', 'a', 1);
    await clock.advance(10_000);
    expect((await pushes(u1)).map(({ unsubscribe }) => unsubscribe?.code)).toEqual([2500]);
  });

  test('without a history of its own the broker keeps what the options say', async () => {
    await using map = await createMapNodes();
    const u1 = await map.as('u1');
    const { epoch } = await subscribe(u1, 'map-news:1', { recoverable: true });
    await u1.request({ unsubscribe: { channel: 'map-news:1' } });
    await map.maps.contexts[0]?.publish('map-news:1', '"one"');
    const result = await subscribe(u1, 'map-news:1', {
      recoverable: true,
      recover: true,
      offset: 0,
      epoch: epoch ?? '',
    });
    expect([result.recovered, values(result.publications)]).toEqual([true, ['one']]);
  });

  test('recovery is whole, or one reset, as the module says; the limit holds', async () => {
    await using map = await createMapNodes(1, { config: { auth, limits: { recoveredPublications: 2 } } });
    const { maps } = map;
    const u1 = await map.as('u1');
    const recoverFrom = async (offset: number, epoch = 'e1') => {
      const result = await subscribe(u1, 'map:news', { recover: true, offset, epoch });
      await u1.request({ unsubscribe: { channel: 'map:news' } });
      return [result.recovered ?? false, result.publications?.map((publication) => publication.offset) ?? []];
    };
    for (const key of ['a', 'b', 'a', 'a', 'c', 'b']) await maps.set('news', key, key);
    expect(await recoverFrom(6)).toEqual([true, []]);
    expect(await recoverFrom(4)).toEqual([true, [5, 6]]);
    // a stands at 4, c at 5, b at 6.
    expect(await recoverFrom(0)).toEqual([false, []]);
    expect(await recoverFrom(7)).toEqual([false, []]);
    expect(await recoverFrom(6, 'other')).toEqual([false, []]);
    maps.map('news').minRev = 5;
    expect(await recoverFrom(4)).toEqual([false, []]);
    expect(await recoverFrom(5)).toEqual([true, [6]]);
  });

  test('the module is told who came and who went, in pairs', async () => {
    await using map = await createMapNodes();
    const [u1, u2] = [await map.as('u1'), await map.as('u2')];
    await subscribe(u1, 'map:news');
    await subscribe(u2, 'map:news');
    await subscribe(u2, 'map-news:1');
    await u1.request({ unsubscribe: { channel: 'map:news' } });
    u2.close();
    await settle();
    map.maps.allows = () => false;
    const u3 = await map.as('u3');
    await codeOf(u3.request({ subscribe: { channel: 'map:news' } }));
    expect(map.maps.seen).toEqual(['+u1 news', '+u2 news', '-u1 news', '-u2 news']);
  });

  test('isOccupied says whether somebody on this node is there', async () => {
    await using map = await createMapNodes(2);
    const u1 = await map.as('u1', 1);
    await subscribe(u1, 'map:news');
    expect(map.maps.contexts.map((context) => context.isOccupied('map:news'))).toEqual([false, true]);
  });

  test('a pattern of the configuration that would take them is refused; a more general one is not', async () => {
    const make = (pattern: string) =>
      createEngine({
        logger,
        listen: false,
        store: memoryStore(),
        modules: [new MapModules().factory],
        config: { channels: { [pattern]: {} } },
      });
    for (const pattern of ['map:{name}', 'map:{id}', 'map:lobby', '{kind}:{name}lobby']) {
      expect(() => make(pattern), pattern).toThrow(ConfigError);
    }
    for (const pattern of ['*', 'map:*', '{kind}:{name}', 'maps:{name}']) expect(() => make(pattern)).not.toThrow();
  });

  test('stay the module’s after a reload', async () => {
    await using map = await createMapNodes();
    const u1 = await map.as('u1');
    await subscribe(u1, 'map:news');
    map.maps.allows = ({ user }) => user === 'u1';
    await map.nodes[0]?.engine.reload({
      mode: 'production',
      log: { level: 'silent' },
      auth,
      channels: { '*': { allow: { subscribe: 'anyone' } } },
    });
    await map.maps.set('news', 'a', 1);
    expect((await pushes(u1)).map(({ pub }) => pub?.offset)).toEqual([1]);
    const u2 = await map.as('u2');
    expect(await codeOf(u2.request({ subscribe: { channel: 'map:news' } }))).toBe(103);
  });
});

describe('reconsider', () => {
  test('ends what no longer holds at once, on every node, of one user or of all', async () => {
    await using map = await createMapNodes(2);
    const [u1, u2, u3] = [await map.as('u1', 0), await map.as('u2', 1), await map.as('u1', 1)];
    for (const client of [u1, u2, u3]) await subscribe(client, 'map:news');
    await subscribe(u1, 'map:other');
    map.maps.allows = members('u2');
    await map.maps.contexts[0]?.reconsider('map:news', 'u1');
    await map.maps.set('news', 'a', 1);
    for (const client of [u1, u3]) {
      expect(await pushes(client)).toEqual([
        { channel: 'map:news', unsubscribe: { code: 2001, reason: 'permission lost' } },
      ]);
    }
    expect((await pushes(u2)).map(({ pub }) => pub?.offset)).toEqual([1]);
    map.maps.allows = () => false;
    await map.maps.contexts[1]?.reconsider('map:news', 'u1');
    expect(await pushes(u2)).toEqual([]);
    await map.maps.contexts[1]?.reconsider('map:news');
    expect((await pushes(u2)).map(({ unsubscribe }) => unsubscribe?.code)).toEqual([2001]);
    expect(map.maps.seen.filter((line) => line.endsWith('news'))).toHaveLength(6);
  });

  test('of one user on all channels of a pattern, on every node', async () => {
    await using map = await createMapNodes(2);
    const [u1, u2, elsewhere] = [await map.as('u1', 0), await map.as('u2', 1), await map.as('u1', 1)];
    for (const channel of ['map:news', 'map:other', 'map-news:1']) await subscribe(u1, channel);
    await subscribe(elsewhere, 'map:third');
    await subscribe(u2, 'map:news');
    map.maps.allows = () => false;
    await map.maps.contexts[0]?.reconsiderUser('map:{name}', 'u1');
    const ended = async (client: MemoryClient) =>
      (await pushes(client)).map(({ channel, unsubscribe }) => [channel, unsubscribe?.code]);
    expect(await ended(u1)).toEqual([
      ['map:news', 2001],
      ['map:other', 2001],
    ]);
    expect(await ended(elsewhere)).toEqual([['map:third', 2001]]);
    expect(await ended(u2)).toEqual([]);
    await expect(map.maps.contexts[0]?.reconsiderUser('lobby', 'u1')).rejects.toThrow('map owns no channels lobby');
  });

  test('of one user who is just connecting, with subscriptions that the token makes', async () => {
    await using map = await createMapNodes();
    let isAllowed = true;
    map.maps.beforeRead = async () => {
      if (!isAllowed) return;
      isAllowed = false;
      await map.maps.contexts[0]?.reconsiderUser('map:{name}', 'u1');
    };
    map.maps.allows = () => isAllowed;
    const claims = token({ sub: 'u1', subs: { 'map:news': {} } });
    await expect(map.nodes[0]?.connect({ token: claims })).rejects.toThrow(/103/);
  });

  test('at any moment of a subscribe: the client is refused, or told, and is given nothing', async () => {
    const outcomes = new Set<string>();
    for (let steps = 0; steps < 60; steps++) {
      await using map = await createMapNodes();
      let isMember = true;
      map.maps.allows = async () => {
        // Read at the beginning of the question, answered later: as by a database.
        const answer = isMember;
        await settle();
        return answer;
      };
      map.maps.beforeRead = settle;
      const u1 = await map.as('u1');
      const reply = u1.request({ subscribe: { channel: 'map:news' } });
      for (let i = 0; i < steps; i++) await (i % 8 === 7 ? settle() : Promise.resolve());
      isMember = false;
      await map.maps.contexts[0]?.reconsider('map:news', 'u1');
      for (let turns = 0; turns < 8; turns++) await settle();
      await map.maps.set('news', 'a', 'secret');
      const { error } = await reply;
      const got = await pushes(u1);
      expect(got.some(({ pub }) => pub)).toBe(false);
      const outcome = error ? `${error.code}` : got.map(({ unsubscribe }) => unsubscribe?.code).join();
      outcomes.add(outcome);
      expect(['103', '2001'], `after ${steps} steps`).toContain(outcome);
      expect((await map.nodes[0]?.engine.api.info())?.nodes[0]?.subscriptions).toBe(0);
    }
    expect([...outcomes].toSorted()).toEqual(['103', '2001']);
  });

  test('the last word counts: out and in again while the question is asked', async () => {
    await using map = await createMapNodes();
    const u1 = await map.as('u1');
    await subscribe(u1, 'map:news');
    let isMember = false;
    map.maps.allows = async () => {
      const answer = isMember;
      await settle();
      await settle();
      return answer;
    };
    await map.maps.contexts[0]?.reconsider('map:news', 'u1');
    isMember = true;
    await map.maps.contexts[0]?.reconsider('map:news', 'u1');
    for (let turns = 0; turns < 8; turns++) await settle();
    expect(await pushes(u1)).toEqual([]);
    isMember = false;
    for (let i = 0; i < 30; i++) await map.maps.contexts[0]?.reconsider('map:other');
    await map.maps.contexts[0]?.reconsider('map:news', 'u1');
    for (let turns = 0; turns < 8; turns++) await settle();
    expect((await pushes(u1)).map(({ unsubscribe }) => unsubscribe?.code)).toEqual([2001]);
  });

  test('a module that cannot say refuses for now: the client comes back', async () => {
    await using map = await createMapNodes();
    const u1 = await map.as('u1');
    await subscribe(u1, 'map:news');
    const unavailable = { code: 1901, message: 'the database is not available', temporary: true };
    map.maps.allows = () => {
      throw new ProtocolError(unavailable);
    };
    expect((await u1.request({ subscribe: { channel: 'map:other' } })).error).toMatchObject(unavailable);
    map.maps.allows = async () => {
      throw new Error('a defect');
    };
    expect((await u1.request({ subscribe: { channel: 'map:other' } })).error).toMatchObject({
      code: errors.internal.code,
      temporary: true,
    });
    await map.maps.contexts[0]?.reconsider('map:news');
    for (let turns = 0; turns < 4; turns++) await settle();
    const [push] = await pushes(u1);
    expect(push?.unsubscribe?.code).toBeGreaterThanOrEqual(2500);
    map.maps.allows = () => true;
    await subscribe(u1, 'map:news');
  });

  test('what the user is may change who may: a refresh asks again', async () => {
    await using map = await createMapNodes(1, {
      config: { auth, rules: { auth: { role: 'string' } } },
    });
    map.maps.allows = ({ auth: record }) => record['role'] === 'staff';
    const [node] = map.nodes;
    const u1 = await (node as TestNode).connect({ token: token({ sub: 'u1', role: 'staff' }) });
    await subscribe(u1, 'map:news');
    await u1.request({ refresh: { token: token({ sub: 'u1', role: 'guest' }) } });
    await settle();
    expect((await pushes(u1)).map(({ unsubscribe }) => unsubscribe?.code)).toEqual([2001]);
  });
});

describe('events of a module', () => {
  test('reach the function, in order per subject; emit resolves when they were handled', async () => {
    const got: DeliveredEvent[] = [];
    const gate = Promise.withResolvers<void>();
    const types = ['connected', 'chat.*'] as const;
    await using map = await createMapNodes(1, {
      config: { auth, events: { types: [...types] } },
      onEvent: async (event) => {
        if (event.type === 'chat.a') await gate.promise;
        got.push(event);
      },
    });
    const [context] = map.maps.contexts;
    let handled = false;
    const first = context?.emit(map.maps.event('chat.a', 'room:1', 'e1', { n: 1 })).then(() => (handled = true));
    const second = context?.emit(map.maps.event('chat.b', 'room:1', 'e2'));
    await context?.emit(map.maps.event('other.c', 'room:1', 'e3'));
    await context?.emit(map.maps.event('chat.d', 'room:2', 'e4'));
    expect([handled, got.map(({ type }) => type)]).toEqual([false, ['chat.d']]);
    gate.resolve();
    await Promise.all([first, second]);
    expect(got.map(({ id }) => id)).toEqual(['e4', 'e1', 'e2']);
    expect(got[1]).toEqual({
      type: 'chat.a',
      subject: 'room:1',
      data: { n: 1 },
      id: 'e1',
      time: 1_700_000_000_000,
      node: 'node-0',
    });
  });

  test('one that the function refuses is tried again until it takes it', async () => {
    let failures = 30;
    await using map = await createMapNodes(1, {
      onEvent: () => {
        if (failures-- > 0) throw new Error('not yet');
      },
    });
    const emitted = map.maps.contexts[0]?.emit(map.maps.event('chat.a', 'room:1', 'e1'));
    await map.nodes[0]?.clock.advance(600_000);
    await emitted;
    expect(failures).toBe(-1);
    expect(map.nodes[0]?.engine.metrics.events.counts.get('dropped')).toBeUndefined();
  });

  test('what is under way when the node stops is refused: the module says it again', async () => {
    const map = await createMapNodes(1, { onEvent: () => new Promise<void>(() => {}) });
    const emitted = map.maps.contexts[0]?.emit(map.maps.event('chat.a', 'room:1', 'e1'));
    await settle();
    const refused = expect(emitted).rejects.toThrow('before the event was handled');
    await map[Symbol.asyncDispose]();
    await refused;
    await expect(map.maps.contexts[0]?.emit(map.maps.event('chat.a', 'room:1', 'e1'))).rejects.toThrow('stopping');
  });
});

describe('the life of modules', () => {
  test('they start behind the store, and end before it', async () => {
    const life: string[] = [];
    const store = memoryStore();
    const engine = createEngine({
      logger,
      listen: false,
      store,
      config: { mode: 'development', auth },
      modules: [
        ({ store: given }) => ({
          name: 'life',
          migrations: {
            owner: 'life',
            migrations: [
              { id: '0001-life', up: async (db) => db.schema.createTable('life').addColumn('id', 'text').execute() },
            ],
          },
          channels: [],
          commands: [],
          start: async () => {
            await given.database<{ life: { id: string } }>().selectFrom('life').selectAll().execute();
            life.push('started');
          },
          drain: async () => void life.push('drained'),
          stop: async () => {
            await given.database<{ life: { id: string } }>().insertInto('life').values({ id: 'last' }).execute();
            life.push('stopped');
          },
        }),
      ],
    });
    await engine.start();
    await engine.drain();
    await engine.stop();
    expect(life).toEqual(['started', 'drained', 'stopped']);
  });

  test('with store.migrate: manual a schema that is behind stops the start, and says what to run', async () => {
    const engine = createEngine({
      logger,
      listen: false,
      store: memoryStore(),
      config: { mode: 'development', auth, store: { migrate: 'manual' } },
      modules: [
        () => ({
          name: 'life',
          migrations: { owner: 'life', migrations: [{ id: '0001-life', up: async () => {} }] },
          channels: [],
          commands: [],
          start: async () => {},
          stop: async () => {},
        }),
      ],
    });
    await expect(engine.start()).rejects.toThrow(/life 0001-life.*tidings migrate/);
  });

  test('two of one name, or for one channel, are a mistake', () => {
    const make = () =>
      createEngine({
        logger,
        listen: false,
        store: memoryStore(),
        config: {},
        modules: [new MapModules().factory, new MapModules().factory],
      });
    expect(make).toThrow(/two modules own the channels map:\{name\}/);
  });
});
