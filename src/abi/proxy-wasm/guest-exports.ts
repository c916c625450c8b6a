/** The functions of a guest that the host calls (docs/proxy-wasm.md 2), and what it must export at least. */

import type { ExportType } from "../../wasm/binary/export-types.ts";
import { ModuleError } from "../../wasm/module-error.ts";
import type { InstanceExports } from "../../wasm/imports/import-host.ts";
import { type AbiVersion, readAbiVersion, unknownMarkers } from "./abi-version.ts";

type ExportTypes = ReadonlyMap<string, ExportType>;

/** Looked for in this order, as the reference host does; where a module exports both they are one function. */
export const ALLOCATORS: readonly string[] = ["malloc", "proxy_on_memory_allocate"];

/** Every callback that this host ever makes, with the type that the versions agree on. */
const CALLBACKS: ReadonlyMap<string, string> = new Map([
  ["proxy_on_context_create", "(i32, i32) -> ()"],
  ["proxy_on_vm_start", "(i32, i32) -> i32"],
  ["proxy_on_configure", "(i32, i32) -> i32"],
  ["proxy_on_tick", "(i32) -> ()"],
  ["proxy_on_request_body", "(i32, i32, i32) -> i32"],
  ["proxy_on_response_body", "(i32, i32, i32) -> i32"],
  ["proxy_on_done", "(i32) -> i32"],
  ["proxy_on_log", "(i32) -> ()"],
  ["proxy_on_delete", "(i32) -> ()"],
  ["proxy_on_http_call_response", "(i32, i32, i32, i32, i32) -> ()"],
  ["proxy_on_grpc_receive_initial_metadata", "(i32, i32, i32) -> ()"],
  ["proxy_on_grpc_receive", "(i32, i32, i32) -> ()"],
  ["proxy_on_grpc_receive_trailing_metadata", "(i32, i32, i32) -> ()"],
  ["proxy_on_grpc_close", "(i32, i32, i32) -> ()"],
  ["proxy_on_queue_ready", "(i32, i32) -> ()"],
]);

export const HEADER_CALLBACKS: readonly string[] = ["proxy_on_request_headers", "proxy_on_response_headers"];

/** What no event of the proxy leads to, so that it is never called. */
export const UNREACHED_CALLBACKS: readonly string[] = [
  "proxy_on_request_trailers",
  "proxy_on_response_trailers",
  "proxy_on_new_connection",
  "proxy_on_downstream_data",
  "proxy_on_upstream_data",
];

export interface GuestOutline {
  readonly version: AbiVersion;
  readonly allocator: string;
  /** Callbacks that can be made: exported, and of the right type. */
  readonly callbacks: ReadonlySet<string>;
  readonly warnings: readonly string[];
}

/** @throws ModuleError naming what is missing. */
export function readOutline(types: ExportTypes): GuestOutline {
  const version = readAbiVersion(types) ?? fail(noVersion(types));
  if (types.get("memory")?.kind !== "memory") {
    fail("the module does not export its memory under the name `memory`; the host reads and writes there");
  }
  const allocator = ALLOCATORS.find((name) => hasType(types, name, "(i32) -> i32"));
  const warnings: string[] = [];
  const callbacks = new Set<string>();
  for (const [name, expected] of callbacksOf(version)) {
    const type = types.get(name);
    if (type === undefined) continue;
    if (type.kind === "function" && type.signature === expected) callbacks.add(name);
    else
      warnings.push(`the export \`${name}\` is ${describe(type)} instead of ${expected} and is never called`);
  }
  return { version, allocator: allocator ?? fail(noAllocator(types)), callbacks, warnings };
}

/** By name, with the type that the module's version gives it. */
export function callbacksOf(version: AbiVersion): ReadonlyMap<string, string> {
  const parameters = version.headersTakeEnd ? "i32, i32, i32" : "i32, i32";
  return new Map([
    ...CALLBACKS,
    ...HEADER_CALLBACKS.map((name) => [name, `(${parameters}) -> i32`] as const),
  ]);
}

