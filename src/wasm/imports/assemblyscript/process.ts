/** How AssemblyScript ends: `abort` behind every failed assertion and thrown error, `process.exit` on request. */

import { EventFailure } from "../../../event/failure.ts";
import type { ImportFunctions } from "../import-functions.ts";
import type { ImportHost } from "../import-host.ts";
import { guestExit } from "../wasi/process.ts";
import { readText } from "./text.ts";

const MAX_MESSAGE_BYTES = 1024;
const MAX_FILE_BYTES = 256;

export function processFunctions(host: ImportHost): ImportFunctions {
  return {
    abort(messagePointer: number, filePointer: number, line: number, column: number): never {
      const memory = host.memory.current();
      const message = readText(memory, messagePointer, MAX_MESSAGE_BYTES).text || "no message";
      const file = readText(memory, filePointer, MAX_FILE_BYTES).text || "unknown file";
      const position = { line: line >>> 0, column: column >>> 0 };
      return host.end(
        new EventFailure(
          "guest-abort",
          `the guest aborted: ${message} (${file}:${position.line}:${position.column})`,
          { details: { message, file, ...position } },
        ),
      );
    },
    "process.exit": (exitCode: number): never => host.end(guestExit(exitCode >>> 0)),
  };
}
