/** The payload of a load: numbered and dated, so that a receiver can tell what is lost, doubled, out of order or late. */

export interface Probe {
  /** 0, 1, 2, … per channel. */
  readonly number: number;
  /** When it was sent, on the `performance.now()` clock of the sending process. */
  readonly sentMs: number;
}

/** The smallest payload that holds a number and a time. */
export const minProbeBytes = 48;

/**
 * Makes the JSON text of a probe.
 * @param bytes exact length, at least `minProbeBytes`.
 */
export function encodeProbe(probe: Probe, bytes: number): Uint8Array {
  const head = `{"n":${probe.number},"t":${probe.sentMs.toFixed(3)},"x":"`;
  return Buffer.from(`${head}${'x'.repeat(Math.max(0, bytes - head.length - 2))}"}`);
}

/** @returns undefined for what is not a probe: somebody else publishes on this channel too. */
export function decodeProbe(data: Uint8Array): Probe | undefined {
  try {
    const { n, t } = JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.length).toString('latin1'));
    return typeof n === 'number' && typeof t === 'number' ? { number: n, sentMs: t } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Follows the numbers that one receiver sees. A number below the expected one is doubled, a jump is a loss; a message
 * out of order is therefore counted as both.
 */
export class ProbeTracker {
  expected = 0;
  lost = 0;
  doubled = 0;

  take(number: number): void {
    if (number < this.expected) {
      this.doubled++;
      return;
    }
    this.lost += number - this.expected;
    this.expected = number + 1;
  }

  /** All that was sent should be here now. */
  finish(sent: number): void {
    if (this.expected < sent) this.take(sent);
    this.expected = sent;
  }
}
