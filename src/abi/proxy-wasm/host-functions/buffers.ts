/** Buffers: bodies, configurations, the bodies of call-outs (docs/proxy-wasm.md 3). */

import type { ImportFunctions } from "../../../wasm/imports/import-functions.ts";
import { BufferKind, MAX_BUFFER_KIND, Status } from "../abi-numbers.ts";
import type { PluginState } from "../plugin-state.ts";

/** Of the dialect 0.2.100: the answer to a Redis call, which this host never makes. */
const REDIS_RESPONSE = 9;
const MAX_U32 = 0xffff_ffff;

export function bufferFunctions(state: PluginState): ImportFunctions {
  return {
    proxy_get_buffer_bytes(
      kind: number,
      start: number,
      maxBytes: number,
      pointerAt: number,
      sizeAt: number,
    ): number {
      state.assertCallback("proxy_get_buffer_bytes");
      if (!isKind(kind)) return Status.badArgument;
      const bytes = readBuffer(state, kind);
      if (bytes === null) return Status.notFound;
      const from = start >>> 0;
      const to = from + (maxBytes >>> 0);
      // SDKs ask for "all" with the largest number there is.
      if (to > MAX_U32 && from > 0) return Status.badArgument;
      return state.give(bytes.subarray(Math.min(from, bytes.length), to), pointerAt >>> 0, sizeAt >>> 0);
    },

    proxy_get_buffer_status(kind: number, lengthAt: number, flagsAt: number): number {
      state.assertCallback("proxy_get_buffer_status");
      if (!isKind(kind)) return Status.badArgument;
      const bytes = readBuffer(state, kind);
      if (bytes === null) return Status.notFound;
      const length = lengthAt >>> 0;
      const flags = flagsAt >>> 0;
      const memory = state.memory;
      if (!memory.holds(length, 4) || !memory.holds(flags, 4)) return Status.invalidMemoryAccess;
      memory.data.setUint32(length, bytes.length, true);
      memory.data.setUint32(flags, 0, true);
      return Status.ok;
    },

    proxy_set_buffer_bytes(
      kind: number,
      start: number,
      size: number,
      pointer: number,
      length: number,
    ): number {
      state.assertCallback("proxy_set_buffer_bytes");
      if (!isKind(kind)) return Status.badArgument;
      const at = pointer >>> 0;
      const bytes = length >>> 0;
      const memory = state.memory;
      if (!memory.holds(at, bytes)) return Status.invalidMemoryAccess;
      const window = state.stream?.body(kind) ?? null;
      if (window === null) {
        return state.misuse("proxy_set_buffer_bytes", "there is no body to change in this callback");
      }
      state.imports.work((window.length + bytes) >>> 3);
      const isDone = window.splice(start >>> 0, size >>> 0, memory.bytes.subarray(at, at + bytes));
      return isDone ? Status.ok : Status.internalFailure;
    },

    /** Of 0.1.0. */
    proxy_get_configuration(pointerAt: number, sizeAt: number): number {
      state.assertCallback("proxy_get_configuration");
      const { vm, plugin } = state.configuration;
      return state.give(state.isStartingVm ? vm : plugin, pointerAt >>> 0, sizeAt >>> 0);
    },
  };
}

function isKind(kind: number): boolean {
  return kind >>> 0 <= MAX_BUFFER_KIND || kind === REDIS_RESPONSE;
}

/** Borrowed. Null for a buffer that does not exist at the moment. */
function readBuffer(state: PluginState, kind: number): Buffer | null {
  switch (kind) {
    case BufferKind.requestBody:
    case BufferKind.responseBody:
      return state.stream?.body(kind)?.bytes ?? null;
    case BufferKind.callResponseBody:
    case BufferKind.grpcMessage:
      return state.callResult?.body ?? null;
    case BufferKind.vmConfiguration:
      return state.configuration.vm;
    case BufferKind.pluginConfiguration:
      return state.configuration.plugin;
    default:
      return null;
  }
}
