/**
 * What a command may touch of the process it runs in. Commands take it as an argument, so that tests can give their own.
 */

import { isatty } from "node:tty";
import { FdSink } from "../observe/fd-sink.ts";
import type { Environment } from "./read-options.ts";

export interface Surroundings {
  readonly env: Environment;
  readonly stdout: FdSink;
  readonly stderr: FdSink;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
}

export function processSurroundings(): Surroundings {
  return {
    env: process.env,
    stdout: new FdSink(1),
    stderr: new FdSink(2),
    stdoutIsTerminal: isatty(1),
    stderrIsTerminal: isatty(2),
  };
}

/** By the customs of NO_COLOR and FORCE_COLOR, else where a terminal can show it. */
export function wantsColour(env: Environment, isTerminal: boolean): boolean {
  if (env["NO_COLOR"]) return false;
  if (env["FORCE_COLOR"]) return env["FORCE_COLOR"] !== "0";
  return isTerminal && env["TERM"] !== "dumb";
}
