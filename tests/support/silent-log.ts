/** A log that says nothing. */

import type { Log } from "../../src/telemetry/log.ts";

export function silentLog(): Log {
  return { debugEnabled: false, error() {}, warn() {}, info() {}, debug() {} };
}
