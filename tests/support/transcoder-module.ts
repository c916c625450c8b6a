import { readFileSync } from "node:fs";
import { join } from "node:path";

const PATH = join(import.meta.dir, "../../src/protocol/transcoder/transcoder.wasm");

export function transcoderModule(): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(PATH));
}
