/** Whatever clients do and however they end, when all are gone nothing is kept of them on any node. */
import { formats, ProtocolError, errors, type Command } from '@tidings/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ConfigInput } from './config/schema.ts';
import type { Hooks } from './auth/hooks.ts';
import { settle } from './lib/clock.ts';
import {
  createTestNodes,
  json,
  jwt,
  open,
  recoverable,
  startSeconds,
  token,
  type TestNode,
} from './testing/engine-fixture.ts';
import type { MemoryClient } from './transports/memory.ts';

const everything = { ...recoverable, presence: true, joinLeave: 'always', delta: true } as const;
const config = {
  mode: 'production',
  auth: { anonymous: true, jwt },
  timeouts: { positionCheck: '2s' },
  limits: {
    connectionsPerUser: 2,
    connectionsPerAddress: 6,
    connections: 6,
    subscriptionsPerConnection: 3,
    bufferedBytesPerConnection: 500,
  },
  channels: {
    'all:{id}': everything,
    'plain:{id}': open,
    'ask:{id}': { ...everything, hooks: { subscribe: true, subRefresh: true } },
    'closed:{id}': {},
  },
} satisfies ConfigInput;

const clientCount = 5;
const channelNames = ['all:1', 'all:2', 'plain:1', 'ask:1', 'closed:1', 'nowhere'];

type Step =
  | { do: 'dial'; who: number; how: 'anonymous' | 'user' | 'subs' | 'bad subs' | 'expired' | 'invalid'; uni: boolean }
  | { do: 'subscribe' | 'recover' | 'unsubscribe' | 'publish' | 'kick' | 'push'; who: number; channel: string }
  | { do: 'close' | 'garbage' | 'hold' | 'disconnect'; who: number }
  | { do: 'advance'; ms: number }
  | { do: 'slow' | 'broken' | 'healthy' | 'lost' | 'gap' };

const who = fc.nat({ max: clientCount - 1 });
const channel = fc.constantFrom(...channelNames);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('dial' as const),
      who,
      how: fc.constantFrom('anonymous' as const, 'user', 'user', 'subs', 'bad subs', 'expired', 'invalid'),
      uni: fc.nat({ max: 3 }).map((n) => n === 0),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('subscribe' as const, 'subscribe', 'recover', 'unsubscribe', 'publish', 'kick', 'push'),
      who,
      channel,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('close' as const, 'garbage', 'hold', 'disconnect'), who }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(100, 3_000, 30_000) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('slow' as const, 'broken', 'healthy', 'lost', 'gap') }) },
);

const connectWith = (how: Extract<Step, { do: 'dial' }>['how'], user: string): Command['connect'] => {
  const subs = { 'all:1': {}, 'all:2': { expire_at: startSeconds + 3 } };
  switch (how) {
    case 'anonymous':
      return {};
    case 'user':
      return { token: token({ sub: user, exp: startSeconds + 20 }) };
    case 'subs':
      return { token: token({ sub: user, subs }), subs: { 'plain:1': {}, 'all:1': { recover: true, offset: 0 } } };
    case 'bad subs':
      return { token: token({ sub: user, channels: ['all:1', 'nowhere'] }), subs: { 'closed:1': {} } };
    case 'expired':
      return { token: token({ sub: user, exp: startSeconds - 1 }) };
    case 'invalid':
      return { token: 'garbage' };
  }
};

