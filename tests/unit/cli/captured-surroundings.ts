/**
 * A process's surroundings whose output is kept, for tests.
 */

import type { Surroundings } from "../../../src/cli/surroundings.ts";
import { FdSink } from "../../../src/telemetry/fd-sink.ts";

export class CapturedSurroundings implements Surroundings {
  readonly env: Record<string, string>;
  readonly stdoutIsTerminal = false;
  readonly stderrIsTerminal = false;
  stdoutText = "";
  stderrText = "";
  readonly stdout = new FdSink(1, { writeBytes: (_fd, bytes) => this.#keep("stdoutText", bytes) });
  readonly stderr = new FdSink(2, { writeBytes: (_fd, bytes) => this.#keep("stderrText", bytes) });

  constructor(env: Record<string, string> = {}) {
    this.env = env;
  }

  #keep(where: "stdoutText" | "stderrText", bytes: Uint8Array): number {
    this[where] += new TextDecoder().decode(bytes);
    return bytes.length;
  }
}
