/**
 * The law of `Broker` as tests. Whoever writes a broker runs them against it:
 *
 * ```ts
 * testBroker('my broker', async (nodes) => ({ brokers: …, clock: undefined, stop: async () => … }));
 * ```
 */
import { describe } from 'vitest';
import { declareDeliveryTests } from './broker-delivery.ts';
import { declareHistoryTests } from './broker-history.ts';
import { declareModelTest } from './broker-model.ts';
import type { BrokerFactory } from './broker-nodes.ts';
import { declarePublishTests } from './broker-publish.ts';
import { type SuiteOptions, SkippableTests } from './conformance.ts';

export type { BrokerFactory, BrokerNodes } from './broker-nodes.ts';

/**
 * Declares the suite.
 * @param factory called once a test; asked for one to three nodes.
 */
export function testBroker(name: string, factory: BrokerFactory, options: SuiteOptions = {}): void {
  describe(`${name}: the law of Broker`, () => {
    const tests = new SkippableTests(options);
    declareDeliveryTests(tests, factory);
    declarePublishTests(tests, factory);
    declareHistoryTests(tests, factory);
    declareModelTest(tests, factory);
    tests.check();
  });
}
