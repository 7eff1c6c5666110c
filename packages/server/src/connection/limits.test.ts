import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressKey, ConnectionLimits, TokenBucket } from './limits.ts';

const unlimited = { connections: 0, connectionsPerUser: 0, connectionsPerAddress: 0, commandsPerSecondPerUser: 0 };

const takeMany = (bucket: TokenBucket, nowMs: number, count = 1_000): number => {
  let taken = 0;
  for (let i = 0; i < count; i++) if (bucket.take(nowMs)) taken++;
  return taken;
};

describe('TokenBucket', () => {
  test('lets a burst pass, then the rate', () => {
    const bucket = new TokenBucket(10, 20, 0);
    expect(takeMany(bucket, 0)).toBe(20);
    expect(takeMany(bucket, 99)).toBe(0);
    expect(takeMany(bucket, 100)).toBe(1);
    expect(takeMany(bucket, 1_100)).toBe(10);
    expect(takeMany(bucket, 1_000_000)).toBe(20);
  });

  test('a rate of 0 is no limit', () => {
    expect(takeMany(new TokenBucket(0, 0, 0), 0)).toBe(1_000);
  });

  test('a clock set back gives nothing', () => {
    const bucket = new TokenBucket(10, 20, 1_000_000);
    expect(takeMany(bucket, 1_000_000)).toBe(20);
    expect(takeMany(bucket, 0)).toBe(0);
    expect(takeMany(bucket, 500)).toBe(5);
  });

  test('takes over a new rate without giving anything away', () => {
    const bucket = new TokenBucket(10, 20, 0);
    expect(takeMany(bucket, 0)).toBe(20);
    bucket.replace(100, 200, 0);
    expect(takeMany(bucket, 0)).toBe(0);
    expect(takeMany(bucket, 1_000)).toBe(100);
    bucket.replace(1, 2, 60_000);
    expect(takeMany(bucket, 60_000)).toBe(2);
  });

  test('in any stretch of time no more pass than burst and rate allow, and no fewer', () => {
    const steps = fc.array(fc.tuple(fc.nat(3_000), fc.nat(30)), { maxLength: 100 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 }), steps, (rate, burst, tries) => {
        const bucket = new TokenBucket(rate, burst, 0);
        let nowMs = 0;
        let tokens = burst;
        for (const [waitMs, count] of tries) {
          nowMs += waitMs;
          tokens = Math.min(burst, tokens + (waitMs * rate) / 1000);
          const taken = takeMany(bucket, nowMs, count);
          expect(taken).toBeLessThanOrEqual(tokens + 1e-6);
          expect(taken).toBeGreaterThanOrEqual(Math.min(count, Math.floor(tokens - 1e-6)));
          tokens -= taken;
        }
      }),
    );
  });
});

