/** Log, clock and ticks (docs/proxy-wasm.md 3). Only the first two may be called at any time. */

import type { LogLevel } from "../../../telemetry/log.ts";
import { writeMicrosAsNs } from "../../../wasm/imports/wasi/clock.ts";
import type { ImportFunctions } from "../../../wasm/imports/import-functions.ts";
import { MAX_LOG_LEVEL, Status } from "../abi-numbers.ts";
import type { PluginState } from "../plugin-state.ts";

/** Trace, debug, info, warn, error, critical. */
const LEVELS: readonly LogLevel[] = ["debug", "debug", "info", "warn", "error", "error"];
const DEBUG = 1;
const INFO = 2;
/** Firewalls report a match with its whole context; more is cut. */
const MAX_LINE_BYTES = 8 * 1024;
/** Reading a line and handing it to the log, in units of host work for each byte. */
const BYTE_WORK = 2;

export function loggingFunctions(state: PluginState): ImportFunctions {
  const { output, clock } = state.imports;
  return {
    proxy_log(level: number, pointer: number, size: number): number {
      if (level >>> 0 > MAX_LOG_LEVEL) return Status.badArgument;
      const at = pointer >>> 0;
      const bytes = size >>> 0;
      const memory = state.memory;
      if (!memory.holds(at, bytes)) return Status.invalidMemoryAccess;
      const shown = Math.min(bytes, MAX_LINE_BYTES);
      const name = LEVELS[level]!;
      if (!output.isMuted && output.takes(name)) {
        const text = memory.readLoosely(at, shown);
        output.writeLine("log", name, text, bytes - shown, state.stream?.correlationId);
      }
      state.imports.work(shown * BYTE_WORK);
      return Status.ok;
    },

    proxy_get_log_level(levelAt: number): number {
      const at = levelAt >>> 0;
      const memory = state.memory;
      if (!memory.holds(at, 4)) return Status.invalidMemoryAccess;
      memory.data.setUint32(at, output.takes("debug") ? DEBUG : INFO, true);
      return Status.ok;
    },

    proxy_get_current_time_nanoseconds(timeAt: number): number {
      const at = timeAt >>> 0;
      const memory = state.memory;
      if (!memory.holds(at, 8)) return Status.invalidMemoryAccess;
      writeMicrosAsNs(memory.data, at, clock.realtimeMicros());
      return Status.ok;
    },

    proxy_set_tick_period_milliseconds(periodMs: number): number {
      state.assertCallback("proxy_set_tick_period_milliseconds");
      state.actions.setTickPeriod(periodMs >>> 0);
      return Status.ok;
    },
  };
}
