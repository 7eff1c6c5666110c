import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { scanMessages, type MessageKey } from './scan-messages.ts';
import { createChat } from './testing/chat-fixture.ts';

test('all that are wanted are found, each once and in order, over rooms and slices, however few at a time', async () => {
  await using chat = await createChat();
  const { db } = chat.chat;
  for (const id of ['a', 'b', 'c']) await chat.room({ id, members: ['ben'] });
  await chat.as('ben')('send', { room: 'b', text: 'only one' });
  await sql`with recursive n(seq) as (values (1) union all select seq + 1 from n where seq < 2500)
    insert into chat_messages (room_id, seq, id, sender_id, ucount, rev, first_rev, kind, body, created_at)
    select room, seq, room || seq, case when seq % 50 = 0 then 'ben' else 'anna' end, seq, seq, seq, 'text', '{}', 0
    from n, (select 'a' as room union select 'c')`.execute(db);
  const expected = ['a', 'b', 'c'].flatMap((room) =>
    room === 'b' ? ['b 1'] : Array.from({ length: 50 }, (_, at) => `${room} ${(at + 1) * 50}`),
  );
  for (const limit of [7, 1_000]) {
    const found: string[] = [];
    let slices = 0;
    for (let after: MessageKey | undefined, more = true; more; slices++) {
      const slice = await scanMessages(db, sql`message.sender_id = 'ben'`, after, limit);
      expect(slice.found.length).toBeLessThanOrEqual(limit);
      found.push(...slice.found.map(({ room_id, seq }) => `${room_id} ${seq}`));
      after = slice.next;
      more = after !== undefined;
    }
    expect(found).toEqual(expected);
    expect(slices).toBeGreaterThan(3);
  }
});
