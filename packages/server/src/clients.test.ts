import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Client } from './client.ts';
import { Clients } from './clients.ts';

type Known = Pick<Client, 'id' | 'user' | 'handshake'>;

describe('Clients', () => {
  test('whoever comes and goes, it knows who is there, by id, user and transport', () => {
    const person = fc.record({ id: fc.nat({ max: 9 }).map(String), add: fc.boolean() });
    fc.assert(
      fc.property(fc.array(person, { maxLength: 60 }), (steps) => {
        const clients = new Clients();
        const model = new Map<string, Known>();
        const all = Array.from({ length: 10 }, (_, i) => ({
          id: String(i),
          user: ['', 'a', 'b'][i % 3] as string,
          handshake: { transport: i % 2 === 0 ? 'websocket' : 'sse' },
        })) as Known[] as Client[];
        for (const { id, add } of steps) {
          const client = all[Number(id)] as Client;
          if (add && !model.has(id)) {
            clients.add(client);
            model.set(id, client);
          } else if (!add) {
            clients.remove(client);
            model.delete(id);
          }
        }
        const there = [...model.values()];
        expect(clients.size).toBe(there.length);
        expect(new Set(clients.all())).toEqual(new Set(there));
        expect(clients.userCount).toBe(new Set(there.map(({ user }) => user)).size);
        for (const user of ['', 'a', 'b', 'c']) {
          expect(new Set(clients.ofUser(user))).toEqual(new Set(there.filter((one) => one.user === user)));
        }
        for (const client of all) expect(clients.get(client.id)).toBe(model.get(client.id));
        for (const transport of ['websocket', 'sse']) {
          const count = there.filter((one) => one.handshake.transport === transport).length;
          expect(clients.countByTransport.get(transport) ?? 0).toBe(count);
        }
      }),
    );
  });
});
