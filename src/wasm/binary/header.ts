/** How a binary module begins. https://webassembly.github.io/spec/core/binary/modules.html#binary-module */

import { ModuleError } from "../module-error.ts";

export const MODULE_MAGIC: readonly number[] = [0x00, 0x61, 0x73, 0x6d];
const CORE_VERSION: readonly number[] = [0x01, 0x00, 0x00, 0x00];
const COMPONENT_LAYER = 0x01;
const LAYER_AT = 6;

export const MODULE_HEADER: readonly number[] = [...MODULE_MAGIC, ...CORE_VERSION];

/** @throws ModuleError `module-not-wasm` */
export function assertModuleHeader(bytes: Uint8Array): void {
  if (!MODULE_MAGIC.every((byte, i) => bytes[i] === byte)) {
    throw new ModuleError(
      "module-not-wasm",
      "the file is not a WebAssembly binary (it does not start with \\0asm); build the module to .wasm first",
    );
  }
  if (bytes[LAYER_AT] === COMPONENT_LAYER) {
    throw new ModuleError(
      "module-not-wasm",
      "the file is a WebAssembly component; this agent runs core modules, so build for wasm32-unknown-unknown or wasm32-wasip1",
    );
  }
  if (!MODULE_HEADER.every((byte, i) => bytes[i] === byte)) {
    throw new ModuleError("module-not-wasm", "the file is not version 1 of the WebAssembly binary format");
  }
}
