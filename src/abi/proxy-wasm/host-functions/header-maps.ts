/** Header maps (docs/proxy-wasm.md 3 and 5). */

import { EventFailure } from "../../../event/failure.ts";
import type { ImportFunctions } from "../../../wasm/imports/import-functions.ts";
import { headerNameFailure, headerValueFailure } from "../../header-syntax.ts";
import { MapKind, MAX_MAP_KIND, Status } from "../abi-numbers.ts";
import type { HeaderMap } from "../header-map.ts";
import type { PluginState } from "../plugin-state.ts";
import { type HeaderPairs, readMap } from "../serialized-map.ts";

const NO_PAIRS: HeaderPairs = { names: [], values: [] };
/** Stands in a text for bytes that are not UTF-8. */
const REPLACEMENT = "\uFFFD";
const GONE = "these headers are gone, or not there yet, in this callback";
/** Spelling out a map, in units of host work for each pair. */
const PAIR_WORK = 64;

export function headerMapFunctions(state: PluginState): ImportFunctions {
  /** What every edit begins with: the map, or the status that the guest gets instead. */
  const editable = (name: string, kind: number): HeaderMap | number => {
    const stream = state.stream;
    const map = stream?.headers(kind) ?? null;
    if (stream === null || map === null || !stream.canEdit(kind)) {
      if (stream !== null && isTrailers(kind)) stream.cannotCarry("trailers");
      return state.misuse(name, GONE);
    }
    return map;
  };

  /** Reads name and value and hands them to the map. */
  const edit = (
    name: string,
    kind: number,
    namePointer: number,
    nameSize: number,
    valuePointer: number,
    valueSize: number,
    change: (map: HeaderMap, name: string, value: string) => boolean,
  ): number => {
    state.assertCallback(name);
    if (kind >>> 0 > MAX_MAP_KIND) return Status.badArgument;
    const nameAt = namePointer >>> 0;
    const nameBytes = nameSize >>> 0;
    const valueAt = valuePointer >>> 0;
    const valueBytes = valueSize >>> 0;
    const memory = state.memory;
    if (!memory.holds(nameAt, nameBytes) || !memory.holds(valueAt, valueBytes)) {
      return Status.invalidMemoryAccess;
    }
    const map = editable(name, kind);
    if (typeof map === "number") return map;
    state.imports.work(nameBytes + valueBytes);
    const key = memory.readText(nameAt, nameBytes);
    const value = memory.readText(valueAt, valueBytes);
    const failure = syntaxFailure(key, value, name);
    if (failure !== null) {
      state.stream!.refuse(failure);
      return Status.ok;
    }
    return change(map, key!, value!) ? Status.ok : Status.internalFailure;
  };

  return {
    proxy_get_header_map_size(kind: number, sizeAt: number): number {
      state.assertCallback("proxy_get_header_map_size");
      if (kind >>> 0 > MAX_MAP_KIND) return Status.badArgument;
      const at = sizeAt >>> 0;
      if (!state.memory.holds(at, 4)) return Status.invalidMemoryAccess;
      const pairs = readPairs(state, kind);
      state.imports.work(pairs.names.length * PAIR_WORK);
      state.memory.data.setUint32(at, state.mapWriter.write(pairs).length, true);
      return Status.ok;
    },

    proxy_get_header_map_pairs(kind: number, pointerAt: number, sizeAt: number): number {
      state.assertCallback("proxy_get_header_map_pairs");
      if (kind >>> 0 > MAX_MAP_KIND) return Status.badArgument;
      const pairs = readPairs(state, kind);
      state.imports.work(pairs.names.length * PAIR_WORK);
      return state.give(state.mapWriter.write(pairs), pointerAt >>> 0, sizeAt >>> 0);
    },

    proxy_set_header_map_pairs(kind: number, pointer: number, size: number): number {
      state.assertCallback("proxy_set_header_map_pairs");
      if (kind >>> 0 > MAX_MAP_KIND) return Status.badArgument;
      const at = pointer >>> 0;
      const bytes = size >>> 0;
      const memory = state.memory;
      if (!memory.holds(at, bytes)) return Status.invalidMemoryAccess;
      const map = editable("proxy_set_header_map_pairs", kind);
      if (typeof map === "number") return map;
      state.imports.work(bytes * 4);
      const pairs = readMap(memory.bytes.subarray(at, at + bytes));
      if (pairs === null) {
        return state.misuse("proxy_set_header_map_pairs", "its bytes are not a serialized map");
      }
      const failure = pairsFailure(pairs);
      if (failure !== null) state.stream!.refuse(failure);
      else if (!map.replaceAll(pairs)) return Status.internalFailure;
      return Status.ok;
    },

    proxy_get_header_map_value(
      kind: number,
      namePointer: number,
      nameSize: number,
      pointerAt: number,
      sizeAt: number,
    ): number {
      state.assertCallback("proxy_get_header_map_value");
      if (kind >>> 0 > MAX_MAP_KIND) return Status.badArgument;
      const at = namePointer >>> 0;
      const bytes = nameSize >>> 0;
      const memory = state.memory;
      if (!memory.holds(at, bytes)) return Status.invalidMemoryAccess;
      const value = firstValue(state, kind, memory.readLoosely(at, bytes));
      if (value !== null) return state.giveText(value, pointerAt >>> 0, sizeAt >>> 0);
      return state.version.missingHeaderIsOk
        ? state.giveText("", pointerAt >>> 0, sizeAt >>> 0)
        : Status.notFound;
    },

    proxy_add_header_map_value: (kind: number, np: number, nn: number, vp: number, vn: number): number =>
      edit("proxy_add_header_map_value", kind, np, nn, vp, vn, addHeader),
    proxy_replace_header_map_value: (kind: number, np: number, nn: number, vp: number, vn: number): number =>
      edit("proxy_replace_header_map_value", kind, np, nn, vp, vn, replaceHeader),
    proxy_remove_header_map_value: (kind: number, np: number, nn: number): number =>
      edit("proxy_remove_header_map_value", kind, np, nn, 0, 0, removeHeader),
  };
}

