/**
 * `npm run build`: the packages as they are published, into `build/node_modules`: compiled JavaScript, type
 * declarations, manifest. `npm publish build/node_modules/tidings` and so on publishes them. Plain `tsc`, no bundler:
 * what is published reads like what was written.
 */
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildChatExample } from './chat-example.mjs';
import { isMain, main, root, run, setup } from './setup.mjs';

/** In the order in which they depend on each other. */
const packages = [
  { folder: 'protocol', name: '@tidings/protocol', files: ['vectors'] },
  { folder: 'server', name: '@tidings/server', files: [] },
  { folder: 'client', name: '@tidings/client', files: [] },
  { folder: 'react', name: '@tidings/react', files: [] },
  { folder: 'vue', name: '@tidings/vue', files: [] },
  { folder: 'cli', name: 'tidings', files: ['bin'] },
];

/** Beside the compiled code: what `tidings dev` serves. Folders of the package, by where they come from. */
const served = { demo: 'examples/demo', 'chat-seed': 'examples/chat/seed', chat: '.tidings/chat' };

/**
 * Builds every package.
 * @returns the exit code of the first compiler that failed, else 0.
 */
export async function build() {
  const node = await setup();
  const build = join(root, 'build');
  const out = join(build, 'node_modules');
  await rm(build, { recursive: true, force: true });
  const paths = {};
  for (const { folder, name, files } of packages) {
    const source = join(root, 'packages', folder);
    const target = join(out, name);
    await mkdir(target, { recursive: true });
    const config = {
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        noEmit: false,
        declaration: true,
        sourceMap: true,
        customConditions: [],
        rootDir: join(source, 'src'),
        outDir: join(target, 'dist'),
        typeRoots: [join(root, 'node_modules', '@types')],
        paths,
      },
      include: [join(source, 'src')],
      // Test code comes along only where it is published: the suites that implementations of an interface pass.
      exclude: ['*.test.ts', '*.test.tsx', ...(folder === 'server' ? [] : ['testing/**'])].map((pattern) =>
        join(source, 'src', '**', pattern),
      ),
    };
    const configFile = join(build, `tsconfig.${folder}.json`);
    await writeFile(configFile, JSON.stringify(config, undefined, 2));
    console.log(`building ${name}`);
    const code = await run(node, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', configFile]);
    if (code !== 0) return code;
    paths[name] = [join(target, 'dist', folder === 'cli' ? 'main.d.ts' : 'index.d.ts')];
    const manifest = JSON.parse(await readFile(join(source, 'package.json'), 'utf8'));
    await writeFile(join(target, 'package.json'), `${JSON.stringify(published(manifest), undefined, 2)}\n`);
    for (const file of files) await cp(join(source, file), join(target, file), { recursive: true });
    await copyStyles(join(source, 'src'), join(target, 'dist'));
    await cp(join(root, 'LICENSE'), join(target, 'LICENSE'));
  }
  await buildChatExample({ node });
  for (const [to, from] of Object.entries(served)) {
    await cp(join(root, from), join(out, 'tidings', to), { recursive: true });
  }
  return 0;
}

/** Style sheets beside the compiled code, in their folders. */
async function copyStyles(from, to) {
  const names = await readdir(from, { recursive: true });
  for (const name of names.filter((file) => file.endsWith('.css'))) await cp(join(from, name), join(to, name));
}

/** The manifest without what only a checkout of the sources has. */
function published(manifest) {
  const exports = structuredClone(manifest.exports);
  for (const conditions of Object.values(exports)) delete conditions['tidings-source'];
  const files = manifest.files.filter((file) => file !== 'src');
  return { ...manifest, exports, files: manifest.name === 'tidings' ? [...files, ...Object.keys(served)] : files };
}

if (isMain(import.meta.url)) await main(build);
