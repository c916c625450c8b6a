/** No slice does more than its fuel, whatever the guest is made of; on credit, a fixed number of times that. */

import { describe, expect, test } from "bun:test";
import { countedAhead, creditParts, loopCredit } from "../../../src/wasm/metering/loop-credit.ts";
import { chain, lastTurnLong, loop, oneTurn, recurseInTurn, reversed, step, twice } from "./fuel-guests.ts";
import { limitGuest } from "./limited-guest.ts";
import { body, exported, functionType, i32, list, moduleOf, name } from "./module-bytes.ts";

describe("fuel is counted:", () => {
  /** Guests that raise `steps` once a turn or call. */
  const counting = {
    "in a tight loop": `(func (export "run") (local $i i32) (local.set $i (i32.const 1000000))
      (loop $l ${step} (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))`,
    "in a loop with rare long ways": `(func (export "run") (local $i i32) (local.set $i (i32.const 1000000))
      (loop $l ${step}
        (if (i32.eqz (i32.and (local.get $i) (i32.const 63))) (then ${"(global.set $x (i32.add (global.get $x) (i32.const 1)))".repeat(200)}))
        (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))`,
    "in short loops called again and again": `(func $short (local $i i32) (local.set $i (i32.const 3))
        (loop $l ${step} (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))
      (func (export "run") (local $i i32) (local.set $i (i32.const 300000))
        (loop $l (call $short) (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))`,
    "in recursion": `(func $f (export "run") (param $n i32) ${step}
      (if (i32.gt_u (local.get $n) (i32.const 0)) (then
        (call $f (i32.sub (local.get $n) (i32.const 1))) (call $f (i32.sub (local.get $n) (i32.const 1))))))`,
    "in straight code": `(func $f ${step.repeat(3000)}) (func (export "run") (local $i i32) (local.set $i (i32.const 300))
        (loop $l (call $f) (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))`,
    "behind two long ways that meet": `(func $f
        (if (global.get $x) (then ${step.repeat(150)}) (else ${step.repeat(150)})) ${step.repeat(100)})
      (func $often ${"(call $f)".repeat(100)})
      (func (export "run") (local $i i32) (local.set $i (i32.const 30))
        (loop $l (call $often) (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))`,
    "in recursion of a function with much code before it": `(func $f (export "run") (param $n i32) (call $g (local.get $n)))
      (func $g (param $n i32) ${step.repeat(120)} ${twice("$g")})`,
    "in mutual recursion of such functions": `(func (export "run") (param $n i32) (call $f (local.get $n)))
      (func $f (param $n i32) ${step.repeat(120)} ${twice("$g")})
      (func $g (param $n i32) ${step.repeat(120)} ${twice("$f")})`,
    "in recursion of such functions through a table": `(table funcref (elem $f)) (type $t (func (param i32)))
      (func (export "run") (param $n i32) (call $f (local.get $n)))
      (func $f (param $n i32) ${step.repeat(120)} ${twice("$g")})
      (func $g (param $n i32) (call_indirect (type $t) (local.get $n) (i32.const 0)))`,
    "in a circle of functions that ends in a trap": `${chain((callee) => `${step.repeat(50)} ${callee || "(call $f0)"} unreachable`)}
      (func (export "run") (call $f0))`,
    "behind a recursion": `(func $f (param $n i32) (if (local.get $n) (then (call $f (i32.sub (local.get $n) (i32.const 1))))) ${step.repeat(100)})
      (func (export "run") (param $n i32) (call $f (i32.const 5000)))`,
    "in loops that recurse": `(func $f (param $n i32) (local $i i32)
        ${loop(45, `${step} ${recurseInTurn(33)}`)})
      (func (export "run") (param $n i32) (call $f (i32.const 3000)))`,
    "in loops that recurse in an inner loop": `(func $f (param $n i32) (local $i i32) (local $j i32)
        ${loop(
          6,
          `(local.set $j (i32.const 7)) (loop $m ${step}
          (if (i32.eq (local.get $j) (i32.const 3)) (then ${recurseInTurn(4)})) (br_if $m (local.tee $j (i32.sub (local.get $j) (i32.const 1)))))`,
        )})
      (func (export "run") (param $n i32) (call $f (i32.const 3000)))`,
    "in loops that recurse through a table": `(table funcref (elem $f)) (type $t (func (param i32)))
      (func $f (param $n i32) (local $i i32)
        ${loop(45, `${step} ${recurseInTurn(33, "(call_indirect (type $t) (local.get $n) (i32.const 0))")}`)})
      (func (export "run") (param $n i32) (call $f (i32.const 3000)))`,
    "in loops whose recursions end in exceptions": `(tag $e) (func $f (param $n i32) (local $i i32)
        ${loop(45, `${step} (try (do ${recurseInTurn(33)} (if (i32.eq (local.get $i) (i32.const 2)) (then (throw $e)))) (catch_all (throw $e)))`)})
      (func (export "run") (param $n i32) (try (do (call $f (i32.const 3000))) (catch_all)))`,
    "in loops of a long chain of functions": `${reversed(chain((callee) => `(local $i i32) ${loop(45, `${step} (if (i32.eq (local.get $i) (i32.const 33)) (then ${callee}))`)}`, 3000))}
      (func (export "run") (call $f0))`,
    "behind the calls of a long chain of functions": `${reversed(chain((callee) => `${callee} ${step.repeat(30)}`, 4000))}
      (func (export "run") (call $f0))`,
    "behind loops that recurse": `(func $f (param $n i32) (local $i i32)
        ${loop(2, recurseInTurn(2))} ${step.repeat(100)})
      (func (export "run") (param $n i32) (call $f (i32.const 3000)))`,
    "where a branch leaves loops that recurse": `(func $f (param $n i32) (local $i i32)
        (block $out ${loop(2, `${recurseInTurn(2)} (br_if $out (local.get $n))`)}) ${step.repeat(100)})
      (func (export "run") (param $n i32) (call $f (i32.const 3000)))`,
    "in recursion that ends in a trap": `(func $f (param $n i32) ${step.repeat(50)} (call $f (local.get $n)) unreachable)
      (func (export "run") (param $n i32) (call $f (local.get $n)))`,
    "in calls of such a function by reference": `(type $t (func)) (table 1 funcref)
      (func $f (export "f") (type $t) ${step.repeat(120)})
      (func (export "run") (local $i i32) (local.set $i (i32.const 100000)) (table.set (i32.const 0) (ref.func $f))
        (loop $l (call_indirect (type $t) (i32.const 0)) (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))`,
    "in functions that an exception leaves": `(tag $e) ${chain((callee) => `${step.repeat(100)} ${callee || "(throw $e)"} unreachable`)}
      (func (export "run") (local $i i32) (local.set $i (i32.const 1000))
        (loop $l (try (do (call $f0)) (catch_all)) (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))`,
    "in code that a chain of functions leaves to the next": `${chain((callee) => `${step} ${callee}`)}
      (func (export "run") (local $i i32) (local.set $i (i32.const 50000))
        (loop $l (call $f0) (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))`,
  };

  /** Runs a guest, given by its functions or as a whole, and returns the most steps of one slice. */
  function mostSteps(source: string | Uint8Array, fuelPerSlice: number): number {
    let last = 0;
    let most = 0;
    let slices = 0;
    const steps = (): number => (guest.exports["steps"] as WebAssembly.Global).value as number;
    const guest = limitGuest(
      typeof source === "string"
        ? `(module (global $steps (export "steps") (mut i32) (i32.const 0)) (global $x (mut i32) (i32.const 0)) ${source})`
        : source,
      {
        fuelPerSlice,
        sliceEnd: () => {
          most = Math.max(most, steps() - last);
          last = steps();
          slices++;
          return 0;
        },
      },
    );
    try {
      guest.call("run", 18);
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
    }
    expect(slices).toBeGreaterThan(20);
    return Math.max(most, steps() - last);
  }

  for (const [name, body] of Object.entries(counting)) {
    test(`${name}, no slice does more than its fuel`, () => {
      const fuelPerSlice = 20_000;
      // A step is four instructions; a loop of the first call may run on credit for a while.
      expect(mostSteps(body, fuelPerSlice) * 4).toBeLessThan(fuelPerSlice * 1.2);
    });
  }

  /** The same, where loops run on credit. */
  const countingOnCredit = {
    "behind inner loops that recurse": `(func $f (param $n i32) (local $i i32) (local $j i32)
        (loop $m ${loop(2, recurseInTurn(2))} ${step.repeat(100)} (br_if $m (global.get $x))))
      (func (export "run") (param $n i32) (call $f (i32.const 3000)))`,
    "where a branch leaves inner loops that recurse": `(func $f (param $n i32) (local $i i32)
        (loop $m (block $out ${loop(2, `${recurseInTurn(2)} (br_if $out (local.get $n))`)})
          ${step.repeat(100)} (br_if $m (global.get $x))))
      (func (export "run") (param $n i32) (call $f (i32.const 3000)))`,
    "in loops that catch what recursions throw": `(tag $e) (func $f (param $n i32) (local $i i32)
        ${loop(
          300,
          `${step} (if (i32.eq (local.get $i) (i32.const 100)) (then (try (do ${recurseInTurn(100)}) (catch_all))))
          (if (i32.eq (local.get $i) (i32.const 1)) (then (throw $e)))`,
        )})
      (func (export "run") (param $n i32) (try (do (call $f (i32.const 3000))) (catch_all)))`,
    "in long loops of one turn": `(func $f (local $i i32) ${loop(1, step.repeat(1500))})
      (func (export "run") (param $n i32) (local $i i32) ${loop(1000, "(call $f)")})`,
    "in loops that end with much straight code": `(func $f (local $i i32) ${lastTurnLong(8, 27, step.repeat(125))})
      (func (export "run") (param $n i32) (local $i i32) ${loop(2000, "(call $f)")})`,
    "in loops that end with a call": `(func $known ${step.repeat(125)}) (func $f (local $i i32) ${lastTurnLong(26, 7, "(call $known)")})
      (func (export "run") (param $n i32) (local $i i32) ${loop(2000, "(call $f)")})`,
    ...oneTurn({
      "that jumps over loops": "(block (br_if 0 (i32.eqz (global.get $x))) (loop (nop)))",
      "that runs no loop": "(if (global.get $x) (then (loop (nop))))",
      "that runs the other half": `(if (global.get $x) (then (loop (nop))) (else ${step}))`,
    }),
    "in loops behind loops that recurse": `(func $f (param $n i32) (local $i i32)
        ${loop(2, recurseInTurn(2))} ${loop(90, step)})
      (func (export "run") (param $n i32) (call $f (i32.const 3000)))`,
    "in loops where a branch has left loops that recurse": `(func $f (param $n i32) (local $i i32)
        (block $out ${loop(2, `${recurseInTurn(2)} (br_if $out (local.get $n))`)}) ${loop(90, step)})
      (func (export "run") (param $n i32) (call $f (i32.const 3000)))`,
  };

  for (const [name, body] of Object.entries(countingOnCredit)) {
    test(`${name}, no slice does more than ${creditParts} times its fuel`, () => {
      const fuelPerSlice = 10_000;
      expect(mostSteps(body, fuelPerSlice) * 4).toBeLessThan(fuelPerSlice * (creditParts + 1));
    });
  }

  test("in loops of a short chain of functions, no slice does more than that and the credit of four functions", () => {
    const wait = (callee: string): string =>
      `(local $i i32) ${loop(352, `${step} (if (i32.eq (local.get $i) (i32.const 268)) (then ${callee}))`)}`;
    const guest = `${reversed(chain(wait, 31))} (func (export "run") (local $i i32) ${loop(20, "(call $f0)")})`;
    const fuelPerSlice = 2500;
    const waiting = 4 * (loopCredit + countedAhead);
    // One turn is thirteen instructions, the step included.
    expect(mostSteps(guest, fuelPerSlice) * 13).toBeLessThan(fuelPerSlice * (creditParts + 1) + waiting);
  });

  test.each(["nop", "try end"])("what does nothing is not free: %s", (nothing) => {
    const often = 500;
    const guest = `(func (export "run") (local $i i32) ${loop(3000, `${step} ${`${nothing} `.repeat(often)}`)})`;
    const fuelPerSlice = 20_000;
    expect(mostSteps(guest, fuelPerSlice) * often).toBeLessThan(fuelPerSlice * 1.2);
  });

  test.each(["that end", "that are left by a branch"])(
    "behind thousands of loops in each other %s, no slice does more than its fuel",
    (how) => {
      const fuelPerSlice = 20_000;
      const guest = nestedLoops(2000, how === "that end" ? [] : branchOut);
      expect(mostSteps(guest, fuelPerSlice) * 4).toBeLessThan(fuelPerSlice * 1.2);
    },
  );

  for (const [length, turns] of Object.entries({ "on their first credit": 100, "on their second": 550 })) {
    test(`in loops that end ${length}, no slice does more than ${creditParts} times its fuel`, () => {
      const body = `(func $short (local $i i32) (local.set $i (i32.const ${turns}))
          (loop $l ${step} (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))
        (func (export "run") (local $i i32) (local.set $i (i32.const 20000))
          (loop $l (call $short) (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))`;
      const fuelPerSlice = 20_000;
      // One turn is nine instructions, the step included.
      expect(mostSteps(body, fuelPerSlice) * 9).toBeLessThan(fuelPerSlice * (creditParts + 1));
    });
  }

  test(`in short loops that call others with short loops, no slice does more than ${creditParts} times its fuel`, () => {
    const level = (n: number, body: string): string =>
      `(func $f${n} (local $i i32) ${body}) (func $g${n} (call $f${n}))`;
    const levels = [1, 2, 3, 4, 5].map((n) => level(n, loop(4, `(call $g${n + 1})`)));
    const body = `${levels.join("\n")} ${level(6, loop(100, step))}
      (func (export "run") (local $i i32) ${loop(30, "(call $g1)")})`;
    const fuelPerSlice = 20_000;
    expect(mostSteps(body, fuelPerSlice) * 9).toBeLessThan(fuelPerSlice * (creditParts + 1));
  });

  test(`in short loops behind a recursion, no slice does more than ${creditParts} times its fuel`, () => {
    const body = `(func $short (local $i i32) (local.set $i (i32.const 100))
        (loop $l ${step} (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))
      (func $f (param $n i32) (if (local.get $n) (then (call $f (i32.sub (local.get $n) (i32.const 1)))))
        (call $short) (call $short) (call $short))
      (func (export "run") (param $n i32) (call $f (i32.const 3000)))`;
    const fuelPerSlice = 20_000;
    expect(mostSteps(body, fuelPerSlice) * 9).toBeLessThan(fuelPerSlice * (creditParts + 1));
  });

  test(`in loops behind loops and a recursion, no slice does more than ${creditParts} times its fuel`, () => {
    const body = `(func $f (param $n i32) (local $i i32)
        ${loop(120, step)} (if (local.get $n) (then (call $f (i32.sub (local.get $n) (i32.const 1))))) ${loop(400, step)})
      (func (export "run") (param $n i32) (call $f (i32.const 3000)))`;
    const fuelPerSlice = 20_000;
    expect(mostSteps(body, fuelPerSlice) * 9).toBeLessThan(fuelPerSlice * (creditParts + 1));
  });
});

/** To the end of the block around the loop. */
const branchOut = [0x0c, 0x01];

/**
 * Loops of one turn, each in a block and with eight steps behind the one in it; deeper than the text compiler goes. They
 * end with the code given.
 */
function nestedLoops(depth: number, last: readonly number[]): Uint8Array<ArrayBuffer> {
  const raise = [0x23, 0x00, 0x41, 0x01, 0x6a, 0x24, 0x00];
  const close = [...Array.from({ length: 8 }, () => raise).flat(), ...last, 0x0b, 0x0b];
  const code = [
    ...Array.from({ length: depth }, () => [0x02, 0x40, 0x03, 0x40]).flat(),
    ...Array.from({ length: depth }, () => close).flat(),
  ];
  const calls = Array.from({ length: 20 }, () => [0x10, 0x00]).flat();
  return moduleOf(
    list(1, functionType([], [])),
    list(3, [0], [0]),
    list(6, [i32, 1, 0x41, 0, 0x0b]),
    list(7, [...name("steps"), 3, 0], exported("run", 1)),
    list(10, body(...code), body(...calls)),
  );
}
