/** Fuel: nothing runs on without it, and who pays for what. */

import { describe, expect, test } from "bun:test";
import { ladder, reversed } from "./fuel-guests.ts";
import { limitGuest, SliceMeter, thrownBy } from "./limited-guest.ts";

/** Each exports `run`, which never ends by itself, or only after years. */
const endless = {
  "an empty loop": `(module (func (export "run") (loop $l (br $l))))`,
  "a loop with a conditional branch": `(module (func (export "run") (loop $l (br_if $l (i32.const 1)))))`,
  "a loop that branches through a table": `(module (func (export "run")
    (loop $l (block $b (br_table $l $b $l (i32.const 2))))))`,
  "a loop in a loop": `(module (func (export "run") (local $i i32)
    (loop $l (local.set $i (i32.const 3)) (loop $m (br_if $m (local.tee $i (i32.sub (local.get $i) (i32.const 1))))) (br $l))))`,
  "a loop with operands": `(module (func (export "run") (result i32)
    (i32.const 1) (loop $l (param i32) (result i32) (br $l))))`,
  "a loop that keeps a function's result on the stack": `(module (func (export "run") (result i32)
    (i32.add (i32.const 1) (loop $l (result i32) (br $l)))))`,
  "a loop that only calls a leaf": `(module (func $leaf (result i32) (i32.const 1))
    (func (export "run") (loop $l (br_if $l (call $leaf)))))`,
  "a loop that calls a short loop": `(module (func $short (local $i i32) (local.set $i (i32.const 5))
      (loop $l (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))
    (func (export "run") (loop $l (call $short) (br $l))))`,
  "exponential recursion without loops": `(module (func $f (export "run") (param i32)
    (if (i32.eqz (local.get 0)) (then (return)))
    (call $f (i32.sub (local.get 0) (i32.const 1))) (call $f (i32.sub (local.get 0) (i32.const 1)))))`,
  "exponential calls down a ladder": `(module ${ladder(60)} (func (export "run") (call $f60)))`,
  "exponential calls up a ladder": `(module (func (export "run") (call $f60)) ${reversed(ladder(60))})`,
  "mutual recursion that comes back": `(module
    (func $a (param i32) (if (local.get 0) (then (call $b (i32.sub (local.get 0) (i32.const 1))) (call $b (i32.sub (local.get 0) (i32.const 1))))))
    (func $b (param i32) (if (local.get 0) (then (call $a (i32.sub (local.get 0) (i32.const 1))) (call $a (i32.sub (local.get 0) (i32.const 1))))))
    (func (export "run") (call $a (i32.const 60))))`,
  "tail recursion": `(module (func $f (export "run") (return_call $f)))`,
  "indirect tail recursion": `(module (table 1 funcref) (elem (i32.const 0) $f) (type $t (func))
    (func $f (export "run") (return_call_indirect (type $t) (i32.const 0))))`,
  "recursion through a table in a loop of one turn": `(module (table 1 funcref) (elem (i32.const 0) $f) (type $t (func (param i32)))
    (func $f (param i32) (local $i i32)
      (if (i32.eqz (local.get 0)) (then (return)))
      (local.set $i (i32.const 2))
      (loop $l (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))
        (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))
    (func (export "run") (call $f (i32.const 60))))`,
  "calls of the host": `(module (import "host" "f" (func $f)) (func (export "run") (loop $l (call $f) (br $l))))`,
  "a loop that swallows every exception": `(module (tag $e) (func (export "run")
    (loop $l (try (do (throw $e)) (catch_all (br $l))))))`,
  "a loop around a loop that swallows every exception": `(module (func (export "run")
    (loop $l (try (do (loop $m (br $m))) (catch_all (br $l))) (br $l))))`,
};

