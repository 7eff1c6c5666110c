import { describe, expect, test } from 'vitest';
import { Commands } from '../commands.ts';
import { errors } from '@tidings/protocol';
import { Metrics } from '../lib/metrics.ts';
import { channelLane, laneOf, methodOf, type Method } from './dispatch.ts';

describe('methodOf', () => {
  test('the first in the order of the protocol is the one meant', () => {
    expect(methodOf({ id: 1, publish: { channel: 'a' }, subscribe: { channel: 'b' } })).toBe('subscribe');
    expect(methodOf({ id: 1, rpc: {}, ping: {} })).toBe('ping');
    expect(methodOf({ send: {}, connect: {} })).toBe('connect');
  });

  test('an empty command is a pong', () => {
    expect(methodOf({})).toBeUndefined();
    expect(methodOf({ id: 7 })).toBeUndefined();
  });
});

const core = { commands: new Commands([], new Metrics()) };

describe('laneOf', () => {
  test('commands of one channel share a lane, and no other', () => {
    const methods = [
      'subscribe',
      'unsubscribe',
      'publish',
      'presence',
      'presence_stats',
      'history',
      'sub_refresh',
    ] as const;
    for (const method of methods) {
      expect(laneOf(core, { id: 1, [method]: { channel: 'a' } }, method)).toBe(channelLane('a'));
      expect(laneOf(core, { id: 1, [method]: {} }, method)).toBe(channelLane(''));
    }
  });

  test('no channel has the lane of a method, whatever its name', () => {
    for (const method of ['rpc', 'refresh', 'ping', 'send'] as const satisfies readonly Method[]) {
      expect(laneOf(core, { id: 1, [method]: {} }, method)).toBe(method);
      expect(channelLane(method)).not.toBe(method);
    }
  });

  test('a command of a module has none: it begins at once', () => {
    const group = { module: 'chat', commands: [], invalid: errors.badRequest, httpStatus: () => undefined };
    const withChat = { commands: new Commands([group], new Metrics()) };
    expect(laneOf(withChat, { id: 1, rpc: { method: 'chat.send' } }, 'rpc')).toBeUndefined();
    expect(laneOf(withChat, { id: 1, rpc: { method: 'chat' } }, 'rpc')).toBe('rpc');
    expect(laneOf(withChat, { id: 1, rpc: { method: 'chatter' } }, 'rpc')).toBe('rpc');
    expect(laneOf(withChat, { id: 1, rpc: {} }, 'rpc')).toBe('rpc');
  });
});
