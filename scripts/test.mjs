/**
 * `npm test`: everything. Format, lint and types, then all tests; what tests need of the system is installed where that
 * is possible. Further arguments go to vitest. CI runs the same and reads the last line, `N passed, M failed`
 * (`, K skipped`); a check before the tests that fails counts as one failure.
 *
 * In CI (CI=true) a missing need fails the run; elsewhere this says which tests cannot run.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { runStep, staticSteps } from './check.mjs';
import { main, setup, SetupError } from './setup.mjs';

/**
 * Programs that tests start, and the tests that do. Any of `commands` will do; `debian` brings one. Beside the PATH they
 * may be in `<version>/bin` below the folder `versions`.
 */
const needs = [
  {
    name: 'curl',
    tests: 'tests of the documentation',
    commands: ['curl'],
    debian: ['curl'],
  },
  {
    name: 'OpenSSL',
    tests: 'tests of TLS',
    commands: ['openssl'],
    debian: ['openssl'],
  },
  {
    name: 'Git',
    tests: 'tests/start.test.ts',
    commands: ['git'],
    debian: ['git'],
  },
  {
    name: 'Chromium',
    tests: '*.browser.test.ts',
    commands: ['chromium', 'chromium-browser', 'google-chrome'],
    debian: ['chromium'],
  },
  {
    name: 'Python',
    tests: '*.python.test.ts',
    commands: ['python3'],
    debian: ['python3', 'python3-venv'],
  },
  {
    name: 'Go',
    tests: '*.go.test.ts',
    commands: ['go'],
    debian: ['golang-go', 'ca-certificates'],
  },
  {
    name: 'PHP',
    tests: '*.php.test.ts',
    commands: ['php'],
    debian: ['php-cli'],
  },
  {
    name: 'PostgreSQL',
    tests: '*.pg.test.ts',
    commands: ['initdb'],
    versions: '/usr/lib/postgresql',
    debian: ['postgresql'],
  },
  {
    name: 'a C compiler',
    tests: 'tests/bench.test.ts',
    commands: ['gcc'],
    debian: ['gcc', 'libc6-dev'],
  },
];

const inCi = process.env.CI === 'true' || process.env.CI === '1';

/** Installs what is missing where that is possible; says what cannot be tested otherwise. Throws in CI. */
function provideNeeds() {
  for (const need of needs) {
    if (isFound(need)) continue;
    const problem = installFromDebian(need);
    if (isFound(need)) continue;
    const message = `${need.name} is missing (${need.commands.join(', ')}; ${problem})`;
    if (inCi) throw new SetupError(`${message}. In CI every test must run.`);
    console.log(`${message}: ${need.tests} cannot run.`);
  }
}

function isFound({ commands, versions }) {
  const further = versions !== undefined && existsSync(versions) ? readdirSync(versions) : [];
  return commands.some(
    (command) => isOnPath(command) || further.some((version) => isExecutable(join(versions, version, 'bin', command))),
  );
}

function isOnPath(command) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => isExecutable(join(folder, command)));
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @returns {string} why it could not be installed, or what came of it */
function installFromDebian(need) {
  if (!isOnPath('apt-get')) return 'no apt-get here to install it with';
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && spawnSync('sudo', ['-n', 'true']).status !== 0) return 'installing it needs root or sudo';
  console.log(`Installing ${need.name} (apt-get install ${need.debian.join(' ')}) ...`);
  const apt = (...args) => {
    const command = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', ...args];
    if (!isRoot) command.unshift('sudo', '-n');
    return spawnSync(command[0], command.slice(1), { encoding: 'utf8' });
  };
  // An update that fails may still leave lists good enough for the install.
  apt('update');
  const installed = apt('install', '-y', '--no-install-recommends', ...need.debian);
  if (installed.status === 0) return 'installed, but not found on the PATH';
  process.stderr.write(installed.stderr ?? '');
  return 'apt-get could not install it';
}

/** Totals of vitest's report. A file that could not even be loaded, or an error outside of tests, is a failure too. */
function readTotals(reportFile, exitCode) {
  let report;
  try {
    report = JSON.parse(readFileSync(reportFile, 'utf8'));
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length;
  let failed = report.numFailedTests + broken;
  if (failed === 0 && exitCode !== 0) failed = 1;
  return { passed: report.numPassedTests, failed, skipped: report.numPendingTests + (report.numTodoTests ?? 0) };
}

async function testAll(extraArgs) {
  const totals = { passed: 0, failed: 0, skipped: 0 };
  const folder = mkdtempSync(join(tmpdir(), 'tidings-test-'));
  try {
    const node = await setup();
    provideNeeds();
    for (const step of staticSteps) {
      if ((await runStep(node, step)) !== 0) totals.failed += 1;
    }
    const report = join(folder, 'report.json');
    const code = await runStep(node, {
      name: 'tests',
      tool: ['vitest'],
      args: ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...extraArgs],
    });
    const tests = readTotals(report, code);
    for (const key of Object.keys(totals)) totals[key] += tests[key];
  } catch (error) {
    console.error(`\n${error instanceof SetupError ? error.message : error.stack}`);
    totals.failed += 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : '';
  console.log(`\n${totals.passed} passed, ${totals.failed} failed${skipped}`);
  return totals.failed === 0 ? 0 : 1;
}

await main(() => testAll(process.argv.slice(2)));
