/**
 * Reloads the module on demand, one reload at a time: whatever is asked for while one is under way becomes a single
 * further one. A module that cannot be used is refused, and the one before goes on serving.
 */

import type { Log } from "../telemetry/log.ts";
import { InputError } from "../event/input-error.ts";
import { ModuleError } from "../wasm/module-error.ts";

export interface Reloadable {
  readonly sha256: string;
  reload(): Promise<void>;
}

export class Reloader {
  readonly #target: Reloadable;
  readonly #log: Log;
  #current: Promise<void> | null = null;
  #isWanted = false;

  constructor(target: Reloadable, log: Log) {
    this.#target = target;
    this.#log = log;
  }

  /** Resolves when the module of this moment, or a later one, has been swapped in or refused. Never rejects. */
  request(reason: string): Promise<void> {
    this.#isWanted = true;
    this.#current ??= this.#run(reason);
    return this.#current;
  }

  async #run(reason: string): Promise<void> {
    while (this.#isWanted) {
      this.#isWanted = false;
      await this.#reloadOnce(reason);
    }
    this.#current = null;
  }

  async #reloadOnce(reason: string): Promise<void> {
    const before = this.#target.sha256;
    const startedAtMs = performance.now();
    try {
      await this.#target.reload();
      this.#log.info("reloaded the module", {
        reason,
        sha256: this.#target.sha256,
        sha256_before: before,
        ms: Math.round(performance.now() - startedAtMs),
      });
    } catch (error) {
      this.#log.error("the new module cannot be used; the one before goes on serving", {
        reason,
        code: error instanceof ModuleError || error instanceof InputError ? error.code : "agent-internal",
        problem: error instanceof Error ? error.message : String(error),
        sha256: before,
      });
    }
  }
}
