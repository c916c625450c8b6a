/** The wish to stop: a signal, or an agent that took over. A second signal ends the process at once. */

import type { Log } from "../telemetry/log.ts";

const EXIT_FORCED = 1;

export class StopRequest {
  readonly requested: Promise<void>;
  readonly #log: Log;
  readonly #resolve: () => void;
  #isListening = false;
  #isStopping = false;

  constructor(log: Log) {
    this.#log = log;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.requested = promise;
    this.#resolve = resolve;
  }

  /**
   * From now on SIGTERM and SIGINT ask to stop. Until then they end the process at once, whatever it is doing: while this
   * thread runs a guest's start, no handler could be called.
   */
  listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    process.on("SIGTERM", (signal) => this.#onSignal(signal));
    process.on("SIGINT", (signal) => this.#onSignal(signal));
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  request(reason: string): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#log.info("stopping", { reason });
    this.#resolve();
  }

  #onSignal(signal: NodeJS.Signals): void {
    if (this.#isStopping) {
      this.#log.warn("stopping at once, without waiting for what is in flight", {
        reason: `second ${signal}`,
      });
      process.exit(EXIT_FORCED);
    }
    this.request(signal);
  }
}
