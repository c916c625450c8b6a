/**
 * What the imports of one instance share: memory, output, clock, randomness, and how the guest ended itself.
 * `startInstance` makes one for every instance; whoever calls the guest reads it after each call.
 */

import type { EventFailure } from "../../event/failure.ts";
import type { Log } from "../../telemetry/log.ts";
import { GuestClock } from "./guest-clock.ts";
import type { GuestOutput } from "./guest-output.ts";
import { ImportMemory } from "./import-memory.ts";

/** Below this many units the accounting would cost more than what it accounts for. */
const MIN_CHARGED_WORK = 256;

export interface ImportHostOptions {
  readonly output: GuestOutput;
  readonly log: Log;
  readonly slot: number;
  readonly clock?: GuestClock;
  /** Fills all bytes it is given; never called with more than 64 KiB. */
  readonly fillRandom?: (bytes: Uint8Array) => void;
  /**
   * Names of unknown functions that the log has already named. Instances of one module may share a set, so that a
   * refilled slot does not say the same again.
   */
  readonly reported?: Set<string>;
  /** Called with a function's name each time the guest calls it and is refused. */
  readonly onRefusal?: (functionName: string) => void;
}

/** A guest's exports as its author named them, and those that the rewrite added. */
export type InstanceExports = Readonly<Record<string, unknown>>;

export class ImportHost {
  /** Complete before any code of the guest runs, the start section included; empty until then. */
  exports: InstanceExports = {};
  readonly memory = new ImportMemory();
  readonly output: GuestOutput;
  readonly clock: GuestClock;
  readonly fillRandom: (bytes: Uint8Array) => void;
  /**
   * Called with host work that a guest's own fuel does not show, in units of about one guest instruction. They are taken
   * off the running slice, so that a loop of expensive imports meets its clock check in time.
   */
  onWork: ((units: number) => void) | null = null;
  readonly #log: Log;
  readonly #slot: number;
  readonly #reported: Set<string>;
  readonly #onRefusal: (functionName: string) => void;
  #fatal: EventFailure | null = null;

  constructor(options: ImportHostOptions) {
    this.output = options.output;
    this.clock = options.clock ?? new GuestClock();
    this.fillRandom = options.fillRandom ?? fillFromSystem;
    this.#log = options.log;
    this.#slot = options.slot;
    this.#reported = options.reported ?? new Set();
    this.#onRefusal = options.onRefusal ?? ignoreRefusal;
  }

  /**
   * How the guest ended itself, or null. Look here after every call, also after one that returned: a guest with
   * exception handling can catch what `end` throws and go on.
   */
  get fatal(): EventFailure | null {
    return this.#fatal;
  }

  /** For the one end that is not a failure: `_start` leaving with exit code 0. */
  clearFatal(): void {
    this.#fatal = null;
  }

  /** Ends the guest's call. The first end counts, whatever a guest does after it. */
  end(failure: EventFailure): never {
    this.#fatal ??= failure;
    throw failure;
  }

  /** Notifies whoever wants to know of refusals, and returns the error number. */
  refuse(name: string, errno: number): number {
    this.#onRefusal(name);
    return errno;
  }

  /** Warns about a function that is in no list, once per name. */
  reportUnknown(module: string, name: string): void {
    const key = `${module}.${name}`;
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    this.#log.warn("the guest called a WASI function this agent does not know; it was told ENOSYS", {
      slot: this.#slot,
      function: key,
    });
  }

  work(units: number): void {
    if (units >= MIN_CHARGED_WORK && this.onWork !== null) this.onWork(units);
  }
}

function ignoreRefusal(): void {}

function fillFromSystem(bytes: Uint8Array): void {
  crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);
}