describe("a guest is stopped when its slices are refused:", () => {
  for (const [name, text] of Object.entries(endless)) {
    test(name, () => {
      const meter = new SliceMeter(20);
      const guest = limitGuest(text, { sliceEnd: meter.sliceEnd, imports: { host: { f: () => {} } } });
      expect(thrownBy(() => guest.call("run", 60))).toBeInstanceOf(WebAssembly.RuntimeError);
      expect(meter.asked).toBe(21);
    });
  }

  test("a loop in the start function", () => {
    const meter = new SliceMeter(3);
    const text = `(module (func $start (loop $l (br $l))) (start $start))`;
    expect(thrownBy(() => limitGuest(text, { sliceEnd: meter.sliceEnd }))).toBeInstanceOf(
      WebAssembly.RuntimeError,
    );
    expect(meter.asked).toBe(4);
  });

  test("a loop in new exceptions (try_table) that lands on its own head", () => {
    const meter = new SliceMeter(3);
    const guest = limitGuest(newExceptionLoop(), { sliceEnd: meter.sliceEnd });
    expect(thrownBy(() => guest.call("run"))).toBeInstanceOf(WebAssembly.RuntimeError);
    expect(meter.asked).toBe(4);
  });

  test("by the clock, shortly after its deadline", () => {
    const deadline = performance.now() + 20;
    const sliceEnd = (): number => (performance.now() < deadline ? 0 : 1);
    const guest = limitGuest(endless["an empty loop"], { sliceEnd, fuelPerSlice: 200_000 });
    thrownBy(() => guest.call("run"));
    expect(performance.now()).toBeGreaterThanOrEqual(deadline);
  });

  test("although a catch_all stands around the loop", () => {
    const meter = new SliceMeter(0);
    const guest = limitGuest(
      `(module (global (export "caught") (mut i32) (i32.const 0))
        (func (export "run") (try (do (loop $l (br $l))) (catch_all (global.set 0 (i32.const 1))))))`,
      { sliceEnd: meter.sliceEnd },
    );
    expect(thrownBy(() => guest.call("run"))).toBeInstanceOf(WebAssembly.RuntimeError);
    expect((guest.exports["caught"] as WebAssembly.Global).value).toBe(0);
  });

  test("although it recurses without end and catches everything: a full stack cannot be caught", () => {
    const guest = limitGuest(
      `(module (func $deep (call $deep))
        (func (export "run") (loop $l (try (do (call $deep)) (catch_all)) (br $l))))`,
      { fuelPerSlice: 100_000_000 },
    );
    expect(thrownBy(() => guest.call("run"))).toBeInstanceOf(RangeError);
  });
});

