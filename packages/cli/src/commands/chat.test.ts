import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runInProcess } from '../testing/run-command.ts';

let cwd: string;

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'tidings-chat-'));
  const config = { dataDir: join(cwd, 'data'), chat: { enabled: true } };
  await writeFile(join(cwd, 'tidings.config.json'), JSON.stringify(config));
});

afterEach(() => rm(cwd, { recursive: true, force: true }));

const chat = (...args: string[]) => runInProcess(['chat', ...args], { cwd });

const lines = [
  { type: 'user', id: 'anna', name: 'Anna' },
  { type: 'room', id: 'r1', kind: 'group' },
  { type: 'member', room: 'r1', user: 'anna' },
  { type: 'message', room: 'r1', id: 'm1', sender: 'anna', at: 1_000, text: 'hello' },
];

async function write(content: readonly unknown[]): Promise<void> {
  await writeFile(join(cwd, 'file.jsonl'), content.map((line) => `${JSON.stringify(line)}\r\n`).join(''));
}

describe('chat import', () => {
  test('brings in a file, once however often', async () => {
    await write(lines);
    const first = await chat('import', 'file.jsonl');
    expect([first.code, first.stderr]).toEqual([0, '']);
    expect(first.stdout).toBe('4 lines; new: 1 users, 1 rooms, 1 members, 1 messages');
    expect((await chat('import', 'file.jsonl')).stdout).toBe('4 lines; nothing new; 4 were there already');
  });

  test('brings in files that lie beside it, and no others', async () => {
    await mkdir(join(cwd, 'files'));
    await writeFile(join(cwd, 'files', 'notes.txt'), 'remember the milk');
    const message = { type: 'message', room: 'r1', id: 'm2', sender: 'anna', at: 2_000 };
    await write([...lines, { ...message, attachments: [{ file: 'files/notes.txt' }] }]);
    const first = await chat('import', 'file.jsonl');
    expect([first.code, first.stderr]).toEqual([0, '']);
    expect(first.stdout).toBe('5 lines; new: 1 users, 1 rooms, 1 members, 2 messages, 1 attachments');
    const stored = await readdir(join(cwd, 'data', 'attachments', 'files'), { recursive: true, withFileTypes: true });
    const [file, ...others] = stored.filter((one) => one.isFile());
    expect(others).toEqual([]);
    expect(await readFile(join(file?.parentPath ?? '', file?.name ?? ''), 'utf8')).toBe('remember the milk');
    await symlink('/etc/hostname', join(cwd, 'files', 'link.txt'));
    await write([{ ...message, id: 'm3', attachments: [{ file: 'files/link.txt' }] }]);
    const failed = await chat('import', 'file.jsonl');
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('line 1: attachments: files/link.txt: it leads out of the folder of the import');
  });

  test('says which line is wrong', async () => {
    await write([...lines, { type: 'message', room: 'r2', id: 'x', at: 1, text: 'x' }]);
    const failed = await chat('import', 'file.jsonl');
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('line 5: room r2 is not known: its line must come before (nothing was imported)');
  });

  test('says that there is no such file', async () => {
    const failed = await chat('import', 'none.jsonl');
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('no such file');
  });
});

describe('chat export', () => {
  test('prints what is kept of a user, a line each', async () => {
    await write(lines);
    await chat('import', 'file.jsonl');
    const { code, stdout } = await chat('export', '--user', 'anna');
    expect(code).toBe(0);
    const records = stdout.split('\n').map((line) => JSON.parse(line) as { type: string });
    expect(records.map(({ type }) => type)).toEqual(['user', 'membership', 'message']);
    expect(records[2]).toMatchObject({ text: 'hello', createdAt: 1_000 });
    expect((await chat('export', '--user', 'nobody')).stdout).toBe('');
  });
});

test.each([[[]], [['import']], [['export']], [['merge']], [['import', 'a', 'b']], [['export', 'a', '--user', 'b']]])(
  'chat %j is wrong usage',
  async (args) => {
    expect((await chat(...args)).code).toBe(2);
  },
);
