/** One transcoder for all tests of a process: it keeps nothing from one event to the next, and memories are expensive. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeHeaders } from "../../src/protocol/decode-headers.ts";
import { EventTranscoder } from "../../src/abi/json/transcoder/event-transcoder.ts";

const PATH = join(import.meta.dir, "../../src/abi/json/transcoder/transcoder.wasm");

export const SHARED_TRANSCODER = new EventTranscoder(
  new WebAssembly.Module(readFileSync(PATH)),
  decodeHeaders,
);
