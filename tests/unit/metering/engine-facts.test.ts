/**
 * What the rewrite takes for granted about JavaScriptCore. When a new version of the engine changes one of these, the
 * limits still hold, but reasons given in the code or in RATIONALE.md no longer do.
 */

import { expect, test } from "bun:test";
import { limitModule } from "../../../src/wasm/metering/limit-module.ts";
import { readOutline } from "../../../src/wasm/binary/module-outline.ts";
import { assemble, thrownBy, usualLimits } from "./limited-guest.ts";

type Run = Record<string, () => number>;

function run(text: string, imports: Bun.WebAssembly.Imports = {}): Run {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(assemble(text)), imports);
  return exports as unknown as Run;
}

const catching = `(func (export "run") (result i32)
  (try (result i32) (do (call $inner) (i32.const 0)) (catch_all (i32.const 1))))`;

test("a guest catches exceptions of the host", () => {
  const host = {
    inner: () => {
      throw new Error("of the host");
    },
  };
  expect(run(`(module (import "host" "inner" (func $inner)) ${catching})`, { host }).run?.()).toBe(1);
});

test("a guest does not catch a trap", () => {
  const { run: call } = run(`(module (func $inner (unreachable)) ${catching})`);
  expect(thrownBy(() => call?.())).toBeInstanceOf(WebAssembly.RuntimeError);
});

test("a guest does not catch the overflow of its stack", () => {
  const { run: call } = run(`(module (func $inner (call $inner)) ${catching})`);
  expect(thrownBy(() => call?.())).toBeInstanceOf(RangeError);
});

/**
 * The optimiser's own listing marks branches it takes for rare. With an import before the function, its number among
 * those with code and its index differ: only the number may have the effect.
 */
test("the optimiser finds branch hints by the number of the function among those with code", async () => {
  const text = `(module (import "host" "f" (func)) (import "host" "f" (func)) (memory 1)
    (func (export "run") (param $n i32) (local $i i32)
      (loop $l (if (i32.load (local.get $n)) (then (i32.store (i32.const 64) (local.get $i)) (br $l)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get $i) (i32.const 1000))))))`;
  const { bytes } = limitModule(readOutline(assemble(text)), usualLimits);
  const hint = Buffer.from(bytes).indexOf("branch_hint") + "branch_hint".length;
  const moved = bytes.slice();
  moved[hint + 1]! += 3;
  expect([await rareBranches(bytes), await rareBranches(moved)]).toEqual([true, false]);
}, 30_000);

async function rareBranches(bytes: Uint8Array): Promise<boolean> {
  const script = `const bytes = Buffer.from("${Buffer.from(bytes).toString("base64")}", "base64");
    const f = () => 1_000_000;
    const module = new WebAssembly.Module(bytes);
    const imports = {};
    for (const { module: from, name } of WebAssembly.Module.imports(module)) (imports[from] ??= {})[name] = f;
    const { run } = new WebAssembly.Instance(module, imports).exports;
    for (let i = 0; i < 3000; i++) run(0);`;
  const child = Bun.spawn([process.execPath, "-e", script], {
    env: {
      ...process.env,
      BUN_JSC_dumpAirGraphAtEachPhase: "1",
      BUN_JSC_useConcurrentJIT: "0",
      BUN_JSC_useDFGJIT: "0",
    },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, error] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return /Rare:/.test(out + error);
}
