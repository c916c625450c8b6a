/** Compiles the protocols' transcoder, which is part of the executable. */

import { readFileSync } from "node:fs";
import path from "../protocol/transcoder/transcoder.wasm" with { type: "file" };

export function transcoderModule(): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(path));
}
