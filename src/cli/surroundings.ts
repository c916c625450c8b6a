/**
 * What a command may touch of the process it runs in. Commands take it as an argument, so that tests can give their own.
 */

import { fstatSync } from "node:fs";
import { unblockedWriter } from "../os/unblocked-writer.ts";
import { BoundedOutput } from "../telemetry/bounded-output.ts";
import { BlockingOutput } from "./blocking-output.ts";
import type { Environment } from "./read-options.ts";

export interface Surroundings {
  readonly env: Environment;
  readonly stdout: BlockingOutput;
  readonly stderr: BoundedOutput;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
}

export function processSurroundings(): Surroundings {
  return {
    env: process.env,
    stdout: new BlockingOutput(),
    stderr: new BoundedOutput(unblockedWriter(2)),
    stdoutIsTerminal: isTerminal(1),
    stderrIsTerminal: isTerminal(2),
  };
}

/** Loading `node:tty` takes two milliseconds of an agent's start, and only a character device can be a terminal. */
function isTerminal(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice() && process.getBuiltinModule("node:tty").isatty(fd);
  } catch {
    // A closed descriptor.
    return false;
  }
}

/** By the customs of NO_COLOR and FORCE_COLOR, else where a terminal can show it. */
export function wantsColour(env: Environment, isTerminal: boolean): boolean {
  if (env["NO_COLOR"]) return false;
  if (env["FORCE_COLOR"]) return env["FORCE_COLOR"] !== "0";
  return isTerminal && env["TERM"] !== "dumb";
}
