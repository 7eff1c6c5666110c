import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { verifySignature, signatureHeader } from '../../lib/signature.ts';
import type { ModerationAnswer, ReviewMessage } from './moderation-hook.ts';
import { createChat } from './testing/chat-fixture.ts';

interface Asked {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** An application that answers with what `answer` returns: an object as JSON, a number as a status, a text as it is. */
async function application(answer: (question: Record<string, unknown>) => unknown) {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
    request.on('end', () => {
      asked.push({ headers: request.headers, body });
      const said = answer(JSON.parse(body) as Record<string, unknown>);
      if (said === undefined) return;
      response.statusCode = typeof said === 'number' ? said : 200;
      response.end(typeof said === 'string' ? said : JSON.stringify(said));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    asked,
    url: `http://127.0.0.1:${port}/moderate`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function withHook(url: string, hook: Record<string, unknown> = {}, more: Record<string, unknown> = {}) {
  return { config: { enabled: true, moderation: { ...more, hook: { url, ...hook } } } };
}

describe('the list of words', () => {
  const moderation = (wordAction: 'reject' | 'mask' | 'report') => ({
    config: { enabled: true, moderation: { words: ['damn'], wordAction } },
  });

  test('masks what is sent and what is edited', async () => {
    await using chat = await createChat(moderation('mask'));
    const room = await chat.room({ members: ['anna'] });
    const { message } = await chat.as('anna')('send', { room, text: 'Damn it' });
    expect(message.text).toBe('**** it');
    await chat.as('anna')('edit', { room, seq: 1, text: 'it is DAMN' });
    expect((await chat.as('anna')('message', { room, seq: 1 })).message.text).toBe('it is ****');
  });

  test('rejects, and nothing is stored', async () => {
    await using chat = await createChat(moderation('reject'));
    const room = await chat.room({ members: ['anna'] });
    await expect(chat.as('anna')('send', { room, text: 'damn' })).rejects.toMatchObject({ code: 614 });
    expect(await chat.roomRow()).toMatchObject({ last_seq: 0, rev: 0 });
  });

  test('reports, and lets the message stand', async () => {
    await using chat = await createChat(moderation('report'));
    const room = await chat.room({ members: ['anna', 'ben'] });
    const { message } = await chat.as('ben')('send', { room, text: 'damn' });
    expect(message.text).toBe('damn');
    const { reports } = await chat.as('anna')('reports', { room });
    expect(reports).toMatchObject([{ seq: 1, user: 'ben', reporter: '', state: 'open', message: { text: 'damn' } }]);
    expect(chat.eventTypes).toEqual(expect.arrayContaining(['chat.message.sent', 'chat.report.created']));
  });

  test('does not hold for back ends that speak for themselves', async () => {
    await using chat = await createChat(moderation('reject'));
    const room = await chat.room({ members: ['anna'] });
    expect((await chat.system('send', { room, text: 'damn' })).message.text).toBe('damn');
  });
});

describe('the hook', () => {
  test('is asked before a message is stored, signed, and may change it', async () => {
    await using app = await application(({ text }) => ({ action: 'change', text: `[${String(text)}]` }));
    await using chat = await createChat({
      ...withHook(app.url),
      parts: {
        hooks: { secret: 'a secret of hooks', concurrency: 4, queue: 4, breaker: { failures: 3, cooldown: 1_000 } },
      },
    });
    const room = await chat.room({ members: ['anna'] });
    const { message } = await chat.as('anna')('send', { room, text: 'hello', data: { a: 1 } });
    expect(message).toMatchObject({ text: '[hello]', data: { a: 1 } });
    const [asked] = app.asked;
    expect(JSON.parse(asked!.body)).toEqual({ room, user: 'anna', text: 'hello', data: { a: 1 } });
    const signature = String(asked!.headers[signatureHeader]);
    expect(verifySignature('a secret of hooks', signature, asked!.body, { now: chat.clock.now() })).toBe(true);
  });

  test('may reject, and its reason is told to the sender', async () => {
    await using app = await application(() => ({ action: 'reject', reason: 'be kind' }));
    await using chat = await createChat(withHook(app.url));
    const room = await chat.room({ members: ['anna'] });
    await expect(chat.as('anna')('send', { room, text: 'x' })).rejects.toMatchObject({
      code: 614,
      message: 'the message was rejected: be kind',
    });
    expect(await chat.roomRow()).toMatchObject({ last_seq: 0 });
  });

  test('sees words masked already, and is not asked about what the list rejects', async () => {
    await using app = await application(() => ({ action: 'accept' }));
    await using chat = await createChat(withHook(app.url, {}, { words: ['damn'] }));
    const room = await chat.room({ members: ['anna'] });
    expect((await chat.as('anna')('send', { room, text: 'damn' })).message.text).toBe('****');
    expect(JSON.parse(app.asked[0]!.body)).toMatchObject({ text: '****' });
  });

  test.each([
    ['an error', () => 500, 625],
    ['a status', () => 404, 625],
    ['no JSON', () => 'sure', 625],
    ['another action', () => ({ action: 'maybe' }), 614],
    ['a field that is not known', () => ({ action: 'accept', txet: 'x' }), 614],
    ['a text that cannot be stored', () => ({ action: 'change', text: 'a\0b' }), 614],
    ['a change to nothing', () => ({ action: 'change', text: ' ' }), 614],
    ['more than a message may have', () => ({ action: 'change', text: 'x'.repeat(70_000) }), 614],
  ])('that answers %s counts as failed: the message goes through, or not', async (_name, answer, code) => {
    await using app = await application(answer);
    await using lenient = await createChat(withHook(app.url));
    const room = await lenient.room({ members: ['anna'] });
    expect((await lenient.as('anna')('send', { room, text: 'hello' })).message.text).toBe('hello');
    await using strict = await createChat(withHook(app.url, { onFailure: 'reject' }));
    await strict.room({ members: ['anna'] });
    const temporary = code === 625;
    await expect(strict.as('anna')('send', { room, text: 'hello' })).rejects.toMatchObject({ code, temporary });
  });

  test('that does not answer in time counts as failed', async () => {
    await using app = await application(() => undefined);
    await using chat = await createChat(withHook(app.url, { timeout: '1s', onFailure: 'reject' }));
    const room = await chat.room({ members: ['anna'] });
    const sent = chat.as('anna')('send', { room, text: 'hello' });
    const refused = expect(sent).rejects.toMatchObject({ code: 625, temporary: true });
    while (app.asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await chat.clock.advance(1_000);
    await refused;
  });

  test('that keeps failing is left alone for a while', async () => {
    let status: unknown = 503;
    await using app = await application(() => status);
    const hooks = { secret: undefined, concurrency: 4, queue: 4, breaker: { failures: 2, cooldown: 1_000 } };
    await using chat = await createChat({ ...withHook(app.url), parts: { hooks } });
    const room = await chat.room({ members: ['anna'] });
    for (let at = 0; at < 5; at++) await chat.as('anna')('send', { room, text: 'x' });
    expect(app.asked).toHaveLength(2);
    await chat.clock.advance(1_000);
    status = { action: 'reject' };
    await expect(chat.as('anna')('send', { room, text: 'x' })).rejects.toMatchObject({ code: 614 });
  });

  test('that is away holds up a scheduled message, which is sent when it is back', async () => {
    let status: unknown = 503;
    await using app = await application(() => status);
    await using chat = await createChat(withHook(app.url, { onFailure: 'reject' }));
    const room = await chat.room({ members: ['anna'] });
    await chat.as('anna')('schedule', { room, text: 'x', sendAt: chat.clock.now() + 1_000 });
    const due = async () => {
      await chat.clock.advance(10_000);
      await chat.module.jobs.run('scheduled');
      await chat.module.idle();
    };
    await due();
    const { scheduled } = await chat.as('anna')('scheduled', {});
    expect(scheduled).toMatchObject([{ text: 'x' }]);
    expect(scheduled[0].error).toBeUndefined();
    status = { action: 'accept' };
    await due();
    expect((await chat.as('anna')('message', { room, seq: 1 })).message.text).toBe('x');
  });

  test('rejects nothing that was sent before with the same client id', async () => {
    let answer: unknown = { action: 'accept' };
    await using app = await application(() => answer);
    await using chat = await createChat(withHook(app.url));
    const room = await chat.room({ members: ['anna'] });
    await chat.as('anna')('send', { room, text: 'x', clientId: 'c' });
    answer = { action: 'reject' };
    expect(await chat.as('anna')('send', { room, text: 'x', clientId: 'c' })).toMatchObject({
      replayed: true,
      message: { seq: 1 },
    });
  });
});

describe('a function of the embedding program', () => {
  test('decides as the hook does', async () => {
    const reviewMessage: ReviewMessage = async ({ text, user }) => {
      if (text === 'throw') throw new Error('out of order');
      if (user === 'ben') return { action: 'reject', reason: 'not you' };
      return text === 'plain' ? { action: 'accept' } : { action: 'change', data: { seen: true } };
    };
    await using chat = await createChat({ parts: { reviewMessage } });
    const room = await chat.room({ members: ['anna', 'ben'] });
    expect((await chat.as('anna')('send', { room, text: 'hi' })).message).toMatchObject({
      text: 'hi',
      data: { seen: true },
    });
    expect((await chat.as('anna')('send', { room, text: 'plain' })).message.data).toBeUndefined();
    expect((await chat.as('anna')('send', { room, text: 'throw' })).message.text).toBe('throw');
    await expect(chat.as('ben')('send', { room, text: 'hi' })).rejects.toThrow('not you');
  });

  test('keeps what one user says in a room in order, however fast it answers', async () => {
    const waiting = new Map<string, (answer: ModerationAnswer) => void>();
    const reviewMessage: ReviewMessage = ({ text = '' }) => new Promise((resolve) => waiting.set(text, resolve));
    await using chat = await createChat({ parts: { reviewMessage } });
    await chat.room({ members: ['anna', 'ben'] });
    await chat.room({ id: 'other', members: ['anna'] });
    const texts = ['1', '2', '3', '4', '5', '6'];
    const sent = texts.map((text) =>
      text === '4'
        ? chat.as('anna')('createPoll', { room: 'room', question: '4', options: ['a', 'b'] })
        : chat.as('anna')('send', { room: 'room', text }),
    );
    const refused = expect(sent[2]).rejects.toThrow('rejected');
    // All are asked about at once.
    await expect.poll(() => waiting.size).toBe(6);
    const others = [
      chat.as('anna')('send', { room: 'other', text: 'elsewhere' }),
      chat.as('ben')('send', { room: 'room', text: 'of ben' }),
    ];
    await expect.poll(() => waiting.size).toBe(8);
    const answer = async (text: string, action: 'accept' | 'reject') => {
      for (const [asked, resolve] of waiting) if (asked.split('\n')[0] === text) resolve({ action });
      await new Promise((resolve) => setImmediate(resolve));
    };
    for (const text of ['elsewhere', 'of ben']) await answer(text, 'accept');
    await Promise.all(others);
    for (const text of ['6', '2', '5', '4']) await answer(text, 'accept');
    await answer('3', 'reject');
    await answer('1', 'accept');
    await refused;
    await Promise.allSettled(sent);
    const { messages } = await chat.as('anna')('messages', { room: 'room' });
    expect(messages.map(({ text }: { text: string }) => text)).toEqual(['of ben', '1', '2', '4', '5', '6']);
  });

  test('that answers nonsense counts as failed', async () => {
    const reviewMessage = () => ({ action: 'later' }) as unknown as ModerationAnswer;
    await using chat = await createChat({ parts: { reviewMessage } });
    const room = await chat.room({ members: ['anna'] });
    expect((await chat.as('anna')('send', { room, text: 'hi' })).message.text).toBe('hi');
  });
});
