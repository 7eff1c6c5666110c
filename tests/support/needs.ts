/** Tests that need a program of the system: skipped where it is missing, except in CI, where they fail. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { test } from 'vitest';

/** Whether an executable of this name is on the PATH. */
export function isOnPath(command: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** `test`, given time to build or install; its title says what is missing where it is skipped. */
export function testWith(command: string, title: string, body: () => Promise<void>): void {
  const inCi = process.env['CI'] === 'true' || process.env['CI'] === '1';
  if (isOnPath(command) || inCi) test(title, body, 300_000);
  else test.skip(`${title} (skipped: ${command} is not on the PATH)`, body);
}
