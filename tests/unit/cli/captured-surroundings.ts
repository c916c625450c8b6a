/**
 * A process's surroundings whose output is kept, for tests.
 */

import type { Surroundings } from "../../../src/cli/surroundings.ts";
import { BlockingOutput } from "../../../src/cli/blocking-output.ts";
import { BoundedOutput } from "../../../src/telemetry/bounded-output.ts";

export class CapturedSurroundings implements Surroundings {
  readonly env: Record<string, string>;
  readonly stdoutIsTerminal = false;
  readonly stderrIsTerminal = false;
  stdoutText = "";
  stderrText = "";
  readonly stdout = new BlockingOutput((bytes) => this.#keep("stdoutText", bytes));
  readonly stderr = new BoundedOutput((bytes) => this.#keep("stderrText", bytes));

  constructor(env: Record<string, string> = {}) {
    this.env = env;
  }

  #keep(where: "stdoutText" | "stderrText", bytes: Uint8Array): number {
    this[where] += new TextDecoder().decode(bytes);
    return bytes.length;
  }
}
