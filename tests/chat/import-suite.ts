/**
 * An import of every kind of line, with files, that dies between any two of its steps: what is there is whole, what it
 * left is found by the sweep, and doing it again ends as if nothing had happened.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { KyselyPlugin, Transaction } from 'kysely';
import { expect, test } from 'vitest';
import { chatSchema } from '../../packages/server/src/config/chat-schema.ts';
import { filesIn } from '../../packages/server/src/modules/chat/import/files-in.ts';
import {
  importChat,
  type ImportCounts,
  type ImportOptions,
} from '../../packages/server/src/modules/chat/import/import-chat.ts';
import { noCounts } from '../../packages/server/src/modules/chat/import/import-work.ts';
import type { ReadImportFile } from '../../packages/server/src/modules/chat/import/store-files.ts';
import type { ChatTables } from '../../packages/server/src/modules/chat/tables.ts';
import type { ChatFixture } from '../../packages/server/src/modules/chat/testing/chat-fixture.ts';
import type { Store } from '../../packages/server/src/stores/store.ts';
import { recount } from './recount.ts';

const hour = 3_600_000;
const counted = {
  ...noCounts,
  lines: 18,
  users: 2,
  blocks: 1,
  rooms: 1,
  members: 3,
  messages: 4,
  polls: 1,
  attachments: 3,
  reactions: 2,
  votes: 2,
};

/** Every kind of line; nothing is named as under another prefix. */
function linesOf(prefix: string): object[] {
  const room = `${prefix}-room`;
  const [anna, ben, cleo] = ['anna', 'ben', 'cleo'].map((user) => `${prefix}-${user}`);
  return [
    { type: 'user', id: anna, name: 'Anna' },
    { type: 'user', id: ben, name: 'Ben', data: { likes: 'tea' } },
    { type: 'block', user: ben, blocked: cleo, at: 5 },
    { type: 'room', id: room, kind: 'group', createdBy: anna, createdAt: 1_000 },
    { type: 'member', room, user: anna, role: 'owner', joinedAt: 1_000 },
    { type: 'member', room, user: ben, joinedAt: 1_000 },
    { type: 'member', room, user: cleo, joinedAt: 1_000 },
    {
      type: 'message',
      room,
      id: 'm1',
      sender: anna,
      at: 2_000,
      text: 'look',
      attachments: [{ file: 'a.txt' }, { file: 'b.txt', name: 'other.txt' }],
    },
    { type: 'message', room, id: 'm2', sender: ben, at: 3_000, text: 'nice', thread: 'm1' },
    {
      type: 'poll',
      room,
      id: 'p1',
      sender: cleo,
      at: 4_000,
      question: 'Again?',
      options: ['Yes', 'No'],
      multiple: true,
    },
    { type: 'message', room, id: 'm3', sender: ben, at: 5_000, attachments: [{ file: 'b.txt' }] },
    { type: 'message', room, id: 'm4', sender: ben, at: 6_000, text: '@anna', mentions: { users: [anna] } },
    { type: 'reaction', room, message: 'm3', user: anna, emoji: '👍', at: 6_100 },
    { type: 'reaction', room, message: 'm1', user: ben, emoji: '👍', at: 6_200 },
    { type: 'vote', room, message: 'p1', user: anna, options: ['Yes', 'No'], at: 6_300 },
    { type: 'vote', room, message: 'p1', user: ben, options: ['No'], at: 6_400 },
    { type: 'read', room, user: anna, message: 'm1' },
    { type: 'read', room, user: cleo, message: 'p1' },
  ];
}

/** A process that dies at one of its steps, and does nothing from then on. */
class Mortal {
  steps = 0;
  readonly #diesAt: number;

  constructor(diesAt: number) {
    this.#diesAt = diesAt;
  }