function addHeader(map: HeaderMap, name: string, value: string): boolean {
  return map.add(name, value);
}

function replaceHeader(map: HeaderMap, name: string, value: string): boolean {
  return map.replace(name, value);
}

function removeHeader(map: HeaderMap, name: string): boolean {
  return map.remove(name);
}

function readPairs(state: PluginState, kind: number): HeaderPairs {
  if (kind === MapKind.callResponseHeaders) return state.callResult?.headers ?? NO_PAIRS;
  if (kind === MapKind.callResponseTrailers) return state.callResult?.trailers ?? NO_PAIRS;
  if (kind === MapKind.grpcInitialMetadata) return state.callResult?.headers ?? NO_PAIRS;
  if (kind === MapKind.grpcTrailingMetadata) return state.callResult?.trailers ?? NO_PAIRS;
  return state.stream?.headers(kind) ?? NO_PAIRS;
}

function firstValue(state: PluginState, kind: number, name: string): string | null {
  if (kind === MapKind.requestHeaders || kind === MapKind.responseHeaders) {
    return state.stream?.headers(kind)?.first(name) ?? null;
  }
  const { names, values } = readPairs(state, kind);
  const key = name.toLowerCase();
  for (let i = 0; i < names.length; i++) if (names[i] === key) return values[i]!;
  return null;
}

function isTrailers(kind: number): boolean {
  return kind === MapKind.requestTrailers || kind === MapKind.responseTrailers;
}

/** Pseudo-headers have names that HTTP gives to no other header, and are checked where they are used. */
function syntaxFailure(name: string | null, value: string | null, place: string): EventFailure | null {
  if (name === null || value === null) {
    return new EventFailure(
      "guest-header-value",
      `${place} was given bytes that are not UTF-8, which the proxy's protocol cannot carry`,
    );
  }
  return (
    (name.startsWith(":") ? null : headerNameFailure(name, place)) ?? headerValueFailure(name, value, place)
  );
}

function pairsFailure({ names, values }: HeaderPairs): EventFailure | null {
  for (let i = 0; i < names.length; i++) {
    const value = values[i]!;
    const text = value.includes(REPLACEMENT) ? null : value;
    const failure = syntaxFailure(names[i]!, text, "proxy_set_header_map_pairs");
    if (failure !== null) return failure;
  }
  return null;
}
