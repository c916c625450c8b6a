/** Holds the list of what WASI gives here against the functions themselves. */

import { describe, expect, test } from "bun:test";
import { checkImports, GIVEN_WASI_FUNCTIONS } from "../../../src/tools/check/check-imports.ts";
import { EventFailure } from "../../../src/event/failure.ts";
import { GuestOutput } from "../../../src/wasm/imports/guest-output.ts";
import { ImportHost } from "../../../src/wasm/imports/import-host.ts";
import { wasiFunctions } from "../../../src/wasm/imports/wasi/wasi-functions.ts";
import { silentLog } from "../../support/silent-log.ts";

const WASI = "wasi_snapshot_preview1";

function wasiHost(onRefusal: () => void = () => {}): ImportHost {
  const log = silentLog();
  const output = new GuestOutput({ log, slot: 0, isMuted: true });
  const host = new ImportHost({ output, log, slot: 0, onRefusal });
  host.memory.attach(new WebAssembly.Memory({ initial: 1 }));
  return host;
}

/** Whether the function answers anything but a refusal to a harmless call on standard output. */
function doesSomething(name: string): boolean {
  let isRefused = false;
  const host = wasiHost(() => {
    isRefused = true;
  });
  const call = wasiFunctions(host, WASI)[name] as (...parameters: (number | bigint)[]) => unknown;
  const descriptor = name === "fd_read" ? 0 : name.startsWith("clock") ? 1 : name === "poll_oneoff" ? 0 : 1;
  const isClock = name === "clock_time_get";
  try {
    call(descriptor, isClock ? 0n : 64, 1, 256);
  } catch (error) {
    return error instanceof EventFailure && error.code === "guest-exit";
  }
  return !isRefused;
}

describe("the imports that are called given", () => {
  const names = Object.keys(wasiFunctions(wasiHost(), WASI));

  test("are among the functions of WASI", () => {
    expect([...GIVEN_WASI_FUNCTIONS].filter((name) => !names.includes(name))).toEqual([]);
  });

  for (const name of names) {
    const isGiven = GIVEN_WASI_FUNCTIONS.has(name);
    test(`${isGiven ? "include" : "do not include"} ${name}, which ${isGiven ? "does something" : "is refused"}`, () => {
      expect(doesSomething(name)).toBe(isGiven);
    });
  }
});

describe("the check of imports", () => {
  function found(...imports: [module: string, name: string, kind?: Bun.WebAssembly.ImportExportKind][]) {
    const descriptors = imports.map(([module, name, kind = "function"]) => ({ module, name, kind }));
    return checkImports(descriptors).map(({ level, subject, message }) => `${level} ${subject}: ${message}`);
  }

  test("is content with none", () => {
    expect(found()).toEqual(["ok imports: none"]);
  });

  test("sorts them by what becomes of them", () => {
    expect(
      found(
        [WASI, "fd_write"],
        ["env", "abort"],
        [WASI, "sock_open"],
        [WASI, "fd_readdir"],
        [WASI, "fd_frobnicate"],
        ["env", "memory", "memory"],
      ),
    ).toEqual([
      `ok given: fd_write from ${WASI}; abort from env`,
      `note refused: sock_open, fd_readdir from ${WASI}`,
      `warning unknown: fd_frobnicate from ${WASI}`,
      'error env.memory: the module imports the memory "memory" from "env", which this agent does not provide',
    ]);
  });

  test("quotes names that are more than words", () => {
    expect(found(["e\nv", "x\u001b[2J"])).toEqual([
      expect.stringContaining('error "e\\nv"."x\\u001b[2J": the module imports'),
    ]);
  });

  test("lists no more names than can be read", () => {
    const many = Array.from({ length: 40 }, (_, i): [string, string] => [WASI, `path_${i}`]);
    expect(found(...many)[0]).toEndWith(`path_15 and 24 more from ${WASI}`);
  });
});
