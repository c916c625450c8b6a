/** Host functions that a guest may call at any time, its start included: features, configuration, log. */

import type { LogLevel } from "../../../telemetry/log.ts";
import { MAX_LINE_BYTES } from "../../../wasm/imports/guest-output.ts";
import type { ImportFunctions } from "../../../wasm/imports/import-functions.ts";
import type { ImportHost } from "../../../wasm/imports/import-host.ts";
import type { CallState } from "../call-state.ts";
import { SUPPORTED_FEATURES } from "../features.ts";
import type { GuestBuffers } from "../guest-buffers.ts";

/** What a line costs beside its text, in bytes copied. */
const LINE_BYTES = 8192;

const LEVELS: ReadonlyMap<number, LogLevel> = new Map([
  [-1, "debug"],
  [0, "info"],
  [1, "warn"],
  [2, "error"],
]);

export function instanceFunctions(
  state: CallState,
  buffers: GuestBuffers,
  { output, memory }: ImportHost,
): ImportFunctions {
  return {
    /** Returns what is enabled now; a guest that asks for more is content with less, or says why not. */
    enable_features(features: number): number {
      const wanted = features & SUPPORTED_FEATURES;
      const { exchange } = state;
      if (exchange === null) {
        state.features |= wanted;
        return state.features;
      }
      if (!exchange.isAfterNext) exchange.features |= wanted;
      return exchange.features;
    },

    get_config: (buffer: number, limit: number): number =>
      buffers.giveBytes(state.configuration, buffer, limit),

    log_enabled(level: number): number {
      const named = LEVELS.get(level);
      return named !== undefined && output.takes(named) ? 1 : 0;
    },

    log(level: number, message: number, length: number): void {
      const named = LEVELS.get(level);
      if (named === undefined || !output.takes(named)) return;
      buffers.assertInBounds(message, length);
      buffers.charge(Math.min(length >>> 0, MAX_LINE_BYTES) + LINE_BYTES);
      const start = message >>> 0;
      output.writeLineBytes("log", named, memory.current().bytes, start, start + (length >>> 0));
    },
  };
}
