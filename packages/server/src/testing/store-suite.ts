/**
 * The law of `Store` as tests. Whoever writes a store runs them against it:
 *
 * ```ts
 * testStore('my store', async () => ({ open: () => new MyStore(…), remove: async () => … }));
 * ```
 */
import { describe } from 'vitest';
import { type SuiteOptions, SkippableTests } from './conformance.ts';
import type { StoreFactory } from './store-fixture.ts';
import { declareStoreLifeTests } from './store-life.ts';
import { declareMigrationTests } from './store-migrations.ts';
import { declareNotifyTests } from './store-notify.ts';
import { declareTransactionTests } from './store-transactions.ts';
import { declareValueTests } from './store-values.ts';

export type { StoreFactory, TestDatabase } from './store-fixture.ts';

/**
 * Declares the suite.
 * @param factory called once a test.
 */
export function testStore(name: string, factory: StoreFactory, options: SuiteOptions = {}): void {
  describe(`${name}: the law of Store`, () => {
    const tests = new SkippableTests(options);
    declareTransactionTests(tests, factory);
    declareValueTests(tests, factory);
    declareMigrationTests(tests, factory);
    declareNotifyTests(tests, factory);
    declareStoreLifeTests(tests, factory);
    tests.check();
  });
}
