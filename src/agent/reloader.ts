/**
 * Reloads the module on demand, one reload at a time: whatever is asked for while one is in progress becomes a single
 * further one. A module that cannot be used is refused, and the one before goes on serving.
 */

import type { Log } from "../telemetry/log.ts";
import { InputError } from "../event/input-error.ts";
import type { ReloadResult } from "../telemetry/admin/admin-target.ts";
import { ModuleError } from "../wasm/module-error.ts";

export interface Reloadable {
  readonly sha256: string;
  reload(): Promise<void>;
}

export class Reloader {
  readonly #target: Reloadable;
  readonly #log: Log;
  #current: Promise<ReloadResult> | null = null;
  #isWanted = false;

  constructor(target: Reloadable, log: Log) {
    this.#target = target;
    this.#log = log;
  }

  /** Resolves when the module of this moment, or a later one, has been swapped in or refused. Never rejects. */
  request(reason: string): Promise<ReloadResult> {
    this.#isWanted = true;
    this.#current ??= this.#run(reason);
    return this.#current;
  }

  async #run(reason: string): Promise<ReloadResult> {
    let result: ReloadResult;
    do {
      this.#isWanted = false;
      result = await this.#reloadOnce(reason);
    } while (this.#isWanted);
    this.#current = null;
    return result;
  }

  async #reloadOnce(reason: string): Promise<ReloadResult> {
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
      return { isGood: true, sha256: this.#target.sha256 };
    } catch (error) {
      const code =
        error instanceof ModuleError || error instanceof InputError ? error.code : "agent-internal";
      const problem = error instanceof Error ? error.message : String(error);
      this.#log.error("the new module cannot be used; the one before goes on serving", {
        reason,
        code,
        problem,
        sha256: before,
      });
      return { isGood: false, code, problem };
    }
  }
}
