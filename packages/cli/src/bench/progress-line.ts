/** One line on stderr that says what a run is doing. On a terminal it is rewritten; elsewhere only new phases appear. */
export type Progress = (phase: string, detail?: string) => void;

/** Where the line is written: stderr, or something that collects. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export class ProgressLine {
  readonly #stream: ProgressStream;
  readonly #prefix: string;
  #phase = '';
  #shownAt = 0;
  #open = false;

  constructor(stream: ProgressStream, prefix = '') {
    this.#stream = stream;
    this.#prefix = prefix;
  }

  /** Says where the run is. May be called often. */
  readonly show: Progress = (phase, detail = '') => {
    const changed = phase !== this.#phase;
    this.#phase = phase;
    if (!this.#stream.isTTY) {
      if (changed) this.#stream.write(`${this.#prefix}${phase}\n`);
      return;
    }
    const now = performance.now();
    if (!changed && now - this.#shownAt < 100) return;
    this.#shownAt = now;
    this.#open = true;
    this.#stream.write(`\r\x1b[2K${this.#prefix}${phase}${detail && ` ${detail}`}`);
  };

  /** Clears the line; what is printed next starts at the left. */
  end(): void {
    if (this.#open) this.#stream.write('\r\x1b[2K');
    this.#open = false;
  }
}
