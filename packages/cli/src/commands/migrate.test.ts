import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runInProcess, spawnCommand } from '../testing/run-command.ts';

let cwd: string;

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'tidings-migrate-'));
  await writeFile(join(cwd, 'tidings.config.json'), JSON.stringify({ dataDir: join(cwd, 'data') }));
});

afterEach(() => rm(cwd, { recursive: true, force: true }));

const migrate = (...args: string[]) => runInProcess(['migrate', ...args], { cwd });

describe('migrate', () => {
  test('applies what is missing, once; --status says so before and after', async () => {
    const before = await migrate('--status');
    expect([before.code, before.stderr]).toEqual([1, '']);
    expect(before.stdout).toMatch(/^missing +relations\/\S+$/m);
    const first = await migrate();
    expect([first.code, first.stderr]).toEqual([0, '']);
    expect(first.stdout).toMatch(/^applied {2}relations\/\S+$/m);
    expect((await migrate()).stdout).toBe('nothing to do: the schema is up to date');
    const after = await migrate('--status');
    expect(after.code).toBe(0);
    expect(after.stdout).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z +relations\/\S+$/m);
    expect(after.stdout).not.toContain('missing');
  });

  test('waits for another process that writes', async () => {
    expect((await migrate('--status')).code).toBe(1);
    const other = new DatabaseSync(join(cwd, 'data', 'tidings.sqlite'));
    other.exec('BEGIN IMMEDIATE');
    const { ended } = spawnCommand(['migrate'], { cwd });
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 1_500))]);
    other.exec('COMMIT');
    other.close();
    expect(await ended).toMatchObject({ code: 0, stderr: '' });
    expect((await migrate('--status')).code).toBe(0);
  });

  test('refuses a database of a newer version, and names what it does not know', async () => {
    await migrate();
    const db = new DatabaseSync(join(cwd, 'data', 'tidings.sqlite'));
    db.exec(`INSERT INTO tidings_migrations VALUES ('relations', '9999-of-the-future', 1)`);
    db.close();
    const refused = await migrate();
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/relations\/9999-of-the-future/);
    const status = await migrate('--status');
    expect(status.code).toBe(1);
    expect(status.stdout).toMatch(/9999-of-the-future {2}of a newer version/);
  });

  test('says in a line what keeps it from working, without the password', async () => {
    const url = 'postgres://tidings:very-secret@127.0.0.1:1/tidings';
    const away = await runInProcess(['migrate'], { cwd, env: { TIDINGS_STORE_URL: url } });
    expect(away.code).toBe(1);
    expect(away.stderr).toMatch(/127\.0\.0\.1:1\/tidings/);
    expect(away.stderr).not.toContain('very-secret');
    const wrong = await migrate('now');
    expect([wrong.code, wrong.stderr.split('\n', 1)[0]]).toEqual([2, 'tidings: unexpected argument "now"']);
  });
});