  step(): void {
    if (this.steps++ >= this.#diesAt) throw new Error('killed');
  }

  /** Every statement is a step; a commit is one before and one after. */
  storeOf(store: Store): Store {
    const plugin: KyselyPlugin = {
      transformQuery: ({ node }) => {
        this.step();
        return node;
      },
      transformResult: async ({ result }) => result,
    };
    return Object.create(store, {
      database: { value: () => store.database<ChatTables>().withPlugin(plugin) },
      transaction: {
        value: async <T>(work: (tx: Transaction<ChatTables>) => Promise<T>) => {
          const result = await store.transaction<ChatTables, T>(async (tx) => {
            const done = await work(tx.withPlugin(plugin) as Transaction<ChatTables>);
            this.step();
            return done;
          });
          this.step();
          return result;
        },
      },
    }) as Store;
  }

  /** Opening a file is a step, and so is its middle. */
  readerOf(read: ReadImportFile): ReadImportFile {
    return async (path) => {
      this.step();
      const { bytes, stream } = await read(path);
      const content = (await stream.toArray()) as Buffer[];
      const step = () => this.step();
      const stepping = async function* () {
        for (const chunk of content) {
          yield chunk.subarray(0, 2);
          step();
          yield chunk.subarray(2);
        }
      };
      return { bytes, stream: Readable.from(stepping()) };
    };
  }
}

async function openFolder(chat: ChatFixture): Promise<ReadImportFile> {
  const folder = join(chat.context.dataDir, 'elsewhere');
  await mkdir(folder);
  await writeFile(join(folder, 'a.txt'), 'the first file');
  await writeFile(join(folder, 'b.txt'), 'the second file');
  return filesIn(folder);
}

function load(
  chat: ChatFixture,
  lines: readonly object[],
  options: Pick<ImportOptions, 'files'> & { readonly store?: Store },
): Promise<ImportCounts> {
  return importChat({
    store: chat.store,
    clock: chat.clock,
    config: chatSchema.parse({ enabled: true }),
    dataDir: chat.context.dataDir,
    lines: lines.map((line) => JSON.stringify(line)),
    ...options,
  });
}

/** Ids of what lies in the storage, or is on its way there. */
async function filesOf(chat: ChatFixture): Promise<string[]> {
  const folder = join(chat.context.dataDir, 'attachments');
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return found.filter((one) => one.isFile()).map(({ name }) => name.replace('.import', ''));
}

async function idsOf(chat: ChatFixture, table: 'chat_attachments' | 'chat_uploads'): Promise<string[]> {
  return (await chat.chat.db.selectFrom(table).select('id').execute()).map(({ id }) => id);
}

/** All that an import of a prefix has made, without the prefix and what is random. */
async function everythingOf(chat: ChatFixture, prefix: string): Promise<unknown> {
  const { db } = chat.chat;
  const room = `${prefix}-room`;
  const tables = [
    'chat_members',
    'chat_messages',
    'chat_reactions',
    'chat_mentions',
    'chat_poll_votes',
    'chat_thread_members',
    'chat_attachments',
    'chat_import_ids',
  ] as const;
  const rows = [
    await db.selectFrom('chat_users').selectAll().where('id', 'like', `${prefix}-%`).orderBy('id').execute(),
    await db.selectFrom('chat_blocks').selectAll().where('user_id', 'like', `${prefix}-%`).execute(),
    await db.selectFrom('chat_rooms').selectAll().where('id', '=', room).execute(),
    ...(await Promise.all(
      tables.map((table) => db.selectFrom(table).selectAll().where('room_id', '=', room).execute()),
    )),
  ];
  const text = rows.map((some) =>
    some
      .map((row) => JSON.stringify(row))
      .map((row) => row.replaceAll(prefix, 'p').replaceAll(/"epoch":"[^"]+"/g, ''))
      .map((row) => row.replaceAll(/[0-9a-f]{2}\/[0-9a-f]{8}-|[0-9a-f]{8}-[0-9a-f-]{27}/g, '#'))
      .map((row) => row.replaceAll(/#[0-9a-f-]{27}/g, '#'))
      .toSorted(),
  );
  return text;
}

/** @param createChat on an empty database. */
export function testImport(createChat: () => Promise<ChatFixture>): void {
  test('an import that dies between any two steps', async () => {
    await using chat = await createChat();
    const read = await openFolder(chat);
    expect(await load(chat, linesOf('whole'), { files: read })).toEqual(counted);
    const whole = await everythingOf(chat, 'whole');
    let deaths = 0;
    let undone = 0;
    for (let diesAt = 0; ; diesAt++) {
      const mortal = new Mortal(diesAt);
      const prefix = `at${diesAt}`;
      const dying = { store: mortal.storeOf(chat.store), files: mortal.readerOf(read) };
      const outcome = await load(chat, linesOf(prefix), dying).catch((error: Error) => error.message);
      if (typeof outcome === 'object') {
        // It had fewer steps than it was given.
        expect(outcome).toEqual(counted);
        expect(await everythingOf(chat, prefix)).toEqual(whole);
        break;
      }
      deaths++;
      expect(outcome).toContain('killed');
      await recount(chat.chat.db, [`${prefix}-room`]);
      // Whatever lies around, a row knows it.
      const known = [...(await idsOf(chat, 'chat_attachments')), ...(await idsOf(chat, 'chat_uploads'))];
      expect((await filesOf(chat)).filter((id) => !known.includes(id))).toEqual([]);
      const again = await load(chat, linesOf(prefix), { files: read });
      if (again.messages === counted.messages) undone++;
      expect([noCounts.messages, counted.messages], `died at ${diesAt}`).toContain(again.messages);
      expect(await everythingOf(chat, prefix), `died at ${diesAt}`).toEqual(whole);
      await recount(chat.chat.db, [`${prefix}-room`]);
    }
    expect(deaths).toBeGreaterThan(30);
    // Most died before the commit, and some behind it.
    expect(undone).toBeGreaterThan(30);
    expect(undone).toBeLessThan(deaths);
    expect((await idsOf(chat, 'chat_uploads')).length).toBeGreaterThan(0);
    await chat.clock.advance(26 * hour);
    await chat.chat.attachments.sweep();
    expect(await idsOf(chat, 'chat_uploads')).toEqual([]);
    expect((await filesOf(chat)).toSorted()).toEqual((await idsOf(chat, 'chat_attachments')).toSorted());
    expect(await filesOf(chat)).toHaveLength((deaths + 2) * counted.attachments);
  });

  test('two imports of one file at once', async () => {
    await using chat = await createChat();
    const files = await openFolder(chat);
    const lines = linesOf('twice');
    await load(chat, lines.slice(0, 7), { files });
    const both = await Promise.all([load(chat, lines.slice(7), { files }), load(chat, lines.slice(7), { files })]);
    expect(new Set(both.map(({ messages }) => messages))).toEqual(new Set([0, counted.messages]));
    expect(new Set(both.map(({ attachments }) => attachments))).toEqual(new Set([0, counted.attachments]));
    await recount(chat.chat.db);
    expect(await idsOf(chat, 'chat_uploads')).toEqual([]);
    expect((await filesOf(chat)).toSorted()).toEqual((await idsOf(chat, 'chat_attachments')).toSorted());
  });
}
