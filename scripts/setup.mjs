/**
 * Makes the tree ready to run: packages installed as the lock file says, and a Node new enough for the sources.
 * Every other script starts here. Runs on Node 20 and without any package, for it runs before there is one.
 *
 * Packages are installed when what is installed is not what the lock file names. An interrupted install leaves no
 * stamp and is done again; two runs at once install once.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The root of the tree. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const requiredMajor = 24;
const lockFile = join(root, 'package-lock.json');
const stampFile = join(root, 'node_modules', '.tidings-setup');
const guardFile = join(root, '.tidings', 'setup.lock');
const installLog = join(root, '.tidings', 'npm-ci.log');
/** A guard not touched for this long belongs to nobody, whatever process has its number by now. */
const guardStaleMs = 30_000;

/** What went wrong and what to do about it; shown without a stack. */
export class SetupError extends Error {}

/**
 * @returns {Promise<string>} path of a Node that runs the sources
 * @throws {SetupError}
 */
export async function setup() {
  if (!isInstalled()) await holdingGuard(install);
  return findNode();
}

/** Runs a script's main function; a `SetupError` is shown as one message. Sets the exit code. */
export async function main(body) {
  try {
    process.exitCode = await body();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(`\n${error.message}`);
    process.exitCode = 1;
  }
}

/** Whether the script of this `import.meta.url` is the one that was started, not imported. */
export function isMain(moduleUrl) {
  return process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(moduleUrl);
}

/**
 * Runs a program in the foreground, passes signals on to it, and resolves to its exit code (128 + n after signal n).
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 * @returns {Promise<number>}
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options });
    const forward = (signal) => {
      // A terminal has already sent Ctrl-C to the child; a second one would mean "at once".
      if (signal !== 'SIGTERM' && process.stdin.isTTY) return;
      child.kill(signal);
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, forward);
    // npm hands a signal to the shell between itself and this script, and many shells end without passing it on.
    const parent = process.ppid;
    const orphaned = () => {
      if (process.ppid === parent) return;
      clearInterval(watch);
      child.kill('SIGTERM');
    };
    const watch = process.env.npm_lifecycle_event === undefined ? undefined : setInterval(orphaned, 250);
    const done = () => {
      clearInterval(watch);
      for (const signal of signals) process.off(signal, forward);
    };
    child.on('error', (error) => {
      done();
      reject(error);
    });
    child.on('close', (code, signal) => {
      done();
      resolve(code ?? 128 + constants.signals[signal]);
    });
  });
}

function isInstalled() {
  const wanted = fingerprint();
  if (readText(stampFile) === wanted) return true;
  if (!matchesLockFile()) return false;
  writeStamp(wanted);
  return true;
}

/** The lock file and the machine: packages with native parts copied from another machine do not count. */
function fingerprint() {
  const lock = readText(lockFile);
  if (lock === undefined) throw new SetupError('package-lock.json is missing. Is this a complete copy of the source?');
  return createHash('sha256').update(`${process.platform} ${process.arch}\n${lock}`).digest('hex');
}

/** Whether npm's own record of what it finished installing agrees, so that a hand-made `npm install` counts too. */
function matchesLockFile() {
  try {
    const wanted = JSON.parse(readFileSync(lockFile, 'utf8')).packages;
    const installed = JSON.parse(readFileSync(join(root, 'node_modules', '.package-lock.json'), 'utf8')).packages;
    return Object.entries(wanted).every(([path, entry]) => {
      if (path === '' || entry.link || !path.includes('node_modules/')) return true;
      const found = installed[path];
      // Optional packages are mostly those of other platforms.
      if (found === undefined) return entry.optional === true && !existsSync(join(root, path));
      return found.version === entry.version && found.integrity === entry.integrity && existsSync(join(root, path));
    });
  } catch {
    return false;
  }
}

function writeStamp(text) {
  const draft = `${stampFile}.${process.pid}`;
  writeFileSync(draft, text);
  renameSync(draft, stampFile);
}

async function install() {
  // Another run may have finished it while this one waited.
  if (isInstalled()) return;
  console.log('Installing packages (npm ci), once ...');
  // npm ci removes node_modules first, so the Node that runs it must not be the one in there.
  const path = (process.env.PATH ?? '').split(delimiter).filter((entry) => !entry.includes(`node_modules${sep}.bin`));
  const log = openSync(installLog, 'w');
  const code = await run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund'], {
    stdio: ['ignore', log, log],
    env: { ...process.env, PATH: path.join(delimiter) },
    shell: process.platform === 'win32',
  })
    .catch((error) => {
      throw new SetupError(`npm could not be started (${error.message}). Install npm 10 or newer, then try again.`);
    })
    .finally(() => closeSync(log));
  if (code !== 0) {
    process.stderr.write(readFileSync(installLog));
    throw new SetupError(`npm ci failed (exit code ${code}), see above. It needs network access once.`);
  }
  rmSync(installLog, { force: true });
  writeStamp(fingerprint());
}

/** Runs `body` while no other process of this tree does. */
async function holdingGuard(body) {
  mkdirSync(dirname(guardFile), { recursive: true });
  const mine = `${process.pid}\n`;
  let told = false;
  for (;;) {
    try {
      writeFileSync(guardFile, mine, { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = readText(guardFile);
    if (holder !== undefined && isAbandoned(holder)) {
      removeGuard(holder);
      continue;
    }
    if (!told) console.log('Another run is installing packages; waiting for it ...');
    told = true;
    await sleep(200);
  }
  const touching = setInterval(() => {
    try {
      utimesSync(guardFile, new Date(), new Date());
    } catch {
      // Taken away by somebody; the install itself is not harmed by going on.
    }
  }, 2_000);
  const release = () => removeGuard(mine);
  process.on('exit', release);
  try {
    await body();
  } finally {
    clearInterval(touching);
    process.off('exit', release);
    release();
  }
}

function isAbandoned(holder) {
  try {
    if (Date.now() - statSync(guardFile).mtimeMs > guardStaleMs) return true;
    const pid = Number(holder);
    // Empty between creation and write: give it until it is stale.
    if (!Number.isInteger(pid) || pid <= 0) return false;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

/** Removes the guard if it still says what was read. Moved aside first: of two that try, one wins. */
function removeGuard(expected) {
  const aside = `${guardFile}.${process.pid}`;
  try {
    if (readText(guardFile) !== expected) return;
    renameSync(guardFile, aside);
  } catch {
    return;
  }
  // Somebody was quicker and this is already the guard of the next holder: give it back.
  if (readText(aside) !== expected && !existsSync(guardFile)) renameSync(aside, guardFile);
  rmSync(aside, { force: true });
}

function findNode() {
  const installed = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  // The Node that runs this may have been replaced by the install.
  if (majorOf(process.version) >= requiredMajor && existsSync(process.execPath)) return process.execPath;
  const answer = spawnSync(installed, ['--version'], { encoding: 'utf8' });
  if (answer.status === 0 && majorOf(answer.stdout) >= requiredMajor) return installed;
  throw new SetupError(
    `Tidings needs Node ${requiredMajor} or newer; this is ${process.version}, and the one that npm installs for the ` +
      `project does not run here${answer.error ? ` (${answer.error.message})` : ''}.\n` +
      `Install Node ${requiredMajor} or newer and try again; if install scripts are switched off (ignore-scripts), allow them.`,
  );
}

function majorOf(version) {
  return Number(/^v(\d+)\./.exec(version)?.[1] ?? 0);
}

function readText(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

if (isMain(import.meta.url)) await main(async () => void (await setup()));
