/**
 * Files of a page of the documentation, put into a folder of this tree where imports find the packages: to be checked by
 * the compiler, or bundled by Vite and opened in a browser.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { build, preview, type PluginOption, type ProxyOptions } from 'vite';
import { root } from '../support/documents.ts';

/** Git does not see it. */
const parent = join(root, '.tidings');

interface ServeOptions {
  readonly plugins?: PluginOption[];
  /** Paths that are handed on, and where to. */
  readonly proxy?: Record<string, ProxyOptions>;
}

export class Workbench {
  readonly folder: string;
  readonly #closes: (() => Promise<void>)[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** @param files their text by their path. */
  static async with(files: Readonly<Record<string, string>>): Promise<Workbench> {
    await mkdir(parent, { recursive: true });
    const workbench = new Workbench(await mkdtemp(join(parent, 'docs-')));
    for (const [path, text] of Object.entries(files)) {
      const file = join(workbench.folder, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    }
    return workbench;
  }

  /** Builds the page `index.html` and serves it. @returns its URL, without a slash at the end. */
  async serve({ plugins = [], proxy = {} }: ServeOptions = {}): Promise<string> {
    const outDir = join(this.folder, 'dist');
    const config = {
      configFile: false as const,
      root: this.folder,
      plugins,
      resolve: { conditions: ['tidings-source', 'module', 'browser', 'production'] },
      build: { outDir, target: 'es2022', minify: false, reportCompressedSize: false, chunkSizeWarningLimit: 10_000 },
      logLevel: 'error' as const,
    };
    await build(config);
    const server = await preview({ ...config, preview: { host: '127.0.0.1', port: 0, proxy } });
    this.#closes.push(() => server.close());
    return `http://127.0.0.1:${(server.httpServer.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closes) await close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
