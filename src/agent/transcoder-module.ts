/** The protocols' transcoder, which is part of the executable. */

import { readFileSync } from "node:fs";
import path from "../abi/json/transcoder/transcoder.wasm" with { type: "file" };

/** Compiles it, on other threads than this one. */
export function compileTranscoder(): Promise<WebAssembly.Module> {
  return WebAssembly.compile(readFileSync(path));
}
