/** Search and attachments where they differ on PostgreSQL: the index itself, triggers, and several nodes at once. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer } from '../../packages/server/src/http/http-test-server.ts';
import { createChat } from '../../packages/server/src/modules/chat/testing/chat-fixture.ts';
import { pngPicture } from '../../packages/server/src/modules/chat/testing/pictures.ts';
import { openPostgresStore } from '../support/postgres-store.ts';
import { describeWithPostgres, startPostgres, type PostgresServer } from '../support/postgres.ts';

describeWithPostgres('search and attachments on PostgreSQL', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ locale: 'icu:en-US' });
  });
  afterAll(async () => {
    await server?.stop();
  });

  const found = (page: { results: { message: { room: string; seq: number } }[] }) =>
    page.results.map(({ message }) => `${message.room}:${message.seq}`);

  test('words are found as on SQLite, whatever the query', async () => {
    await using store = await openPostgresStore(await server.createDatabase());
    await using chat = await createChat({ store });
    await chat.room({ id: 'a', members: ['anna', 'ben'] });
    await chat.room({ id: 'b', members: ['anna'] });
    const anna = chat.as('anna');
    for (const [room, text] of [
      ['a', 'The quick Brown fox'],
      ['b', 'crème brûlée and a brown bear'],
      ['a', '明日は東京に行きます'],
      ['a', "it's user@example.com -5 1.5 a-b"],
    ]) {
      await anna('send', { room, text });
      await chat.clock.advance(1);
    }
    const search = async (query: string, more: object = {}) => found(await anna('search', { query, ...more }));
    expect(await search('brown')).toEqual(['b:1', 'a:1']);
    expect(await search('qui')).toEqual(['a:1']);
    expect(await search('CREME br')).toEqual(['b:1']);
    expect(await search('東京')).toEqual(['a:2']);
    expect(await search('example')).toEqual(['a:3']);
    expect(await search('brown', { room: 'a' })).toEqual(['a:1']);
    expect(await search('brown', { sender: 'ben' })).toEqual([]);
    expect(found(await chat.as('ben')('search', { query: 'brown' }))).toEqual(['a:1']);
    for (const query of ["fox' | 'bear", 'fox:*', 'fox & !bear', "\\' fox", '(((fox']) {
      await expect(search(query), query).resolves.toBeDefined();
    }
    await anna('edit', { room: 'a', seq: 1, text: 'red fox' });
    await anna('delete', { room: 'b', seq: 1 });
    expect(await search('brown')).toEqual([]);
    expect(await search('red fox')).toEqual(['a:1']);
    await store.database<{ chat_messages: object }>().deleteFrom('chat_messages').execute();
    expect(await chat.chat.db.selectFrom('chat_search').selectAll().execute()).toEqual([]);
  });

  test('several nodes index together, and nothing is lost or twice', async () => {
    const url = await server.createDatabase();
    await using first = await openPostgresStore(url);
    await using second = await openPostgresStore(url);
    await using one = await createChat({ store: first });
    await using two = await createChat({ store: second, clock: one.clock });
    for (const id of ['a', 'b', 'c']) await one.room({ id, members: ['anna'] });
    const sends = Array.from({ length: 300 }, (_, n) => {
      const node = n % 2 === 0 ? one : two;
      return node.as('anna')('send', { room: 'abc'[n % 3], text: `word ${n}` });
    });
    const deletions = sends.map(async (sent, n) => {
      const { message } = await sent;
      if (n % 10 === 0) await two.as('anna')('delete', { room: message.room, seq: message.seq });
    });
    const searches = Array.from({ length: 20 }, (_, n) =>
      (n % 2 === 0 ? one : two).as('anna')('search', { query: 'word' }),
    );
    await Promise.all([...deletions, ...searches]);
    await expect
      .poll(
        async () => {
          await one.clock.advance(1_000);
          const { length } = await one.chat.db.selectFrom('chat_search').select('id').execute();
          return length;
        },
        { timeout: 10_000 },
      )
      .toBe(270);
    const seen = [];
    let cursor: string | undefined;
    do {
      const page = await two.as('anna')('search', { query: 'word', ...(cursor && { cursor }) });
      seen.push(...found(page));
      cursor = page.next;
    } while (cursor !== undefined);
    expect(seen).toHaveLength(270);
    expect(new Set(seen).size).toBe(270);
  });

  test('how large a picture is goes with it, from one node to the other', async () => {
    const url = await server.createDatabase();
    await using first = await openPostgresStore(url);
    await using second = await openPostgresStore(url);
    await using one = await createChat({ store: first });
    await using two = await createChat({ store: second, clock: one.clock });
    await one.room({ members: ['anna'] });
    await using http = await startTestServer({ routes: two.module.routes ?? [] });
    const picture = pngPicture({ width: 30, height: 17 });
    const grant = await one.as('anna')('upload', { room: 'room', name: 'a.png', bytes: picture.length });
    const posted = await fetch(http.url + grant.url, { method: 'POST', body: Uint8Array.from(picture) });
    expect(posted.status).toBe(200);
    const { message } = await one.as('anna')('send', { room: 'room', attachments: [grant.id] });
    expect(message.attachments).toMatchObject([{ width: 30, height: 17 }]);
  });

  test('one user’s uploads over two nodes and rooms never go beyond the limit', async () => {
    const url = await server.createDatabase();
    await using first = await openPostgresStore(url);
    await using second = await openPostgresStore(url);
    const config = { enabled: true, limits: { uploadsPerUser: 3 } };
    await using one = await createChat({ store: first, config });
    await using two = await createChat({ store: second, config });
    for (const id of ['a', 'b']) await one.room({ id, members: ['anna'] });
    const asked = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) =>
        (n % 2 === 0 ? one : two).as('anna')('upload', { room: 'ab'[n % 2], name: 'a', bytes: 1 }),
      ),
    );
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
  });

  test('an upload asked for on one node may be sent to another; links work on both', async () => {
    const url = await server.createDatabase();
    await using first = await openPostgresStore(url);
    await using second = await openPostgresStore(url);
    await using one = await createChat({ store: first });
    await using two = await createChat({ store: second, clock: one.clock });
    await one.room({ members: ['anna'] });
    await using http = await startTestServer({ routes: two.module.routes ?? [] });
    const grant = await one.as('anna')('upload', { room: 'room', name: 'a.txt', bytes: 5 });
    const posts = await Promise.all(
      Array.from({ length: 4 }, () => fetch(http.url + grant.url, { method: 'POST', body: 'hello' })),
    );
    expect(posts.filter(({ status }) => status === 200)).toHaveLength(1);
    const { message } = await one.as('anna')('send', { room: 'room', attachments: [grant.id] });
    expect(message.attachments).toHaveLength(1);
    const { urls } = await one.as('anna')('attachmentUrls', { ids: [grant.id] });
    expect(await (await fetch(http.url + urls[0].url)).text()).toBe('hello');
    await first.database<{ chat_messages: object }>().deleteFrom('chat_messages').execute();
    expect((await fetch(http.url + urls[0].url)).status).toBe(404);
    expect(await two.chat.attachments.sweep()).toBe(1);
  });
});
