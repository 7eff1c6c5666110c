#!/usr/bin/env node
/**
 * Starts the command line with a Node that can run it. From an installed package that is `dist`; in a checkout of the
 * sources, where there is none, Node runs the TypeScript itself. Plain JavaScript that also runs on an old Node,
 * because its work is to say that the Node is too old.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';

const requiredMajor = 24;
const packageDir = dirname(dirname(fileURLToPath(import.meta.url)));
const built = join(packageDir, 'dist', 'main.js');
const source = join(packageDir, 'src', 'main.ts');
const fromSource = !existsSync(built) && existsSync(source);

const major = Number(process.versions.node.split('.')[0]);
if (major >= requiredMajor && !fromSource) {
  const { main } = await import(pathToFileURL(built).href);
  await main();
} else {
  const node = major >= requiredMajor ? process.execPath : installedNode();
  if (node === undefined) {
    console.error(
      `tidings needs Node ${requiredMajor} or newer; this is ${process.version}.\n` +
        'Install a newer Node, or add the npm package `node` to your project: npm install --save-dev node',
    );
    process.exitCode = 1;
  } else {
    runIn(node);
  }
}

/** The Node that the npm package `node` brings, if it is installed and new enough. */
function installedNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve('node/package.json');
    const binary = join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    const { version } = createRequire(import.meta.url)('node/package.json');
    return Number(version.split('.')[0]) >= requiredMajor && existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}

/** Runs the command line in another Node, in the foreground: signals go to it, its exit code comes from it. */
function runIn(node) {
  const entry = fromSource ? ['--conditions=tidings-source', source] : [built];
  const child = spawn(node, [...entry, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal sends its own signals to the child as well; twice would mean "at once".
      if (signal === 'SIGTERM' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('error', (error) => {
    console.error(`cannot start ${node}: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('close', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
    // The signal handlers keep nothing alive, but a terminal on stdin could.
    process.exit();
  });
}
