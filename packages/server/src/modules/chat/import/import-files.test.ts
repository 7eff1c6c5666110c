import { execFile } from 'node:child_process';
import { mkdir, readdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { chatSchema } from '../../../config/chat-schema.ts';
import { startTestServer } from '../../../http/http-test-server.ts';
import { AttachmentMissingError } from '../attachments/attachment-storage.ts';
import { createChat, type ChatFixture } from '../testing/chat-fixture.ts';
import { jpegPicture } from '../testing/pictures.ts';
import { S3Peer } from '../testing/s3-peer.ts';
import { filesIn } from './files-in.ts';
import { importChat, type ImportOptions } from './import-chat.ts';
import { noCounts } from './import-work.ts';

const png = Buffer.concat([Buffer.from('\x89PNG\r\n\x1A\n', 'latin1'), Buffer.alloc(200_000, 7)]);
const hour = 3_600_000;

interface Options extends Partial<ImportOptions> {
  /** What would stand under `chat` in the configuration. */
  readonly chat?: object;
}

/** The folder with the imported file; files beside it. */
async function folderOf(chat: ChatFixture, files: Readonly<Record<string, string | Buffer>>): Promise<string> {
  const folder = join(chat.context.dataDir, 'elsewhere');
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

function load(chat: ChatFixture, lines: readonly object[], { chat: config, ...options }: Options = {}) {
  const { store, clock, context } = chat;
  return importChat({
    store,
    clock,
    config: chatSchema.parse({ enabled: true, ...config }),
    lines: lines.map((line) => JSON.stringify(line)),
    dataDir: context.dataDir,
    ...options,
  });
}

const room = [
  { type: 'room', id: 'room', kind: 'group' },
  ...['anna', 'ben'].map((user) => ({ type: 'member', room: 'room', user })),
];
const message = (id: string, ...attachments: { file: string; name?: string }[]) => ({
  type: 'message',
  room: 'room',
  id,
  sender: 'anna',
  at: 1_000,
  attachments,
});

/** Everything in the folder of attachments, stored or on its way. */
async function filesOf(chat: ChatFixture): Promise<string[]> {
  const folder = join(chat.context.dataDir, 'attachments');
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return found.filter((one) => one.isFile()).map(({ name }) => name);
}

const uploadsOf = (chat: ChatFixture) => chat.chat.db.selectFrom('chat_uploads').selectAll().execute();

describe('files of an import', () => {
  test('are attachments of their messages, and read like any other', async () => {
    await using chat = await createChat();
    const folder = await folderOf(chat, { 'a.png': png, 'deep/er/notes.txt': 'remember' });
    const lines = [
      ...room,
      message('m1', { file: 'a.png' }, { file: 'deep/er/notes.txt', name: '../\u202Enot es.txt' }),
      { ...message('m2', { file: 'a.png' }), text: 'again' },
      { ...message('m3', { file: 'none.png' }), deletedAt: 2_000 },
    ];
    const counts = await load(chat, lines, { files: filesIn(folder) });
    expect(counts).toEqual({ ...noCounts, lines: 6, rooms: 1, members: 2, messages: 3, attachments: 3 });
    const { messages } = await chat.as('ben')('messages', { room: 'room' });
    const [first] = messages;
    expect(first.attachments).toMatchObject([
      { name: 'a.png', contentType: 'image/png', bytes: png.length },
      { name: 'not es.txt', contentType: 'text/plain', bytes: 8 },
    ]);
    expect(messages[1]).toMatchObject({ text: 'again', attachments: [{ name: 'a.png' }] });
    expect(messages[2].attachments).toBeUndefined();
    expect(await uploadsOf(chat)).toEqual([]);
    expect(await filesOf(chat)).toHaveLength(3);
    await using server = await startTestServer({ routes: chat.module.routes ?? [] });
    const ids = first.attachments.map(({ id }: { id: string }) => id);
    const { urls } = await chat.as('ben')('attachmentUrls', { ids });
    expect(Buffer.from(await (await fetch(server.url + urls[0].url)).arrayBuffer()).equals(png)).toBe(true);
    expect(await (await fetch(server.url + urls[1].url)).text()).toBe('remember');
    // They go as any other do.
    await chat.as('anna')('delete', { room: 'room', seq: 1 });
    expect(await chat.chat.attachments.sweep()).toBe(2);
    expect(await filesOf(chat)).toEqual([messages[1].attachments[0].id]);
  });

  test('that are pictures keep how large they are shown', async () => {
    await using chat = await createChat();
    const photograph = jpegPicture({ width: 300, height: 200, orientation: 8 });
    const folder = await folderOf(chat, { 'a.jpg': photograph, 'damaged.png': png });
    const lines = [...room, message('m1', { file: 'a.jpg' }, { file: 'damaged.png' })];
    await load(chat, lines, { files: filesIn(folder) });
    const { messages } = await chat.as('ben')('messages', { room: 'room' });
    const [told, untold] = messages[0].attachments;
    expect(told).toMatchObject({ name: 'a.jpg', width: 200, height: 300 });
    expect(Object.keys(untold)).not.toContain('width');
    const rows = await chat.chat.db
      .selectFrom('chat_attachments')
      .select(['width', 'height'])
      .where('message_seq', '=', 1)
      .orderBy('name')
      .execute();
    expect(rows).toEqual([
      { width: 200, height: 300 },
      { width: null, height: null },
    ]);
  });

  test('are stored once, however often they are imported', async () => {
    await using chat = await createChat();
    const folder = await folderOf(chat, { 'a.png': png });
    const lines = [...room, message('m1', { file: 'a.png' }), message('m1', { file: 'a.png' })];
    let read = 0;
    const files: ImportOptions['files'] = (path) => {
      read++;
      return filesIn(folder)(path);
    };
    expect(await load(chat, lines, { files })).toMatchObject({ attachments: 1, messages: 1, known: 1 });
    const stored = await filesOf(chat);
    expect(await load(chat, lines, { files })).toEqual({ ...noCounts, lines: 5, known: 5 });
    expect(await filesOf(chat)).toEqual(stored);
    expect(read).toBe(1);
  });

  test('go to the store of the configuration', async () => {
    const options = { accessKeyId: 'id', secretAccessKey: 'secret', region: 'us-east-1', bucket: 'files' };
    await using peer = await new S3Peer(options).start();
    await using chat = await createChat();
    const folder = await folderOf(chat, { 'a.png': png });
    const uploads = { storage: 's3', s3: { ...options, endpoint: peer.endpoint, prefix: 'chat/' } };
    peer.failing = { times: 1, how: 'cut' };
    const loading = load(chat, [...room, message('m1', { file: 'a.png' })], {
      files: filesIn(folder),
      chat: { uploads },
    });
    await expect.poll(() => peer.failing.times).toBe(0);
    await chat.clock.advance(10_000);
    await loading;
    const [object, ...others] = peer.objects;
    expect(others).toEqual([]);
    expect(object?.[0]).toMatch(/^chat\/[0-9a-f]{2}\/[0-9a-f-]{36}$/);
    expect(object?.[1].equals(png)).toBe(true);
    expect(await filesOf(chat)).toEqual([]);
  });

  test('in numbers go in several transactions', async () => {
    await using chat = await createChat();
    const folder = await folderOf(chat, { 'a.txt': 'text' });
    const many = Array.from({ length: 130 }, (_, at) => message(`m${at}`, { file: 'a.txt' }));
    let batches = 0;
    const counts = await load(chat, [...room, ...many], { files: filesIn(folder), onProgress: () => batches++ });
    expect([counts.attachments, batches]).toEqual([130, 3]);
    expect(await filesOf(chat)).toHaveLength(130);
    expect(await uploadsOf(chat)).toEqual([]);
  });

  test('of a batch with a mistake go, and are taken by the repaired one', async () => {
    await using chat = await createChat();
    const folder = await folderOf(chat, { 'a.png': png });
    const good = [...room, message('m1', { file: 'a.png' })];
    const files = filesIn(folder);
    const bad = { type: 'reaction', room: 'room', message: 'm9', user: 'ben', emoji: 'x' };
    await expect(load(chat, [...good, bad], { files })).rejects.toThrow('line 5: message m9 is not known');
    expect(await filesOf(chat)).toEqual([]);
    expect(await uploadsOf(chat)).toEqual([]);
    await load(chat, good, { files });
    expect(await filesOf(chat)).toHaveLength(1);
  });

  test('without a reader are an error that says so', async () => {
    await using chat = await createChat();
    await expect(load(chat, [...room, message('m1', { file: 'a.png' })])).rejects.toThrow(
      'line 4: attachments: this import was given nothing to read files with (nothing was imported)',
    );
    const files = filesIn('.');
    await expect(
      importChat({ store: chat.store, clock: chat.clock, config: chatSchema.parse({}), lines: [], files }),
    ).rejects.toThrow(TypeError);
  });

  const small = { limits: { uploadSize: 1_000 } };
  const refused = [
    { what: 'is not there', file: 'none.png', problem: 'there is no such file', config: {} },
    { what: 'is a folder', file: 'deep', problem: 'it is no file', config: {} },
    { what: 'is empty', file: 'empty', problem: 'the file is empty', config: {} },
    { what: 'is too large', file: 'a.png', problem: '200008 bytes; at most 1000', config: small },
    { what: 'may not be sent', file: 'page.html', problem: 'of this type are not allowed: text/html', config: {} },
    { what: 'is not what it says', file: 'page.png', problem: 'of this type are not allowed: text/html', config: {} },
  ];
  test.each(refused)(
    'one that $what is an error that says so, and leaves nothing',
    async ({ file, problem, config }) => {
      await using chat = await createChat();
      const page = '<!doctype html><script>alert(1)</script>';
      const folder = await folderOf(chat, {
        'a.png': png,
        'deep/x': 'x',
        empty: '',
        'page.html': page,
        'page.png': page,
      });
      const lines = [...room, message('m1', { file: 'deep/x' }), message('m2', { file })];
      const importing = load(chat, lines, { files: filesIn(folder), chat: config });
      await expect(importing).rejects.toThrow(new RegExp(`^line 5: attachments: ${file}: .*${problem}`));
      expect(await filesOf(chat)).toEqual([]);
      expect(await uploadsOf(chat)).toEqual([]);
    },
  );

  test('more than a message may have, or the same twice, are refused', async () => {
    await using chat = await createChat();
    const folder = await folderOf(chat, { a: 'a', b: 'b' });
    const options = { files: filesIn(folder), chat: { limits: { attachments: 1 } } };
    const two = [...room, message('m1', { file: 'a' }, { file: 'b' })];
    await expect(load(chat, two, options)).rejects.toThrow('line 4: attachments: 2 of them; at most 1');
    const twice = [...room, message('m1', { file: 'a' }, { file: 'a' })];
    await expect(load(chat, twice, { files: filesIn(folder) })).rejects.toThrow('an attachment is named twice');
    expect(await filesOf(chat)).toEqual([]);
  });

  test('a file that ends early, or fails, leaves nothing', async () => {
    await using chat = await createChat();
    const lines = [...room, message('m1', { file: 'a' })];
    const short = async () => ({ bytes: 10, stream: Readable.from([Buffer.from('12345')]) });
    await expect(load(chat, lines, { files: short })).rejects.toThrow('10 bytes were announced, and 5 came');
    const broken = async () => ({
      bytes: 10,
      stream: Readable.from(
        (async function* () {
          yield Buffer.from('12345');
          throw new Error('the disk is broken');
        })(),
      ),
    });
    await expect(load(chat, lines, { files: broken })).rejects.toThrow('the disk is broken');
    expect(await filesOf(chat)).toEqual([]);
    expect(await uploadsOf(chat)).toEqual([]);
  });
});

describe('a path that would lead elsewhere', () => {
  test.each([
    '/etc/passwd',
    '../secret',
    'deep/../../secret',
    '..',
    '.',
    '',
    'deep//x',
    './a',
    'C:\\secret',
    'C:secret',
    '\\\\host\\share\\secret',
    'deep\\..\\..\\secret',
    'a\u0000b',
    'file:///etc/passwd',
  ])('%j is refused before anything is opened', async (file) => {
    await using chat = await createChat();
    let opened = 0;
    const files: ImportOptions['files'] = async () => {
      opened++;
      throw new Error('opened');
    };
    await expect(load(chat, [...room, message('m1', { file })], { files })).rejects.toThrow(
      /^line 4: attachments.0.file: /,
    );
    expect(opened).toBe(0);
  });

  test('is no better through links', async () => {
    await using chat = await createChat();
    const folder = await folderOf(chat, { 'in/a.txt': 'inside', '../secret.txt': 'secret' });
    await symlink(join(folder, 'in', 'a.txt'), join(folder, 'good.txt'));
    await symlink(join(folder, 'in'), join(folder, 'good'));
    for (const [name, target] of [
      ['bad.txt', '../secret.txt'],
      ['absolute.txt', join(folder, '..', 'secret.txt')],
      ['bad', '..'],
      ['twice', 'bad'],
      ['loop', 'loop'],
      ['dangling', 'nothing'],
      ['self', '.'],
    ] as const) {
      await symlink(target, join(folder, name));
    }
    const read = filesIn(folder);
    const content = async (path: string) => {
      const { stream } = await read(path);
      return Buffer.concat(await stream.toArray()).toString();
    };
    expect([await content('good.txt'), await content('good/a.txt')]).toEqual(['inside', 'inside']);
    const outside = 'it leads out of the folder of the import';
    for (const path of ['bad.txt', 'absolute.txt', 'bad/secret.txt', 'twice/secret.txt', '../secret.txt']) {
      await expect(read(path), path).rejects.toThrow(outside);
    }
    // `elsewhere-2` begins as `elsewhere` does.
    await writeFile(`${folder}-2`, 'secret');
    await expect(read('../elsewhere-2')).rejects.toThrow(outside);
    await expect(read('/etc/passwd')).rejects.toThrow();
    await expect(read('self')).rejects.toThrow(outside);
    await expect(read('loop')).rejects.toThrow('cannot be read (ELOOP)');
    await expect(read('dangling')).rejects.toThrow('there is no such file');
  });

  test('and a pipe keeps nobody waiting', async () => {
    await using chat = await createChat();
    const folder = await folderOf(chat, { a: 'a' });
    await promisify(execFile)('mkfifo', [join(folder, 'pipe')]);
    await expect(filesIn(folder)('pipe')).rejects.toThrow('it is no file');
    await expect(filesIn(join(folder, 'none'))('a')).rejects.toThrow();
  });
});

test('what a process that died was importing is found by the sweep, and not by the start of a server beside it', async () => {
  await using chat = await createChat();
  const folder = await folderOf(chat, { 'a.png': png });
  // It dies when everything is stored and nothing written.
  let isDead = false;
  const store: ImportOptions['store'] = Object.create(chat.store, {
    transaction: {
      value: async () => {
        isDead = true;
        throw new Error('killed');
      },
    },
    database: {
      value: () => {
        if (isDead) throw new Error('killed');
        return chat.store.database();
      },
    },
  });
  const lines = [...room, message('m1', { file: 'a.png' })];
  await expect(load(chat, lines, { store, files: filesIn(folder) })).rejects.toThrow('killed');
  const [left] = await uploadsOf(chat);
  expect(left).toMatchObject({ state: 'importing', user_id: '' });
  expect(await filesOf(chat)).toEqual([left?.id]);
  const half = join(chat.context.dataDir, 'attachments', 'incoming', 'half.import');
  await writeFile(half, 'half of a file');
  const { attachments } = chat.chat;
  await attachments.stop();
  await attachments.start();
  await attachments.sweep();
  expect(await uploadsOf(chat)).toEqual([left]);
  expect(new Set(await filesOf(chat))).toEqual(new Set([left?.id, 'half.import']));
  await chat.clock.advance(26 * hour);
  await utimes(half, 0, 0);
  await attachments.sweep();
  expect(await uploadsOf(chat)).toEqual([]);
  expect(await filesOf(chat)).toEqual([]);
  const key = `${left?.id.slice(-2)}/${left?.id}`;
  await expect(attachments.storage.read(key, { first: 0, last: 0 })).rejects.toThrow(AttachmentMissingError);
});
