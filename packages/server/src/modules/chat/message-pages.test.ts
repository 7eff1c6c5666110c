import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createChat, type ChatFixture } from './testing/chat-fixture.ts';

async function filled(total: number, limit?: number): Promise<ChatFixture> {
  const chat = await createChat({ config: { enabled: true, ...(limit !== undefined && { limits: { page: limit } }) } });
  await chat.room({ members: ['anna'] });
  await Promise.all(
    Array.from({ length: total }, (_, at) => chat.as('anna')('send', { room: 'room', text: String(at + 1) })),
  );
  return chat;
}

interface Page {
  readonly messages: readonly { readonly seq: number }[];
  readonly hasBefore: boolean;
  readonly hasAfter: boolean;
}

function shape({ messages, hasBefore, hasAfter }: Page): string {
  const seqs = messages.map(({ seq }) => seq);
  return `${hasBefore ? '…' : '|'}${seqs[0] ?? ''}-${seqs.at(-1) ?? ''}(${seqs.length})${hasAfter ? '…' : '|'}`;
}

test('pages go both ways and around a message', async () => {
  await using chat = await filled(120);
  const page = async (input: object) => shape((await chat.as('anna')('messages', { room: 'room', ...input })) as Page);
  expect(await page({})).toBe('…71-120(50)|');
  expect(await page({ limit: 100 })).toBe('…21-120(100)|');
  expect(await page({ before: 71 })).toBe('…21-70(50)…');
  expect(await page({ before: 21 })).toBe('|1-20(20)…');
  expect(await page({ before: 1 })).toBe('|-(0)…');
  expect(await page({ before: 999 })).toBe('…71-120(50)|');
  expect(await page({ after: 0, limit: 10 })).toBe('|1-10(10)…');
  expect(await page({ after: 110 })).toBe('…111-120(10)|');
  expect(await page({ after: 120 })).toBe('…-(0)|');
  expect(await page({ around: 60, limit: 10 })).toBe('…55-64(10)…');
  expect(await page({ around: 1, limit: 10 })).toBe('|1-5(5)…');
  expect(await page({ around: 120, limit: 10 })).toBe('…115-120(6)|');
  expect(await page({ around: 60, limit: 1 })).toBe('…60-60(1)…');
});

test('whoever walks, in whatever steps, sees every message once, in order', async () => {
  await using chat = await filled(60);
  const anna = chat.as('anna');
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 25 }), fc.integer({ min: 1, max: 60 }), async (limit, start) => {
      const middle = (await anna('messages', { room: 'room', around: start, limit })) as Page;
      const seqs = middle.messages.map(({ seq }) => seq);
      for (let more = middle.hasBefore; more;) {
        const page = (await anna('messages', { room: 'room', before: seqs[0], limit })) as Page;
        seqs.unshift(...page.messages.map(({ seq }) => seq));
        more = page.hasBefore;
      }
      for (let more = middle.hasAfter; more;) {
        const page = (await anna('messages', { room: 'room', after: seqs.at(-1), limit })) as Page;
        seqs.push(...page.messages.map(({ seq }) => seq));
        more = page.hasAfter;
      }
      expect(seqs).toEqual(Array.from({ length: 60 }, (_, at) => at + 1));
    }),
    { numRuns: 20 },
  );
});

test('a thread has pages of its own, and the room leaves its replies out', async () => {
  await using chat = await filled(3);
  const anna = chat.as('anna');
  for (let at = 0; at < 4; at++) await anna('send', { room: 'room', text: 'reply', threadSeq: 2 });
  await anna('send', { room: 'room', text: 'after' });
  expect(shape((await anna('messages', { room: 'room' })) as Page)).toBe('|1-8(4)|');
  expect(shape((await anna('messages', { room: 'room', threadSeq: 2, limit: 3 })) as Page)).toBe('…5-7(3)|');
  expect(shape((await anna('messages', { room: 'room', threadSeq: 2, after: 4, limit: 2 })) as Page)).toBe('…5-6(2)…');
});

test('a tombstone keeps its place', async () => {
  await using chat = await filled(3);
  await chat.as('anna')('delete', { room: 'room', seq: 2 });
  const { messages } = (await chat.as('anna')('messages', { room: 'room' })) as Page;
  expect(messages.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  expect(messages[1]).not.toHaveProperty('text');
});

test('a page beyond the limit, and two cursors at once, are refused by name', async () => {
  await using chat = await filled(1, 100);
  const anna = chat.as('anna');
  await expect(anna('messages', { room: 'room', limit: 101 })).rejects.toMatchObject({
    code: 607,
    message: 'too many: limit 101; at most 100',
  });
  await expect(anna('messages', { room: 'room', before: 1, after: 1 })).rejects.toMatchObject({ code: 605 });
  await expect(anna('messages', { room: 'room', limit: 0 })).rejects.toMatchObject({ code: 605 });
});

test('one message is found by its seq', async () => {
  await using chat = await filled(2);
  expect(await chat.as('anna')('message', { room: 'room', seq: 2 })).toMatchObject({ message: { seq: 2, text: '2' } });
  await expect(chat.as('anna')('message', { room: 'room', seq: 3 })).rejects.toMatchObject({ code: 601 });
});
