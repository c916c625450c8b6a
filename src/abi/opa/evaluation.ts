/** What holds for one evaluation of a policy: one time, one draw of each random number, and its fuel and deadline. */

import type { StartedInstance } from "../../wasm/start-instance.ts";
import { deadlineFailure } from "../../wasm/trap.ts";
import type { EvaluationContext } from "./builtins/builtin.ts";
import type { RegoValue } from "./values/rego-value.ts";

const NS_PER_US = 1000n;

export class Evaluation implements EvaluationContext {
  readonly memo = new Map<string, RegoValue>();
  readonly #started: StartedInstance;
  #nowNs: bigint | null = null;

  constructor(started: StartedInstance) {
    this.#started = started;
  }

  begin(): void {
    this.#nowNs = null;
    if (this.memo.size > 0) this.memo.clear();
  }

  get nowNs(): bigint {
    this.#nowNs ??= BigInt(this.#started.imports.clock.realtimeMicros()) * NS_PER_US;
    return this.#nowNs;
  }

  fillRandom(bytes: Uint8Array): void {
    this.#started.imports.fillRandom(bytes);
  }

  charge(units: number): void {
    this.#started.imports.work(Math.min(Math.ceil(units), MAX_CHARGE));
  }

  assertInTime(): void {
    const { deadline, imports } = this.#started;
    if (deadline.isOver()) imports.end(deadlineFailure(deadline, "a built-in function"));
  }

  print(text: string): void {
    this.#started.imports.output.writeLine("console", "info", text.slice(0, MAX_LINE_UNITS), 0);
  }
}

/** An i32 of the guest counts it. */
const MAX_CHARGE = 2 ** 30;
const MAX_LINE_UNITS = 1024;
