/**
 * Says that a module wants something nobody here provides, and what its author can do about it. Most such modules were
 * built for another host by a flag, so well-known cases get their own advice.
 */

import { ModuleError } from "../module-error.ts";

const MAX_SHOWN_NAME = 128;
const MAX_LISTED = 5;

/**
 * @param missing at least one; the advice is about the first
 * @param abiSummary what the module's ABI gives, in words (`AbiImports.summary`)
 */
export function missingImport(
  missing: readonly WebAssembly.ModuleImportDescriptor[],
  abiSummary: string,
): ModuleError {
  const [first, ...others] = missing;
  if (first === undefined) throw new Error("BUG: missingImport was called without a missing import");
  const list =
    others.length === 0
      ? ""
      : `, and ${others.length} more (${others.slice(0, MAX_LISTED).map(describe).join(", ")}${others.length > MAX_LISTED ? ", ..." : ""})`;
  return new ModuleError(
    "module-missing-import",
    `the module imports the ${describe(first)}, which this agent does not provide${list}; ${advice(first, `provided are WASI preview 1 and ${abiSummary}`)}`,
  );
}

function describe({ module, name, kind }: WebAssembly.ModuleImportDescriptor): string {
  return `${kind} ${quote(name)} from ${quote(module)}`;
}

/** Names are the module's own bytes: quoted and cut, for they end up on a terminal. */
function quote(name: string): string {
  return JSON.stringify(name.length <= MAX_SHOWN_NAME ? name : `${name.slice(0, MAX_SHOWN_NAME)}...`);
}

function advice({ module, name, kind }: WebAssembly.ModuleImportDescriptor, provided: string): string {
  if (kind === "memory") {
    return "let the module define and export its own memory (without --import-memory or --importMemory)";
  }
  if (kind === "table") {
    return "let the module define its own table (without --import-table or --importTable)";
  }
  if (module.startsWith("wasi:") || module.startsWith("cm32p2")) {
    return "build a core module for WASI preview 1 (wasm32-wasip1), not a component";
  }
  if (module === "gojs" || module === "go") {
    return "build with GOOS=wasip1 GOARCH=wasm and -buildmode=c-shared (TinyGo: -target=wasip1), not for the browser";
  }
  if (module === "wbg" || module.startsWith("__wbindgen")) {
    return "build without wasm-bindgen: a plain cdylib for wasm32-unknown-unknown or wasm32-wasip1";
  }
  if (module === "env" && name.startsWith("proxy_")) {
    return "the module calls the functions of Proxy-Wasm; it is called by that ABI if it exports a proxy_abi_version_... function, or with --abi proxy-wasm";
  }
  if (module === "env" && name.startsWith("crypto.")) {
    return "use Math.random, or import random_get from wasi_snapshot_preview1";
  }
  if (module === "env" && kind === "function") {
    return `define it in the module, or drop what uses it: a linker that allows undefined symbols turns them into imports (${provided})`;
  }
  return `remove what uses it (${provided})`;
}
