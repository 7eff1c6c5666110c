/** The browser for tests named `.browser.test.ts`: Chromium from the PATH, driven by playwright-core. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { describe, type SuiteAPI } from 'vitest';

const commands = ['chromium', 'chromium-browser', 'google-chrome'];
const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

function findChromium(): string | undefined {
  const candidates = (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => commands.map((command) => join(folder, command)));
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const executablePath = findChromium();

/** `describe`, skipped with a word where there is no Chromium. In CI the tests run and fail instead. */
export const describeWithChromium: SuiteAPI | SuiteAPI['skip'] = executablePath || isCi() ? describe : skipping();

/** @throws Error if there is no Chromium. */
export function launchChromium(): Promise<Browser> {
  if (!executablePath) throw new Error(`Chromium is missing: none of ${commands.join(', ')} is on the PATH`);
  return chromium.launch({ executablePath, args: flags });
}

function isCi(): boolean {
  return process.env['CI'] === 'true' || process.env['CI'] === '1';
}

function skipping(): SuiteAPI['skip'] {
  console.warn(`Chromium is missing (${commands.join(', ')}): tests in a browser are skipped.`);
  return describe.skip;
}