function noVersion(types: ExportTypes): string {
  const [unknown] = unknownMarkers(types.keys());
  return unknown === undefined
    ? "the module exports no `proxy_abi_version_...` function, so it is no Proxy-Wasm module"
    : `the module exports \`${unknown}\`, a version of Proxy-Wasm that this agent does not know; build it with an SDK for 0.2.1`;
}

function noAllocator(types: ExportTypes): string {
  const wrong = ALLOCATORS.find((name) => types.has(name));
  return wrong === undefined
    ? `the module exports neither \`${ALLOCATORS.join("` nor `")}\`; the host needs one of them to return bytes`
    : `the module exports \`${wrong}\` as ${describe(types.get(wrong)!)}; the host needs (i32) -> i32`;
}

function fail(message: string): never {
  throw new ModuleError("module-missing-export", message);
}

function hasType(types: ExportTypes, name: string, expected: string): boolean {
  const type = types.get(name);
  return type?.kind === "function" && type.signature === expected;
}

function describe(type: ExportType): string {
  return type.kind === "function" ? type.signature : `a ${type.kind}`;
}

type Callback<Parameters extends number[], Result> = ((...parameters: Parameters) => Result) | null;

/** Callbacks of one instance; null for what it does not export. */
export interface GuestCallbacks {
  readonly onContextCreate: Callback<[context: number, parent: number], void>;
  readonly onVmStart: Callback<[root: number, configurationBytes: number], number>;
  readonly onConfigure: Callback<[root: number, configurationBytes: number], number>;
  readonly onTick: Callback<[root: number], void>;
  /** The end is passed to all versions; a guest of 0.1.0 declares two parameters, and the engine drops the third. */
  readonly onRequestHeaders: Callback<[context: number, pairs: number, end: number], number>;
  readonly onRequestBody: Callback<[context: number, bytes: number, end: number], number>;
  readonly onResponseHeaders: Callback<[context: number, pairs: number, end: number], number>;
  readonly onResponseBody: Callback<[context: number, bytes: number, end: number], number>;
  readonly onDone: Callback<[context: number], number>;
  readonly onLog: Callback<[context: number], void>;
  readonly onDelete: Callback<[context: number], void>;
  readonly onCallResponse: Callback<
    [root: number, call: number, headers: number, bodyBytes: number, trailers: number],
    void
  >;
  readonly onGrpcInitialMetadata: Callback<[root: number, call: number, pairs: number], void>;
  readonly onGrpcReceive: Callback<[root: number, call: number, bytes: number], void>;
  readonly onGrpcTrailingMetadata: Callback<[root: number, call: number, pairs: number], void>;
  readonly onGrpcClose: Callback<[root: number, call: number, status: number], void>;
  readonly onQueueReady: Callback<[root: number, queue: number], void>;
}

export function resolveCallbacks(exports: InstanceExports, usable: ReadonlySet<string>): GuestCallbacks {
  const find = <T>(name: string): T | null => (usable.has(name) ? (exports[name] as T) : null);
  return {
    onContextCreate: find("proxy_on_context_create"),
    onVmStart: find("proxy_on_vm_start"),
    onConfigure: find("proxy_on_configure"),
    onTick: find("proxy_on_tick"),
    onRequestHeaders: find("proxy_on_request_headers"),
    onRequestBody: find("proxy_on_request_body"),
    onResponseHeaders: find("proxy_on_response_headers"),
    onResponseBody: find("proxy_on_response_body"),
    onDone: find("proxy_on_done"),
    onLog: find("proxy_on_log"),
    onDelete: find("proxy_on_delete"),
    onCallResponse: find("proxy_on_http_call_response"),
    onGrpcInitialMetadata: find("proxy_on_grpc_receive_initial_metadata"),
    onGrpcReceive: find("proxy_on_grpc_receive"),
    onGrpcTrailingMetadata: find("proxy_on_grpc_receive_trailing_metadata"),
    onGrpcClose: find("proxy_on_grpc_close"),
    onQueueReady: find("proxy_on_queue_ready"),
  };
}
