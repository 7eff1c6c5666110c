import { describe, expect, test } from 'vitest';
import { ChannelRegistry } from '../channels/channel-registry.ts';
import { developmentConfig } from './development.ts';
import { loadConfig } from './load.ts';
import { parseConfig } from './parse.ts';
import type { Config, ConfigInput } from './schema.ts';

const develop = (base: ConfigInput): Config => parseConfig(developmentConfig(base)).config;

describe('development mode', () => {
  test('opens every channel without a prefix to anyone, and no other', () => {
    const config = develop({});
    expect(config.mode).toBe('development');
    expect(config.auth.anonymous).toBe(true);
    expect(config.origins).toEqual(['http://localhost:*', 'http://127.0.0.1:*']);
    const registry = new ChannelRegistry(config.channels);
    expect(registry.find('demo')?.options).toMatchObject({
      allow: { subscribe: 'anyone', publish: 'anyone', history: 'anyone', presence: 'anyone' },
      history: { size: 100, ttl: 600_000 },
      recovery: 'on-request',
      joinLeave: 'on-request',
      presence: true,
      delta: true,
      tagsFilter: true,
    });
    expect(registry.find('chat:demo')).toBeUndefined();
  });

  test('what a configuration says holds', () => {
    const config = develop({
      mode: 'production',
      origins: ['https://app.example.com'],
      auth: { anonymous: false },
      channels: { '{name}': { presence: false }, 'chat:{id}': {} },
    });
    expect(config.mode).toBe('development');
    expect(config.origins).toEqual(['https://app.example.com']);
    expect(config.auth.anonymous).toBe(false);
    expect(config.channels['{name}']).toMatchObject({ presence: false, delta: true });
    expect(config.channels['chat:{id}']?.allow.subscribe).toBe('nobody');
  });

  test('users of chat find each other by name, unless it is said otherwise', () => {
    expect(develop({}).chat.permissions.findUsers).toBe('auth.uid != ""');
    const own = develop({ chat: { permissions: { findUsers: 'false', send: 'true' } } });
    expect(own.chat.permissions).toEqual({ findUsers: 'false', send: 'true' });
    expect(parseConfig({}).config.chat.permissions.findUsers).toBeUndefined();
  });

  test('a pattern as general under another name takes its place', () => {
    expect(Object.keys(develop({ channels: { '{room}': {} } }).channels)).toEqual(['{room}']);
  });

  test('what is malformed is left for validation', () => {
    expect(() => parseConfig(developmentConfig({ channels: { '{': {} } }))).toThrow(/malformed pattern/);
    expect(() => parseConfig(developmentConfig({ channels: 'all' } as unknown as ConfigInput))).toThrow(
      /channels\n {4}found "all"/,
    );
  });

  test('loadConfig applies it wherever the mode comes from', async () => {
    for (const how of [
      { env: { TIDINGS_MODE: 'development' } },
      { env: {}, overrides: { mode: 'development' as const } },
    ]) {
      const { config } = await loadConfig({ cwd: import.meta.dirname, ...how });
      expect(Object.keys(config.channels)).toEqual(['{name}']);
    }
    expect((await loadConfig({ cwd: import.meta.dirname, env: {} })).config.channels).toEqual({});
  });

  test('has chat, unless the configuration says otherwise or has channels of its own in the way', () => {
    expect(develop({}).chat.enabled).toBe(true);
    expect(develop({ chat: { limits: { page: 700 } } }).chat).toMatchObject({ enabled: true, limits: { page: 700 } });
    expect(develop({ chat: { enabled: false } }).chat.enabled).toBe(false);
    expect(develop({ channels: { 'chat:*': {}, 'room:{id}': {} } }).chat.enabled).toBe(true);
    expect(develop({ channels: { 'chat:room:{id}': {} } }).chat.enabled).toBe(false);
    expect(() => develop({ channels: { 'chat:room:{id}': {} }, chat: { enabled: true } })).toThrow(/chat:room:\{id\}/);
  });
});