async function run(steps: readonly Step[]): Promise<void> {
  let trouble: 'slow' | 'broken' | 'healthy' = 'healthy';
  const maybe = async (): Promise<void> => {
    if (trouble === 'slow') for (let i = 0; i < 3; i++) await settle();
    if (trouble === 'broken') throw new Error('broken');
  };
  const hooks: Hooks = {
    connect: async () => {
      await maybe();
      return undefined;
    },
    subscribe: async () => {
      await maybe();
      return { expireAt: startSeconds + 5 };
    },
    subRefresh: async () => {
      await maybe();
      throw new ProtocolError(errors.permissionDenied);
    },
  };
  const nodes = await createTestNodes(2, { config, hooks });
  const [first] = nodes as [TestNode];
  for (const { broker } of nodes) {
    broker.beforeRead = maybe;
    const { subscribe } = broker;
    broker.subscribe = async (name) => {
      await maybe();
      await subscribe.call(broker, name);
    };
  }
  const clients: (MemoryClient | undefined)[] = [];
  let id = 0;
  const expectNothing = async (): Promise<void> => {
    for (const name of channelNames.slice(0, 4)) {
      const { options } = name.startsWith('plain') ? { options: false } : { options: true };
      if (options) expect(await first.engine.api.presenceStats({ channel: name })).toEqual({ clients: 0, users: 0 });
    }
    expect(await first.engine.api.channels({})).toEqual({ channels: {} });
    for (const { broker, engine } of nodes) {
      expect(broker.wanted).toEqual(new Set());
      const own = (await engine.api.info()).nodes[0];
      expect(own).toMatchObject({ clients: 0, users: 0, subscriptions: 0, channels: 0 });
    }
  };
  try {
    for (const next of steps) {
      const client = 'who' in next ? clients[next.who] : undefined;
      if (next.do === 'dial') {
        client?.close();
        const node = nodes[next.who % 2] as TestNode;
        const format = next.uni ? formats.uniWebsocketJson : formats.websocketProtobuf;
        const dialled = node.dial({ format });
        clients[next.who] = dialled;
        dialled.send({ id: ++id, connect: connectWith(next.how, `${next.who % 2}`) ?? {} });
      } else if (next.do === 'subscribe' || next.do === 'recover') {
        const recover = next.do === 'recover' ? { recover: true, offset: 1 } : {};
        client?.send({
          id: ++id,
          subscribe: { channel: next.channel, recoverable: true, delta: 'fossil', ...recover },
        });
      } else if (next.do === 'unsubscribe') client?.send({ id: ++id, unsubscribe: { channel: next.channel } });
      else if (next.do === 'publish')
        client?.send({ id: ++id, publish: { channel: next.channel, data: json('x'.repeat(200)) } });
      else if (next.do === 'kick')
        void first.engine.api.unsubscribe({ user: `${next.who % 2}`, channel: next.channel });
      else if (next.do === 'push') {
        first.engine.api.subscribe({ user: `${next.who % 2}`, channel: next.channel }).catch(() => {});
      } else if (next.do === 'disconnect') void first.engine.api.disconnect({ user: `${next.who % 2}` });
      else if (next.do === 'close') client?.close();
      else if (next.do === 'garbage') client?.sendFrame('garbage');
      else if (next.do === 'hold') client?.hold();
      else if (next.do === 'advance') await first.clock.advance(next.ms);
      else if (next.do === 'lost') {
        for (const { broker } of nodes) broker.fault = broker.fault === 'lost' ? 'none' : 'lost';
      } else if (next.do === 'gap') for (const { broker } of nodes) broker.reportGap('all:1');
      else trouble = next.do;
      // Sometimes things happen in the middle of what was begun.
      if (id % 3 === 0) await settle();
    }
    for (const client of clients) client?.close();
    for (let i = 0; i < 20; i++) await settle();
    await expectNothing();
    // Places are free again: limits count nobody who is gone.
    trouble = 'healthy';
    for (const node of nodes) {
      const fresh = await Promise.all([0, 1, 2, 3].map((i) => node.connect({ token: token({ sub: `${i % 2}` }) })));
      const more = await Promise.all([0, 1].map(() => node.connect()));
      for (const one of [...fresh, ...more]) one.close();
    }
    for (let i = 0; i < 5; i++) await settle();
    await expectNothing();
    // And nothing comes later either.
    await first.clock.advance(30_000);
    await expectNothing();
  } finally {
    for (const node of nodes) await node.engine.stop();
  }
}

describe('leaks', () => {
  test('when everybody is gone, nothing is left', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), (steps) => run(steps)),
      { numRuns: Number(process.env['TIDINGS_LEAK_RUNS'] ?? 60), timeout: 10_000 },
    );
  }, 60_000);
});