describe('ConnectionLimits', () => {
  test('counts per node, per address and per user', () => {
    const limits = new ConnectionLimits({
      ...unlimited,
      connections: 3,
      connectionsPerAddress: 2,
      connectionsPerUser: 1,
    });
    expect(limits.admitAddress('10.0.0.1')).toBe(true);
    expect(limits.admitAddress('10.0.0.1')).toBe(true);
    expect(limits.admitAddress('10.0.0.1')).toBe(false);
    expect(limits.admitAddress('10.0.0.2')).toBe(true);
    expect(limits.admitAddress('10.0.0.3')).toBe(false);
    limits.releaseAddress('10.0.0.1');
    expect(limits.admitAddress('10.0.0.3')).toBe(true);
    expect(limits.total).toBe(3);
    expect(limits.admitUser('ann')).toBe(true);
    expect(limits.admitUser('ann')).toBe(false);
    expect(limits.admitUser('bob')).toBe(true);
    limits.releaseUser('ann');
    expect(limits.admitUser('ann')).toBe(true);
  });

  test('what was connected before a reload counts against the new limits', () => {
    const limits = new ConnectionLimits(unlimited);
    for (let i = 0; i < 5; i++) expect(limits.admitAddress('10.0.0.1') && limits.admitUser('ann')).toBe(true);
    limits.replace({ ...unlimited, connectionsPerAddress: 5, connectionsPerUser: 5 });
    expect(limits.admitAddress('10.0.0.1')).toBe(false);
    expect(limits.admitUser('ann')).toBe(false);
    limits.releaseAddress('10.0.0.1');
    limits.releaseUser('ann');
    expect(limits.admitAddress('10.0.0.1')).toBe(true);
    expect(limits.admitUser('ann')).toBe(true);
  });

  test('the connections of a user share their commands', () => {
    const limits = new ConnectionLimits({ ...unlimited, commandsPerSecondPerUser: 2 });
    const taken = (user: string, nowMs: number): number =>
      Array.from({ length: 20 }, () => limits.takeCommand(user, nowMs)).filter(Boolean).length;
    limits.admitUser('ann');
    limits.admitUser('ann');
    expect(taken('ann', 0)).toBe(4);
    expect(taken('ann', 500)).toBe(1);
    limits.releaseUser('ann');
    expect(taken('ann', 500)).toBe(0);
    limits.replace({ ...unlimited, commandsPerSecondPerUser: 10 });
    expect(taken('ann', 1_000)).toBe(1);
    expect(taken('ann', 2_000)).toBe(10);
    limits.replace(unlimited);
    expect(taken('ann', 2_000)).toBe(20);
    expect(taken('nobody', 2_000)).toBe(20);
    limits.releaseUser('ann');
    expect(limits.size).toBe(0);
  });

  test('never goes below nothing, never exceeds a limit, and keeps nothing of who left', () => {
    const operation = fc.record({
      kind: fc.constantFrom('admitAddress', 'releaseAddress', 'admitUser', 'releaseUser', 'takeCommand', 'replace'),
      name: fc.constantFrom('10.0.0.1', '10.0.0.2', '2001:db8::1', '2001:db8::2', '2001:db8:0:1::1'),
      limit: fc.nat(4),
    });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200, size: 'max' }), (operations) => {
        let config = { connections: 4, connectionsPerUser: 2, connectionsPerAddress: 2, commandsPerSecondPerUser: 1 };
        const limits = new ConnectionLimits(config);
        const addresses: string[] = [];
        const users: string[] = [];
        const count = (list: string[], key: string): number => list.filter((each) => each === key).length;
        const drop = (list: string[], key: string): void => {
          const at = list.indexOf(key);
          if (at >= 0) list.splice(at, 1);
        };
        for (const { kind, name, limit } of operations) {
          const key = addressKey(name);
          if (kind === 'replace') {
            config = {
              connections: limit * 2,
              connectionsPerUser: limit,
              connectionsPerAddress: limit,
              commandsPerSecondPerUser: limit,
            };
            limits.replace(config);
          } else if (kind === 'admitAddress') {
            const { connections, connectionsPerAddress } = config;
            const fits =
              (connections === 0 || addresses.length < connections) &&
              (connectionsPerAddress === 0 || count(addresses, key) < connectionsPerAddress);
            expect(limits.admitAddress(name)).toBe(fits);
            if (fits) addresses.push(key);
          } else if (kind === 'admitUser') {
            const fits = config.connectionsPerUser === 0 || count(users, name) < config.connectionsPerUser;
            expect(limits.admitUser(name)).toBe(fits);
            if (fits) users.push(name);
          } else if (kind === 'releaseAddress') {
            limits.releaseAddress(name);
            drop(addresses, key);
          } else if (kind === 'releaseUser') {
            limits.releaseUser(name);
            drop(users, name);
          } else {
            limits.takeCommand(name, 0);
          }
          expect(limits.total).toBe(addresses.length);
          expect(limits.size).toBe(new Set(addresses).size + new Set(users).size);
        }
      }),
    );
  });
});

describe('addressKey', () => {
  test.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:c000:207', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
    ['1:2:3:4:5:6:192.0.2.7', '1:2:3:4::/64'],
    ['', ''],
    ['unix', 'unix'],
    ['not:an:address', 'not:an:address'],
  ])('%s counts as %s', (address, key) => {
    expect(addressKey(address)).toBe(key);
  });

  test('addresses count as one exactly if their first 64 bits agree', () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    const address = fc.tuple(
      fc.array(group, { minLength: 4, maxLength: 4 }),
      fc.array(group, { minLength: 4, maxLength: 4 }),
    );
    fc.assert(
      fc.property(address, address, fc.boolean(), ([a, b], [c, d], same) => {
        // Out of the ranges that carry IPv4.
        const first = [0x2001, ...a.slice(1)];
        const second = same ? first : [0x2001, ...c.slice(1)];
        const write = (groups: number[]): string => groups.map((each) => each.toString(16)).join(':');
        const agree = write(first) === write(second);
        expect(addressKey(write([...first, ...b])) === addressKey(write([...second, ...d]))).toBe(agree);
      }),
    );
  });
});
