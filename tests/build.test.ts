/** What `npm run build` makes is what people install: it runs without the sources. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));

test('the built packages run by themselves', async () => {
  await run(process.execPath, ['scripts/build.mjs'], { cwd: root });

  const help = await run(process.execPath, ['build/node_modules/tidings/bin/tidings.mjs', '--help'], { cwd: root });
  expect(help.stdout).toContain('Run the server in production');

  const program = `
    import { createEngine } from '@tidings/server';
    const config = { mode: 'development', auth: { anonymous: true }, listen: { port: 0 }, log: { level: 'silent' },
      channels: { '{name}': { history: { size: 10 } } } };
    await using engine = createEngine({ config });
    await engine.start();
    await engine.publish('news', { hello: 'world' });
    const history = await fetch('http://127.0.0.1:' + engine.address.port + '/api/history', {
      method: 'POST', body: JSON.stringify({ channel: 'news', limit: 1 }) });
    console.log(import.meta.resolve('@tidings/server'), JSON.stringify((await history.json()).result.publications[0].data));
  `;
  const embedded = await run(process.execPath, ['--input-type=module', '--eval', program], { cwd: `${root}build` });
  expect(embedded.stdout).toMatch(/build\/node_modules\/@tidings\/server\/dist\/index\.js \{"hello":"world"\}/);
});
