/** Measures how long the event loop is held: a timer that is called late was kept waiting by other work. */

import type { Histogram } from "./histogram.ts";

const TICK_MS = 50;

export class LoopDelayMeter {
  readonly #delays: Histogram;
  readonly #timer: ReturnType<typeof setInterval>;
  #dueAtMs: number;

  /** `delays`: in milliseconds. */
  constructor(delays: Histogram) {
    this.#delays = delays;
    this.#dueAtMs = performance.now() + TICK_MS;
    this.#timer = setInterval(() => this.#onTick(), TICK_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #onTick(): void {
    const nowMs = performance.now();
    this.#delays.observe(Math.max(0, nowMs - this.#dueAtMs));
    this.#dueAtMs = nowMs + TICK_MS;
  }
}
