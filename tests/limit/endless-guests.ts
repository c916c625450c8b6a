/**
 * Guests that would run for ever, or for longer than anybody waits: each way in which WebAssembly can go round. Their
 * function `run` takes an i32 and must be stopped by fuel alone.
 */

import makeWabt from "wabt";

export interface EndlessGuest {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const longBody = "(drop (i32.add (local.get 0) (i32.const 1)))".repeat(6000);
const wideLocals = `(local ${"i32 ".repeat(49_900)})`;

/** Everything inside `(module ...)`; a lone instruction list becomes the body of `run`. */
const sources: Readonly<Record<string, string>> = {
  "an empty loop": run("(loop $l (br $l))"),
  "a loop that branches under a condition": run("(loop $l (br_if $l (i32.const 1)))"),
  "a loop that branches through a table": run(
    "(block $b (loop $l (br_table $l $l $l (i32.and (local.get 0) (i32.const 1)))))",
  ),
  "a loop left from within and entered again": run(
    "(loop $o (loop $i (block $b (br_if $b (local.get 0)) (br $i)) (br $o)))",
  ),
  "loops in loops, each of few turns": `
    (func (export "run") (param i32) (local $i i32) (local $j i32)
      (loop $a
        (local.set $i (i32.const 0))
        (loop $b
          (local.set $j (i32.const 0))
          (loop $c (br_if $c (i32.lt_u (local.tee $j (i32.add (local.get $j) (i32.const 1))) (i32.const 3))))
          (br_if $b (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3))))
        (br $a)))`,
  "a loop of one long turn": run(`(loop $l ${longBody} (br $l))`),
  "a loop with as many locals as there may be": run(`${wideLocals} (loop $l (br $l))`),
  "a loop that calls a leaf": `(func $leaf) ${run("(loop $l (call $leaf) (br $l))")}`,
  "a loop that calls a long leaf": `(func $leaf (param i32) ${longBody}) ${run("(loop $l (call $leaf (local.get 0)) (br $l))")}`,
  "a loop that calls a short loop": `
    (func $some (local $i i32)
      (loop $l (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 10)))))
    ${run("(loop $l (call $some) (br $l))")}`,
  "a loop that calls through a table": `
    (type $t (func)) (table funcref (elem $leaf)) (func $leaf)
    ${run("(loop $l (call_indirect (type $t) (i32.const 0)) (br $l))")}`,
  "a tail call of itself": `(func $run (export "run") (param i32) (return_call $run (local.get 0)))`,
  "tail calls round about": `
    (func $a (export "run") (param i32) (return_call $b (local.get 0)))
    (func $b (param i32) (return_call $c (local.get 0)))
    (func $c (param i32) (if (local.get 0) (then (return_call $a (local.get 0))) (else (return_call $a (local.get 0)))))`,
  "a tail call through a table": `
    (type $t (func (param i32))) (table funcref (elem $run))
    (func $run (export "run") (type $t) (return_call_indirect (type $t) (local.get 0) (i32.const 0)))`,
  "a tail call in one arm only": `
    (func $run (export "run") (param i32)
      (if (i32.eqz (local.get 0)) (then (return)))
      (return_call $run (local.get 0)))`,
  "calls that double with each depth": `
    (func $f (param i32) (if (local.get 0) (then
      (call $f (i32.sub (local.get 0) (i32.const 1))) (call $f (i32.sub (local.get 0) (i32.const 1))))))
    ${run("(call $f (i32.const 60))")}`,
  "calls that double, in blocks that are left early": `
    (func $f (param i32)
      (block $b (br_if $b (i32.eqz (local.get 0)))
        (call $g (local.get 0)) (br_if $b (i32.const 0)) (call $g (local.get 0))))
    (func $g (param i32) (call $f (i32.sub (local.get 0) (i32.const 1))))
    ${run("(call $f (i32.const 60))")}`,
  "calls that double in a loop of two turns": `
    (func $f (param i32) (local $i i32)
      (if (local.get 0) (then
        (loop $l
          (call $f (i32.sub (local.get 0) (i32.const 1)))
          (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 2)))))))
    ${run("(call $f (i32.const 60))")}`,
  "calls that double through a table": `
    (type $t (func (param i32))) (table funcref (elem $f))
    (func $f (type $t) (if (local.get 0) (then
      (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))
      (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0)))))
    ${run("(call $f (i32.const 60))")}`,
  "calls that double in the handler of an exception": `
    (tag $e)
    (func $f (param i32)
      (if (local.get 0) (then
        (try (do (throw $e)) (catch_all
          (call $f (i32.sub (local.get 0) (i32.const 1))) (call $f (i32.sub (local.get 0) (i32.const 1))))))))
    ${run("(call $f (i32.const 60))")}`,
  "an exception thrown and caught round about": `
    (tag $e) ${run("(loop $l (try (do (throw $e)) (catch $e (br $l))) (br $l))")}`,
  "an exception from a call, caught round about": `
    (tag $e) (func $throw (throw $e)) ${run("(loop $l (try (do (call $throw)) (catch_all)) (br $l))")}`,
  "loops that an exception leaves before they have cost much": `
    (tag $e)
    (func $some (local $i i32)
      (loop $l (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 8))))
      (throw $e))
    ${run("(loop $l (try (do (call $some)) (catch_all)) (br $l))")}`,
  "a rethrown and delegated exception": `
    (tag $e)
    ${run("(loop $l (try $t (do (try (do (try (do (throw $e)) (delegate 0))) (catch_all (rethrow 0)))) (catch_all)) (br $l))")}`,
  "a large fill round about": `
    (memory 256) ${run("(loop $l (memory.fill (i32.const 0) (local.get 0) (i32.const 16777216)) (br $l))")}`,
  "a large copy round about": `
    (memory 256) ${run("(loop $l (memory.copy (i32.const 1) (i32.const 0) (i32.const 16777215)) (br $l))")}`,
  "a table filled round about": `
    (table 100000 funcref)
    ${run("(loop $l (table.fill (i32.const 0) (ref.null func) (i32.const 100000)) (br $l))")}`,
  "a table copied round about": `
    (table 100000 funcref)
    ${run("(loop $l (table.copy (i32.const 1) (i32.const 0) (i32.const 99999)) (br $l))")}`,
  "growth that fails round about": `
    (memory 1) (table 1 funcref)
    ${run("(loop $l (drop (memory.grow (i32.const 70000))) (drop (table.grow (ref.null func) (i32.const -1))) (br $l))")}`,
  "growth by nothing round about": `
    (memory 1) ${run("(loop $l (drop (memory.grow (i32.const 0))) (br $l))")}`,
  "divisions round about": run(
    "(local $x i64) (loop $l (local.set $x (i64.div_s (i64.const 9223372036854775807) (i64.const 3))) (br $l))",
  ),
  "square roots round about": run(
    "(local $x f64) (loop $l (local.set $x (f64.sqrt (f64.div (f64.const 3) (f64.const 7)))) (br $l))",
  ),
  "a host function called round about": `
    (import "host" "nothing" (func $nothing)) ${run("(loop $l (call $nothing) (br $l))")}`,
  "a loop behind code that never runs": run("(block $b (br $b) (loop $d (br $d))) (loop $l (br $l))"),
  "a loop in an arm that seldom runs": run(
    "(if (local.get 0) (then (loop $l (br $l))) (else (loop $m (br $m))))",
  ),
};

export async function endlessGuests(): Promise<EndlessGuest[]> {
  const wabt = await makeWabt();
  const features = { exceptions: true, tail_call: true, bulk_memory: true, reference_types: true };
  return Object.entries(sources).map(([name, source]) => {
    const module = wabt.parseWat("endless.wat", `(module ${source})`, features);
    return { name, bytes: new Uint8Array(module.toBinary({}).buffer) };
  });
}

function run(body: string): string {
  return `(func (export "run") (param i32) ${body})`;
}
