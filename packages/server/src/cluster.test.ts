import { describe, expect, test } from 'vitest';
import { MemoryBroker, MemoryBus } from './brokers/memory.ts';
import { Cluster, NoSuchNodeError, type ClusterOptions } from './cluster.ts';
import { FakeClock, settle } from './lib/clock.ts';
import { createLogger } from './lib/logger.ts';

const logger = createLogger('silent');

class Net {
  readonly clock = new FakeClock();
  readonly bus = new MemoryBus({ clock: this.clock });

  async add(
    name: string,
    methods: ClusterOptions['methods'] = {},
  ): Promise<{ cluster: Cluster; broker: MemoryBroker }> {
    const { clock, bus } = this;
    const broker = new MemoryBroker({ clock, bus, nodeId: name });
    const self = () => ({
      uid: name,
      name,
      version: '1',
      clients: 0,
      users: 0,
      subscriptions: 0,
      channels: 0,
      uptime: 0,
    });
    const cluster = new Cluster({ broker, clock, logger, self, methods: { name: () => name, ...methods } });
    broker.onEvent({
      publication: () => {},
      join: () => {},
      leave: () => {},
      gap: () => {},
      control: (message) => cluster.receive(message),
    });
    await broker.start();
    await cluster.start();
    await settle();
    return { cluster, broker };
  }
}

const names = (cluster: Cluster): string[] => cluster.nodes().map(({ uid }) => uid);

describe('who is there', () => {
  test('a node alone is its own peer', async () => {
    const { cluster } = await new Net().add('a');
    expect(names(cluster)).toEqual(['a']);
    expect(await cluster.callAll('name', null)).toEqual(['a']);
    expect(await cluster.call('a', 'name', null)).toBe('a');
  });

  test('nodes know each other at once, whoever came first', async () => {
    const net = new Net();
    const nodes = [await net.add('a'), await net.add('b'), await net.add('c')];
    for (const { cluster } of nodes) {
      expect(names(cluster).toSorted()).toEqual(['a', 'b', 'c']);
      expect(((await cluster.callAll('name', null)) as string[]).toSorted()).toEqual(['a', 'b', 'c']);
    }
  });

  test('they stay while they announce themselves', async () => {
    const net = new Net();
    const a = await net.add('a');
    await net.add('b');
    await net.clock.advance(600_000);
    expect(names(a.cluster)).toEqual(['a', 'b']);
  });

  test('one that stops is gone at once, one that dies after ten seconds', async () => {
    const net = new Net();
    const [a, b, c] = [await net.add('a'), await net.add('b'), await net.add('c')];
    await b.cluster.stop();
    expect(names(a.cluster)).toEqual(['a', 'c']);
    await c.broker.stop();
    await net.clock.advance(9_000);
    expect(names(a.cluster)).toEqual(['a', 'c']);
    await net.clock.advance(4_000);
    expect(names(a.cluster)).toEqual(['a']);
    expect(await a.cluster.callAll('name', null)).toEqual(['a']);
  });

  test('one that stopped says nothing more', async () => {
    const net = new Net();
    const [a, b] = [await net.add('a'), await net.add('b')];
    await b.cluster.stop();
    await net.add('c');
    await net.clock.advance(60_000);
    expect(names(a.cluster)).toEqual(['a', 'c']);
  });

  test('one that is stopped while it announces itself stays stopped', async () => {
    const net = new Net();
    const a = await net.add('a');
    const gate = Promise.withResolvers<void>();
    const b = await net.add('b');
    const send = b.broker.sendControl.bind(b.broker);
    b.broker.sendControl = async (nodeId, message) => {
      await gate.promise;
      return send(nodeId, message);
    };
    await net.clock.advance(3_000);
    const stopping = b.cluster.stop();
    gate.resolve();
    await stopping;
    await net.clock.advance(60_000);
    expect(names(a.cluster)).toEqual(['a']);
  });
});

