/** Thrown inside a use case to close the connection it works for. */
import type { CloseReason } from '@tidings/protocol';

export class Disconnect extends Error {
  readonly closeReason: CloseReason;
  /** What was wrong, in words, for the operator's log; the client learns only code and reason. */
  readonly detail: string | undefined;

  constructor(closeReason: CloseReason, detail?: string, options?: { cause?: unknown }) {
    super(closeReason.reason, options);
    this.name = 'Disconnect';
    this.closeReason = closeReason;
    this.detail = detail;
  }
}