describe("fuel", () => {
  test("callers that know a function pay for it, wherever it stands", () => {
    const known = `(func $f (param i32) (result i32) ${"(local.set 0 (i32.mul (local.get 0) (local.get 0)))".repeat(60)} (local.get 0))`;
    const caller = `(func (export "run") (param i32) (result i32) (call $f (local.get 0)))`;
    for (const functions of [known + caller, caller + known]) {
      const meter = new SliceMeter(Number.POSITIVE_INFINITY);
      const guest = limitGuest(`(module ${functions})`, { sliceEnd: meter.sliceEnd, fuelPerSlice: 1 });
      expect(guest.call("run", 1)).toBe(1);
      expect(meter.asked).toBe(1);
    }
  });

  test("a call pays for the locals that it sets to zero", () => {
    const meter = new SliceMeter(Number.POSITIVE_INFINITY);
    const guest = limitGuest(
      `(module (func $wide (local ${"i64 ".repeat(8000)})) (func (export "run") ${"(call $wide)".repeat(100)}))`,
      { sliceEnd: meter.sliceEnd, fuelPerSlice: 10_000 },
    );
    guest.call("run");
    expect(meter.asked).toBeGreaterThanOrEqual(9);
  });

  test("a function that ends soon is never checked", () => {
    const meter = new SliceMeter(0);
    const guest = limitGuest(
      `(module (func (export "run") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3))))`,
      {
        sliceEnd: meter.sliceEnd,
        fuelPerSlice: 1,
      },
    );
    for (let i = 0; i < 1000; i++) expect(guest.call("run", i)).toBe(i * 3);
    expect(meter.asked).toBe(0);
  });

  test("work of the host can be charged, and the next check ends the slice", () => {
    const meter = new SliceMeter(1);
    const guest = limitGuest(
      `(module (func (export "run") (loop $l)) (func $f (export "call") (param i32) (if (local.get 0) (then (call $f (i32.const 0))))))`,
      {
        sliceEnd: meter.sliceEnd,
        fuelPerSlice: 5000,
      },
    );
    expect(guest.call(guest.limited.fuelExport, 1000)).toBe(4000);
    expect(guest.call(guest.limited.fuelExport, 2 ** 31 - 1)).toBe(-1);
    expect(meter.asked).toBe(0);
    guest.call("call", 1);
    expect(meter.asked).toBe(1);
    expect(guest.call(guest.limited.fuelExport, 0)).toBeGreaterThan(4900);
  });

  test("the host can fill up a slice, but no further", () => {
    const meter = new SliceMeter(0);
    const guest = limitGuest(`(module (func (export "run") (loop $l)))`, {
      sliceEnd: meter.sliceEnd,
      fuelPerSlice: 5000,
    });
    for (let i = 0; i < 100; i++) {
      expect(guest.call(guest.limited.fuelExport, -5000)).toBe(5000);
      guest.call("run");
    }
    expect(meter.asked).toBe(0);
  });

  test("a granted slice lets the guest go on as if nothing had been", () => {
    const text = `(module (func $fib (export "fib") (param i32) (result i32)
      (if (result i32) (i32.lt_s (local.get 0) (i32.const 2)) (then (local.get 0))
        (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1))) (call $fib (i32.sub (local.get 0) (i32.const 2))))))))`;
    const meter = new SliceMeter(Number.POSITIVE_INFINITY);
    expect(limitGuest(text, { fuelPerSlice: 1, sliceEnd: meter.sliceEnd }).call("fib", 15)).toBe(610);
    expect(meter.asked).toBeGreaterThan(500);
  });
});

describe("loops that are written several times over still do each turn once:", () => {
  const sum = `(module (memory (export "memory") 1)
    (func (export "sum") (param $n i32) (result i32) (local $s i32)
      (loop $l (local.set $s (i32.add (local.get $s) (local.get $n)))
        (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (local.get $s))
    (func (export "fill") (param $at i32) (param $end i32)
      (loop $l (i32.store8 (local.get $at) (i32.const 7))
        (br_if $l (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (local.get $end))))))`;

  test("for every number of turns", () => {
    const guest = limitGuest(sum, { fuelPerSlice: 3 });
    for (let n = 1; n < 40; n++) expect(guest.call("sum", n)).toBe((n * (n + 1)) / 2);
  });

  test("up to the turn that traps", () => {
    const guest = limitGuest(sum);
    const memory = new Uint8Array((guest.exports["memory"] as WebAssembly.Memory).buffer);
    expect(thrownBy(() => guest.call("fill", 65_530, 70_000)).message).toContain(
      "Out of bounds memory access",
    );
    expect([...memory.subarray(65_528)]).toEqual([0, 0, 7, 7, 7, 7, 7, 7]);
  });
});

/** (loop $l (try_table (catch_all $l) (throw $e))), which the text compiler does not know. */
function newExceptionLoop(): Uint8Array<ArrayBuffer> {
  const code = [0x00, 0x03, 0x40, 0x1f, 0x40, 0x01, 0x02, 0x00, 0x08, 0x00, 0x0b, 0x0b, 0x0b];
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...[0x01, 0x04, 0x01, 0x60, 0x00, 0x00],
    ...[0x03, 0x02, 0x01, 0x00],
    ...[0x0d, 0x03, 0x01, 0x00, 0x00],
    ...[0x07, 0x07, 0x01, 0x03, 0x72, 0x75, 0x6e, 0x00, 0x00],
    ...[0x0a, code.length + 2, 0x01, code.length, ...code],
  ]);
}