describe('calls', () => {
  test('carry values and bytes both ways', async () => {
    const net = new Net();
    const a = await net.add('a');
    await net.add('b', { echo: (params: unknown) => params });
    const params = { text: 'ä', list: [1, null, { deep: new Uint8Array([0, 255, 10]) }] };
    expect(await a.cluster.call('b', 'echo', params)).toEqual(params);
  });

  test('answers may take their time, and do not mix', async () => {
    const net = new Net();
    const gates = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
    const a = await net.add('a');
    await net.add('b', { wait: ({ i }: { i: number }) => gates[i]?.promise });
    const calls = [a.cluster.call('b', 'wait', { i: 0 }), a.cluster.call('b', 'wait', { i: 1 })];
    gates[1]?.resolve('second');
    expect(await calls[1]).toBe('second');
    gates[0]?.resolve('first');
    expect(await calls[0]).toBe('first');
  });

  test('to a node that is not there', async () => {
    const net = new Net();
    const a = await net.add('a');
    await expect(a.cluster.call('b', 'name', null)).rejects.toThrow(NoSuchNodeError);
    const b = await net.add('b');
    await b.broker.stop();
    await expect(a.cluster.call('b', 'name', null)).rejects.toThrow(NoSuchNodeError);
  });

  test.each(['no such method', 'constructor', '__proto__', 'toString'])('of the method %j fail', async (method) => {
    const { cluster } = await new Net().add('a');
    await expect(cluster.call('a', method, null)).rejects.toThrow(`unknown method ${method}`);
  });

  test('a method that throws fails the call, with its words', async () => {
    const net = new Net();
    const a = await net.add('a', { work: () => 1 });
    await net.add('b', {
      work: () => {
        throw new Error('out of order');
      },
    });
    await expect(a.cluster.call('b', 'work', null)).rejects.toThrow('out of order');
    await expect(a.cluster.callAll('work', null)).rejects.toThrow('out of order');
  });

  test('without an answer fail after five seconds, naming who did not answer', async () => {
    const net = new Net();
    const a = await net.add('a');
    await net.add('b', { name: () => new Promise(() => {}) });
    const call = a.cluster.callAll('name', null);
    const outcome = call.catch((error: Error) => error.message);
    await net.clock.advance(4_900);
    let done = false;
    void outcome.then(() => (done = true));
    await settle();
    expect(done).toBe(false);
    await net.clock.advance(200);
    expect(await outcome).toMatch(/no answer to name from b within 5000 ms/);
  });

  test('a node that leaves meanwhile is left out', async () => {
    const net = new Net();
    const a = await net.add('a');
    const b = await net.add('b', { name: () => new Promise(() => {}) });
    const call = a.cluster.callAll('name', null);
    await settle();
    await b.cluster.stop();
    expect(await call).toEqual(['a']);
  });

  test('those under way fail when this node stops', async () => {
    const net = new Net();
    const a = await net.add('a');
    await net.add('b', { name: () => new Promise(() => {}) });
    const outcome = a.cluster.callAll('name', null).catch((error: Error) => error.message);
    await a.cluster.stop();
    expect(await outcome).toMatch(/stopping/);
  });

  test('an answer that comes late, twice or from somebody else changes nothing', async () => {
    const net = new Net();
    const gate = Promise.withResolvers<string>();
    const a = await net.add('a', { name: () => 'a' });
    await net.add('b', { name: () => gate.promise });
    const outcome = a.cluster.call('b', 'name', null).catch((error: Error) => error.message);
    await net.clock.advance(5_100);
    gate.resolve('late');
    await settle();
    expect(await outcome).toMatch(/no answer/);
    expect(await a.cluster.call('a', 'name', null)).toBe('a');
  });

  test('a broker that cannot send fails the call', async () => {
    const { cluster, broker } = await new Net().add('a');
    broker.sendControl = () => Promise.reject(new Error('no network'));
    await expect(cluster.call('a', 'name', null)).rejects.toThrow('no network');
  });
});

describe('messages that are none', () => {
  test.each([
    '',
    'null',
    '7',
    '"x"',
    '{}',
    '{"type":"other"}',
    '{"type":"announce"}',
    '{"type":"call"}',
    '{"type":"result","id":"x","from":"a"}',
    '\xff',
  ])('%j is ignored', async (text) => {
    const { cluster } = await new Net().add('a');
    expect(() => cluster.receive(new TextEncoder().encode(text))).not.toThrow();
    expect(await cluster.call('a', 'name', null)).toBe('a');
  });
});
