/** Garbage-collected objects are memory of the host: they are counted, and the count is capped. */

import { describe, expect, test } from "bun:test";
import { ModuleError } from "../../../src/wasm/module-error.ts";
import { type LimitedGuest, limitGuest, thrownBy } from "./limited-guest.ts";
import { body, exported, functionType, i32, leb, list, moduleOf } from "./module-bytes.ts";

/** Types: 0 struct of an i32 and an i64, 1 array of i16, 2 array of references, 3 (i32) -> (), 4 () -> (). */
const types = list(
  1,
  [0x5f, 2, i32, 1, 0x7e, 1],
  [0x5e, 0x77, 1],
  [0x5e, 0x6e, 1],
  functionType([i32], []),
  functionType([], []),
);

function guestWith(type: number, code: number[], settings = {}): LimitedGuest {
  const bytes = moduleOf(
    types,
    list(3, [type]),
    list(7, exported("run", 0)),
    list(9, [5, 0x6e, 1, 0xd0, 0x6e, 0x0b]),
    [12, 1, 1],
    list(10, body(...code)),
    list(11, [1, 4, 1, 2, 3, 4]),
  );
  return limitGuest(bytes, settings);
}

function account(guest: LimitedGuest): WebAssembly.Global {
  return guest.exports[guest.limited.gcBytesExport ?? ""] as WebAssembly.Global;
}

const length = [0x20, 0];

describe("counted are the bytes of", () => {
  const makers: Record<string, readonly [number, number[], number[], number]> = {
    "a struct": [4, [0x41, 1, 0x42, 2, 0xfb, 0, 0, 0x1a], [], 32 + 12],
    "a default struct": [4, [0xfb, 1, 0, 0x1a], [], 32 + 12],
    "an array": [3, [0x41, 7, ...length, 0xfb, 6, 1, 0x1a], [100], 32 + 200],
    "a default array": [3, [...length, 0xfb, 7, 2, 0x1a], [100], 32 + 800],
    "an array of operands": [4, [0x41, 1, 0x41, 2, 0x41, 3, 0xfb, 8, 1, 3, 0x1a], [], 32 + 6],
    "an array from data": [3, [0x41, 0, ...length, 0xfb, 9, 1, 0, 0x1a], [2], 32 + 4],
    "an array from elements": [3, [0x41, 0, ...length, 0xfb, 10, 2, 0, 0x1a], [1], 32 + 8],
  };
  for (const [name, [type, code, values, bytes]] of Object.entries(makers)) {
    test(name, () => {
      const guest = guestWith(type, code);
      guest.call("run", ...values);
      expect(account(guest).value).toBe(bytes);
      guest.call("run", ...values);
      expect(account(guest).value).toBe(2 * bytes);
    });
  }
});

describe("when the count would exceed the memory cap", () => {
  const structs = [0x03, 0x40, 0xfb, 1, 0, 0x1a, 0x0c, 0, 0x0b];

  test("the guest traps, and may go on after the host has reset it", () => {
    const guest = guestWith(4, structs, { maxMemoryBytes: 4400 });
    expect(thrownBy(() => guest.call("run"))).toBeInstanceOf(WebAssembly.RuntimeError);
    expect(account(guest).value).toBe(4400);
    account(guest).value = 0;
    expect(thrownBy(() => guest.call("run"))).toBeInstanceOf(WebAssembly.RuntimeError);
    expect(account(guest).value).toBe(4400);
  });

  test("one huge array is not even begun", () => {
    const guest = guestWith(3, [...length, 0xfb, 7, 2, 0x1a], { maxMemoryBytes: 2 ** 32 });
    expect(thrownBy(() => guest.call("run", -1))).toBeInstanceOf(WebAssembly.RuntimeError);
    expect(account(guest).value).toBe(0);
  });

  test("an array longer than its segment keeps the engine's own trap", () => {
    const guest = guestWith(3, [0x41, 0, ...length, 0xfb, 9, 1, 0, 0x1a], { maxMemoryBytes: 100_000 });
    expect(thrownBy(() => guest.call("run", 2 ** 30)).message).toMatch(/^Out of bounds/);
  });
});

describe("objects of initialisers", () => {
  const withGlobal = (...code: number[]): Uint8Array<ArrayBuffer> =>
    moduleOf(types, list(6, [i32, 0, 0x41, 8, 0x0b], [0x63, 2, 0, ...code, 0x0b]));

  test("are counted when the module is loaded", () => {
    const million = leb(1_000_000);
    const load = () => limitGuest(withGlobal(0x41, ...million, 0xfb, 7, 2), { maxMemoryBytes: 7_999_999 });
    const error = thrownBy(load) as ModuleError;
    expect(error).toBeInstanceOf(ModuleError);
    expect(error.code).toBe("module-memory-too-large");
    expect(error.message).toMatch(/^The initialisers of the module make objects of more than 7999999 bytes/);
  });

  test("may have a length that is calculated", () => {
    const multiplied = withGlobal(0x23, 0, 0x23, 0, 0x6c, 0xfb, 7, 2);
    expect(() => limitGuest(multiplied, { maxMemoryBytes: 65536 })).not.toThrow();
    expect(thrownBy(() => limitGuest(multiplied, { maxMemoryBytes: 500 }))).toBeInstanceOf(ModuleError);
  });
});

test("a thrown exception counts, too", () => {
  const guest = limitGuest(
    `(module (tag $e (param i32 i64)) (func (export "run") (try (do (throw $e (i32.const 1) (i64.const 2))) (catch_all))))`,
  );
  guest.call("run");
  expect(account(guest).value).toBe(64 + 2 * 16);
});

test("a module that makes no objects has no count", () => {
  expect(limitGuest("(module (func))").limited.gcBytesExport).toBeNull();
});
