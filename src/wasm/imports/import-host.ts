/**
 * What the imports of one instance share: memory, output, clock, randomness, and the record of what the guest was
 * refused and how it ended itself. The loader makes one for every instance and reads it after each call.
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
}

export class ImportHost {
  readonly memory = new ImportMemory();
  readonly output: GuestOutput;
  readonly clock: GuestClock;
  readonly fillRandom: (bytes: Uint8Array) => void;
  /** Function name -> how often the guest called it and was refused. */
  readonly refusals = new Map<string, number>();
  /**
   * Told about host work that a guest's own fuel does not show, in units of about one guest instruction. The loader
   * takes them off the running slice, so that a loop of costly imports meets its clock check in time.
   */
  onWork: ((units: number) => void) | null = null;
  readonly #log: Log;
  readonly #slot: number;
  readonly #reported: Set<string>;
  #fatal: EventFailure | null = null;

  constructor(options: ImportHostOptions) {
    this.output = options.output;
    this.clock = options.clock ?? new GuestClock();
    this.fillRandom = options.fillRandom ?? fillFromSystem;
    this.#log = options.log;
    this.#slot = options.slot;
    this.#reported = options.reported ?? new Set();
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

  /** Counts a refusal and hands back its error number. */
  refuse(name: string, errno: number): number {
    this.refusals.set(name, (this.refusals.get(name) ?? 0) + 1);
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

function fillFromSystem(bytes: Uint8Array): void {
  crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>);
}
