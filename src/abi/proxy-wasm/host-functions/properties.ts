/** Properties (docs/proxy-wasm.md 7). */

import type { ImportFunctions } from "../../../wasm/imports/import-functions.ts";
import { Status } from "../abi-numbers.ts";
import { HeaderMap } from "../header-map.ts";
import type { PluginState } from "../plugin-state.ts";
import { readProperty } from "../properties.ts";

/** Paths are a few words; longer ones name nothing. */
const MAX_PATH_BYTES = 1024;

export function propertyFunctions(state: PluginState): ImportFunctions {
  const integer = Buffer.alloc(8);
  return {
    proxy_get_property(pathPointer: number, pathSize: number, pointerAt: number, sizeAt: number): number {
      state.assertCallback("proxy_get_property");
      const at = pathPointer >>> 0;
      const bytes = pathSize >>> 0;
      const memory = state.memory;
      if (!memory.holds(at, bytes)) return Status.invalidMemoryAccess;
      if (bytes > MAX_PATH_BYTES) return Status.notFound;
      state.imports.work(bytes * 4);
      const path = memory.readLoosely(at, bytes);
      const stream = state.stream;
      const value =
        readProperty(path, { configuration: state.configuration, memoryBytes: memory.sizeBytes }, stream) ??
        stream?.properties.get(path);
      if (value === undefined) return Status.notFound;
      if (typeof value === "string") return state.giveText(value, pointerAt >>> 0, sizeAt >>> 0);
      if (typeof value === "bigint") {
        integer.writeBigUInt64LE(BigInt.asUintN(64, value));
        return state.give(integer, pointerAt >>> 0, sizeAt >>> 0);
      }
      const given = value instanceof HeaderMap ? state.mapWriter.write(value) : value;
      return state.give(given, pointerAt >>> 0, sizeAt >>> 0);
    },

    proxy_set_property(
      pathPointer: number,
      pathSize: number,
      valuePointer: number,
      valueSize: number,
    ): number {
      state.assertCallback("proxy_set_property");
      const pathAt = pathPointer >>> 0;
      const pathBytes = pathSize >>> 0;
      const valueAt = valuePointer >>> 0;
      const valueBytes = valueSize >>> 0;
      const memory = state.memory;
      if (!memory.holds(pathAt, pathBytes) || !memory.holds(valueAt, valueBytes)) {
        return Status.invalidMemoryAccess;
      }
      if (state.stream === null) return Status.notFound;
      if (pathBytes > MAX_PATH_BYTES) return Status.badArgument;
      state.imports.work(pathBytes * 4 + (valueBytes >>> 3));
      const { properties } = state.stream;
      const isKept = properties.set(memory.readLoosely(pathAt, pathBytes), memory.copy(valueAt, valueBytes));
      return isKept ? Status.ok : Status.internalFailure;
    },
  };
}
