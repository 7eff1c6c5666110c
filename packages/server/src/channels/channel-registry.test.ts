import { describe, expect, test } from 'vitest';
import { channelOptionsSchema, type ChannelOptions } from '../config/schema.ts';
import { ChannelRegistry } from './channel-registry.ts';

function options(maxSubscribers: number): ChannelOptions {
  return channelOptionsSchema.parse({ maxSubscribers });
}

describe('ChannelRegistry', () => {
  const registry = new ChannelRegistry({
    '*': options(1),
    'room:*': options(2),
    'room:{id}': options(3),
    'room:{id}:typing': options(4),
    'room:lobby': options(5),
    lobby: options(6),
  });

  test.each([
    ['anything', '*', 1],
    ['room:', 'room:*', 2],
    ['room:7:members', 'room:*', 2],
    ['room:7', 'room:{id}', 3],
    ['room:7:typing', 'room:{id}:typing', 4],
    ['room:lobby', 'room:lobby', 5],
    ['lobby', 'lobby', 6],
  ])('%s has the options of %s, the most specific pattern', (channel, pattern, maxSubscribers) => {
    const found = registry.find(channel);
    expect(found?.pattern).toBe(pattern);
    expect(found?.options.maxSubscribers).toBe(maxSubscribers);
  });

  test('variables are those of the channel', () => {
    expect({ ...registry.find('room:7:typing')?.variables }).toEqual({ id: '7' });
    expect({ ...registry.find('room:8:typing')?.variables }).toEqual({ id: '8' });
    expect({ ...registry.find('lobby')?.variables }).toEqual({});
  });

  test('patterns are listed from the most specific to the least, in whatever order they were written', () => {
    expect(registry.patterns).toEqual(['room:{id}:typing', 'room:lobby', 'room:{id}', 'lobby', 'room:*', '*']);
  });

  test('a channel without a pattern is none, at the first and at every later question', () => {
    const closed = new ChannelRegistry({ 'chat:{id}': options(1) });
    for (let i = 0; i < 3; i++) {
      expect(closed.find('chat:')).toBeUndefined();
      expect(closed.find('news')).toBeUndefined();
      expect(closed.find('__proto__')).toBeUndefined();
      expect(closed.find('chat:1')?.pattern).toBe('chat:{id}');
    }
  });

  test('answers stay right while more names are asked for than it remembers', () => {
    for (let i = 0; i < 25_000; i++) {
      expect(registry.find(`room:${i}`)?.variables['id']).toBe(String(i));
      if (i % 1000 === 0) {
        expect(registry.find('room:0')?.variables['id']).toBe('0');
        expect(registry.find('lobby')?.pattern).toBe('lobby');
      }
    }
  });

  test('a malformed pattern is refused', () => {
    expect(() => new ChannelRegistry({ 'room:{id': options(1) })).toThrow(/room:\{id/);
  });
});
