/** What a policy exports (https://www.openpolicyagent.org/docs/wasm), checked once when its module is loaded. */

import type { GuestMemory } from "../../wasm/guest-memory.ts";
import type { LoadedModule } from "../../wasm/load-module.ts";
import { ModuleError } from "../../wasm/module-error.ts";
import type { InstanceExports } from "../../wasm/imports/import-host.ts";

/** Addresses are those of values in the policy's memory, or of texts that end with a zero byte. */
export interface PolicyExports {
  readonly memory: GuestMemory;
  /** `reserved` is 0; `format` 0 is JSON. Returns the address of a text. */
  eval(
    reserved: number,
    entrypoint: number,
    dataAddress: number,
    inputAddress: number,
    inputLength: number,
    heapAddress: number,
    format: number,
  ): number;
  malloc(size: number): number;
  /** Does nothing in policies that do not export it. */
  free(address: number): void;
  heapGet(): number;
  heapSet(address: number): void;
  jsonParse(address: number, length: number): number;
  jsonDump(value: number): number;
  valueParse(address: number, length: number): number;
  valueDump(value: number): number;
  builtins(): number;
  entrypoints(): number;
}

const ADDRESS_OF = "(i32) -> i32";
const PARSER = "(i32, i32) -> i32";
const FUNCTIONS: ReadonlyMap<string, string> = new Map([
  ["opa_eval", "(i32, i32, i32, i32, i32, i32, i32) -> i32"],
  ["opa_malloc", ADDRESS_OF],
  ["opa_heap_ptr_get", "() -> i32"],
  ["opa_heap_ptr_set", "(i32) -> ()"],
  ["opa_json_parse", PARSER],
  ["opa_json_dump", ADDRESS_OF],
  ["opa_value_parse", PARSER],
  ["opa_value_dump", ADDRESS_OF],
  ["builtins", "() -> i32"],
  ["entrypoints", "() -> i32"],
]);
const FREE = "opa_free";
const FREE_TYPE = "(i32) -> ()";
const MAJOR = "opa_wasm_abi_version";
const MINOR = "opa_wasm_abi_minor_version";
const SUPPORTED_MAJOR = 1;
const FIRST_MINOR = 2;

/** By names alone: a policy of any version, also one that is too old to be used. */
export function isPolicy({ exportTypes, imports }: LoadedModule): boolean {
  return (
    exportTypes.get("builtins")?.kind === "function" &&
    exportTypes.get("entrypoints")?.kind === "function" &&
    imports.some(({ module, name }) => module === "env" && (name === "opa_abort" || name === "memory"))
  );
}

/** @throws ModuleError */
export function assertPolicyExports({ exportTypes }: LoadedModule): void {
  if (exportTypes.get(MAJOR)?.kind !== "global" || exportTypes.get(MINOR)?.kind !== "global") {
    throw new ModuleError(
      "module-missing-export",
      `the policy does not say which version of OPA's ABI it has (no global ${MAJOR}): it was built before OPA 0.27; build it with a newer opa`,
    );
  }
  for (const [name, expected] of FUNCTIONS) {
    const type = exportTypes.get(name);
    if (type === undefined) {
      throw new ModuleError(
        "module-missing-export",
        `the policy does not export the function \`${name}\`, which version 1.${FIRST_MINOR} of OPA's ABI has; build it with OPA 0.35 or newer`,
      );
    }
    const actual = type.kind === "function" ? type.signature : `a ${type.kind}`;
    if (actual !== expected) {
      throw new ModuleError(
        "module-wrong-signature",
        `the policy exports \`${name}\` as ${actual}; OPA's ABI says ${expected}`,
      );
    }
  }
}

/** @throws ModuleError for a version that is not supported. */
export function assertAbiVersion(exports: InstanceExports): void {
  const major = readGlobal(exports[MAJOR]);
  const minor = readGlobal(exports[MINOR]);
  if (major === SUPPORTED_MAJOR && minor >= FIRST_MINOR) return;
  throw new ModuleError(
    "module-wrong-signature",
    `the policy has version ${major}.${minor} of OPA's ABI; this agent runs ${SUPPORTED_MAJOR}.${FIRST_MINOR} and newer of ${SUPPORTED_MAJOR}, which OPA 0.35 and newer build`,
  );
}

function readGlobal(global: unknown): number {
  return global instanceof WebAssembly.Global ? Number(global.value) : Number.NaN;
}

export function bindExports(
  loaded: LoadedModule,
  exports: InstanceExports,
  memory: GuestMemory,
): PolicyExports {
  const free = loaded.exportTypes.get(FREE);
  const hasFree = free?.kind === "function" && free.signature === FREE_TYPE;
  return {
    memory,
    eval: exports["opa_eval"] as PolicyExports["eval"],
    malloc: exports["opa_malloc"] as PolicyExports["malloc"],
    free: hasFree ? (exports[FREE] as PolicyExports["free"]) : () => {},
    heapGet: exports["opa_heap_ptr_get"] as PolicyExports["heapGet"],
    heapSet: exports["opa_heap_ptr_set"] as PolicyExports["heapSet"],
    jsonParse: exports["opa_json_parse"] as PolicyExports["jsonParse"],
    jsonDump: exports["opa_json_dump"] as PolicyExports["jsonDump"],
    valueParse: exports["opa_value_parse"] as PolicyExports["valueParse"],
    valueDump: exports["opa_value_dump"] as PolicyExports["valueDump"],
    builtins: exports["builtins"] as PolicyExports["builtins"],
    entrypoints: exports["entrypoints"] as PolicyExports["entrypoints"],
  };
}
