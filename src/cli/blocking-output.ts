/**
 * The standard output of a command. What was asked for is not dropped: a slow reader is waited for. Whether it could be
 * written is for the command line to say in the end.
 */

import { writeSync } from "node:fs";
import { InputError, systemReason } from "../event/input-error.ts";

/** Writes and returns how many bytes were taken; may throw a system's error. */
export type WriteSome = (bytes: Uint8Array) => number;

/** A descriptor that somebody else made non-blocking. */
const RETRY_MS = 2;

export class BlockingOutput {
  readonly #writeSome: WriteSome;
  readonly #encoder = new TextEncoder();
  #failure: unknown = null;

  constructor(writeSome: WriteSome = (bytes) => writeSync(1, bytes)) {
    this.#writeSome = writeSome;
  }

  get hasFailed(): boolean {
    return this.#failure !== null;
  }

  /** Never throws. After a failure nothing more is written. */
  write(text: string): void {
    let rest = this.#encoder.encode(text);
    while (rest.length > 0 && this.#failure === null) {
      try {
        rest = rest.subarray(this.#writeSome(rest));
      } catch (error) {
        if (codeOf(error) === "EAGAIN") Bun.sleepSync(RETRY_MS);
        else this.#failure = error;
      }
    }
  }

  /** @throws InputError `output-unwritable` unless all was written. A reader that has seen enough (EPIPE) is no failure. */
  assertWritten(): void {
    if (this.#failure === null || codeOf(this.#failure) === "EPIPE") return;
    throw new InputError("output-unwritable", `cannot write the output: ${systemReason(this.#failure)}`, {
      cause: this.#failure,
    });
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
