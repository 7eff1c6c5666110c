import { describe, expect, test } from 'vitest';
import { CircuitBreaker, CircuitOpenError } from './circuit-breaker.ts';
import { FakeClock } from './clock.ts';

const fails = async (): Promise<never> => Promise.reject(new Error('down'));
const works = async (): Promise<string> => 'up';

function create() {
  const clock = new FakeClock();
  const states: string[] = [];
  const breaker = new CircuitBreaker({
    failures: 3,
    cooldownMs: 1_000,
    clock,
    onChange: (state) => states.push(state),
  });
  const fail = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) await expect(breaker.run(fails)).rejects.toThrow('down');
  };
  return { clock, breaker, states, fail };
}

describe('CircuitBreaker', () => {
  test('opens after failures in a row, not after as many with a success between', async () => {
    const { breaker, fail } = create();
    await fail(2);
    await breaker.run(works);
    await fail(2);
    expect(breaker.state).toBe('closed');
    await fail(1);
    expect(breaker.state).toBe('open');
  });

  test('calls nothing while open, and lets one call through after the cool-down', async () => {
    const { clock, breaker, fail, states } = create();
    await fail(3);
    let called = 0;
    const counted = async (): Promise<number> => ++called;
    await expect(breaker.run(counted)).rejects.toBeInstanceOf(CircuitOpenError);
    await clock.advance(1_000);
    const probe = breaker.run(counted);
    await expect(breaker.run(counted)).rejects.toBeInstanceOf(CircuitOpenError);
    expect(await probe).toBe(1);
    expect(await breaker.run(counted)).toBe(2);
    expect(states).toEqual(['open', 'half-open', 'closed']);
  });

  test('a failed probe opens it for another cool-down', async () => {
    const { clock, breaker, fail } = create();
    await fail(3);
    await clock.advance(1_000);
    await fail(1);
    await clock.advance(999);
    await expect(breaker.run(works)).rejects.toBeInstanceOf(CircuitOpenError);
    await clock.advance(1);
    expect(await breaker.run(works)).toBe('up');
  });

  test('a call from before it opened does not close it', async () => {
    const { breaker, fail } = create();
    let finish: (value: string) => void = () => {};
    const early = breaker.run(() => new Promise<string>((resolve) => (finish = resolve)));
    await fail(3);
    finish('late');
    await early;
    expect(breaker.state).toBe('open');
  });

  test('errors that say the other side is alive count as success', async () => {
    const clock = new FakeClock();
    const breaker = new CircuitBreaker({ failures: 1, cooldownMs: 1_000, clock, isFailure: () => false });
    await expect(breaker.run(fails)).rejects.toThrow('down');
    expect(breaker.state).toBe('closed');
  });
});
