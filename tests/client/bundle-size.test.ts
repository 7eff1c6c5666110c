/** What the packages cost an application that loads them in a browser. */
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Rolldown } from 'vite';
import { expect, test } from 'vitest';

const packages = fileURLToPath(new URL('../../packages', import.meta.url));

interface Bundle {
  readonly bytes: number;
  readonly gzippedBytes: number;
  readonly imports: readonly string[];
}

/** One minified file, with everything but what is external. */
async function bundle(entry: string, external: readonly (string | RegExp)[]): Promise<Bundle> {
  const output = (await build({
    root: packages,
    configFile: false,
    logLevel: 'error',
    resolve: { conditions: ['tidings-source', 'browser', 'import', 'module', 'default'] },
    build: {
      write: false,
      minify: true,
      target: 'es2022',
      modulePreload: false,
      rolldownOptions: {
        input: `${packages}/${entry}`,
        external: [...external],
        preserveEntrySignatures: 'strict',
        output: { format: 'es' },
      },
    },
  })) as Rolldown.RolldownOutput;
  const [chunk, ...more] = output.output.filter((file) => file.type === 'chunk');
  expect(more).toEqual([]);
  const code = chunk?.code ?? '';
  return { bytes: code.length, gzippedBytes: gzipSync(code, { level: 9 }).length, imports: chunk?.imports ?? [] };
}

test('@tidings/client is under 30 KB gzipped without centrifuge', async () => {
  const { bytes, gzippedBytes, imports } = await bundle('client/src/index.ts', ['centrifuge']);
  console.info(`@tidings/client: ${bytes} bytes minified, ${gzippedBytes} gzipped`);
  expect(imports).toEqual(['centrifuge']);
  // Not emptied by tree shaking, and nothing of Node.
  expect(bytes).toBeGreaterThan(30_000);
  expect(gzippedBytes).toBeLessThan(30_000);
});

test('@tidings/react brings its components and hooks, nothing else', async () => {
  const external = ['react', 'react-dom', /^react\//, /^react-dom\//, '@tanstack/react-virtual', '@tidings/client'];
  const { bytes, gzippedBytes, imports } = await bundle('react/src/index.ts', external);
  console.info(`@tidings/react: ${bytes} bytes minified, ${gzippedBytes} gzipped`);
  expect(
    imports.filter((name) => !/^(react|react-dom|@tanstack\/react-virtual|@tidings\/client)(\/|$)/.test(name)),
  ).toEqual([]);
  expect(gzippedBytes).toBeLessThan(40_000);
});
