/** One transcoder for all tests of a process: it keeps nothing from one event to the next, and memories are dear. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EventTranscoder } from "../../src/protocol/transcoder/event-transcoder.ts";

const PATH = join(import.meta.dir, "../../src/protocol/transcoder/transcoder.wasm");

export const SHARED_TRANSCODER = new EventTranscoder(new WebAssembly.Module(readFileSync(PATH)));
