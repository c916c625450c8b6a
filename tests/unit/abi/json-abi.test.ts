/** What a module must export, and in which words it is told what is missing. */

import { describe, expect, test } from "bun:test";
import { jsonAbi } from "../../../src/abi/json/json-abi.ts";
import { loadModule } from "../../../src/wasm/load-module.ts";
import { ModuleError } from "../../../src/wasm/module-error.ts";
import { assembleWat } from "../../guests/assemble-guest.ts";
import type { GuestName } from "../../guests/guest-list.ts";
import { guestPath } from "../../guests/guest-path.ts";

const abi = jsonAbi;
const OPTIONS = { abi: "json", canonicalHeaderCase: false } as const;

const loadGuest = async (guest: GuestName) => loadModule(await Bun.file(guestPath(guest)).bytes(), null);

test.each([
  [
    "missing-memory",
    "module-missing-export",
    "the module does not export its memory under the name `memory`; the host reads and writes JSON there",
  ],
  ["missing-alloc", "module-missing-export", "the module does not export the function `alloc(i32) -> i32`"],
  [
    "missing-dealloc",
    "module-missing-export",
    "the module does not export the function `dealloc(i32, i32) -> ()`",
  ],
  [
    "missing-handlers",
    "module-missing-export",
    "the module exports neither `on_request_headers` nor `on_response_headers`; at least one of type (i32, i32) -> i64 is needed",
  ],
  [
    "signature-alloc",
    "module-wrong-signature",
    "the module exports `alloc` as (i64) -> i32; the contract says (i32) -> i32",
  ],
  [
    "signature-dealloc",
    "module-wrong-signature",
    "the module exports `dealloc` as (i32) -> (); the contract says (i32, i32) -> ()",
  ],
  [
    "signature-handlers",
    "module-wrong-signature",
    "the module has no handler that can be called: the export `on_request_headers` is (i32, i32) -> i32 instead of (i32, i32) -> i64 and is never called",
  ],
] as const)("%s", async (guest, code, message) => {
  const loaded = await loadGuest(guest);
  try {
    abi.prepare(loaded, OPTIONS);
  } catch (error) {
    expect(error).toBeInstanceOf(ModuleError);
    expect(error).toMatchObject({ code, message });
    return;
  }
  throw new Error("the module was taken");
});

describe("a module with one handler", () => {
  test.each([
    ["only-request", { handles: ["request-headers"], warnings: [] }],
    ["only-response", { handles: ["response-headers"], warnings: [] }],
    [
      "signature-request",
      {
        handles: ["response-headers"],
        warnings: [
          "the export `on_request_headers` is (i32, i32) -> i32 instead of (i32, i32) -> i64 and is never called",
        ],
      },
    ],
  ] as const)("%s is taken for what it can do", async (guest, expected) => {
    const { handles, warnings } = abi.prepare(await loadGuest(guest), OPTIONS);
    expect({ handles: [...handles], warnings }).toEqual({
      handles: [...expected.handles],
      warnings: [...expected.warnings],
    });
  });
});

test("a module is recognised by its handlers alone", async () => {
  expect(abi.recognises(await loadGuest("missing-memory"))).toBe(true);
  expect(abi.recognises(await loadGuest("missing-handlers"))).toBe(false);
});

test("an export that should be a function and is a global counts as one of another type", async () => {
  const wat = `(module (memory (export "memory") 1) (global (export "alloc") i32 (i32.const 0))
    (func (export "on_request_headers") (param i32 i32) (result i64) (i64.const 0)))`;
  const loaded = await loadModule(new Uint8Array(await assembleWat("global", wat)), null);
  expect(() => abi.prepare(loaded, OPTIONS)).toThrow(
    "the module exports `alloc` as a global; the contract says (i32) -> i32",
  );
});
