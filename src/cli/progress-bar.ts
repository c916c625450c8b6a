/** One line on a terminal that shows how far something is. On anything but a terminal it shows nothing. */

import type { BoundedOutput } from "../telemetry/bounded-output.ts";

const WIDTH = 30;
const CLEAR_LINE = "\r\u001b[2K";

export class ProgressBar {
  readonly #sink: BoundedOutput | null;
  readonly #total: number;

  constructor(total: number, sink: BoundedOutput, isTerminal: boolean) {
    this.#total = total;
    this.#sink = isTerminal ? sink : null;
  }

  show(done: number): void {
    const filled = Math.floor((done / this.#total) * WIDTH);
    const bar = "█".repeat(filled) + "░".repeat(WIDTH - filled);
    this.#sink?.write(`${CLEAR_LINE}${bar} ${done} of ${this.#total} calls`);
  }

  /** Leaves the line empty for what comes next. */
  clear(): void {
    this.#sink?.write(CLEAR_LINE);
  }
}
