/** What a policy imports from `env`: its memory, a way to end with a message, and its built-in functions. */

import { EventFailure } from "../../event/failure.ts";
import type { AbiImports } from "../../wasm/imports/abi-imports.ts";
import type { ImportFunctions } from "../../wasm/imports/import-functions.ts";
import type { ImportHost } from "../../wasm/imports/import-host.ts";

const MODULE = "env";
const MEMORY = "memory";
/** As OPA's own SDK for JavaScript gives. */
const MIN_PAGES = 5;
const MAX_MESSAGE_BYTES = 1024;
const UNREADABLE = "(text outside of memory)";

/** Calls a built-in function: value addresses in and out, 0 for undefined. */
export type CallBuiltin = (id: number, args: readonly number[]) => number;

/** For one instance. `callBuiltin` is first called when the instance exists. */
export function policyImports(callBuiltin: CallBuiltin): AbiImports {
  return {
    summary: "memory and functions of OPA policies",
    functions: (module, host) => (module === MODULE ? functions(host, callBuiltin) : null),
    memoryPages: (module, name) => (module === MODULE && name === MEMORY ? MIN_PAGES : null),
  };
}

function functions(host: ImportHost, call: CallBuiltin): ImportFunctions {
  return {
    opa_abort: (address: number) =>
      host.end(new EventFailure("guest-abort", `the policy aborted: ${readMessage(host, address).text}`)),
    opa_println: (address: number) => {
      const { text, cutBytes } = readMessage(host, address);
      host.output.writeLine("console", "info", text, cutBytes);
    },
    opa_builtin0: (id: number) => call(id, []),
    opa_builtin1: (id: number, _context: number, a: number) => call(id, [a]),
    opa_builtin2: (id: number, _context: number, a: number, b: number) => call(id, [a, b]),
    opa_builtin3: (id: number, _context: number, a: number, b: number, c: number) => call(id, [a, b, c]),
    opa_builtin4: (id: number, _context: number, a: number, b: number, c: number, d: number) =>
      call(id, [a, b, c, d]),
  };
}

/** Text up to a zero byte, as far as a log line shows it. */
function readMessage(host: ImportHost, address: number): { text: string; cutBytes: number } {
  const { bytes } = host.memory.current();
  const start = address >>> 0;
  if (start >= bytes.length) return { text: UNREADABLE, cutBytes: 0 };
  const shown = Buffer.from(bytes.buffer, start, Math.min(MAX_MESSAGE_BYTES, bytes.length - start));
  const end = shown.indexOf(0);
  host.work(MAX_MESSAGE_BYTES);
  return { text: shown.toString("utf8", 0, end < 0 ? shown.length : end), cutBytes: end < 0 ? 1 : 0 };
}
