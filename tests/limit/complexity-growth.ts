/**
 * Measures what the engine's compilers take for small modules of many shapes, each in a process of its own, and sets it
 * against what `function-complexity.ts` estimates. For whoever changes its weights, or the version of the engine.
 *
 *     bun tests/limit/complexity-growth.ts [--most-mb 1500] [--seconds 3]
 *
 * One count grows at a time, by halves, until the estimate is above `--most-mb`; so modules that are refused are measured,
 * too. Takes some minutes, and as much memory as it says.
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { FunctionComplexity } from "../../src/wasm/metering/function-complexity.ts";
import { limitModule } from "../../src/wasm/metering/limit-module.ts";
import { readOutline } from "../../src/wasm/binary/module-outline.ts";
import { COMPLEX_SHAPES } from "../support/complex-modules.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { wideCaps } from "./module-build.ts";

const MIB = 2 ** 20;
const STEPS: readonly [count: number, factor: number][] = [
  [10, 10],
  [300, 300],
  [450, 450],
  [700, 700],
  [1000, 1000],
];
const RUNNER = join(import.meta.dir, "complexity-run.ts");

const { values } = parseArgs({
  options: { "most-mb": { type: "string", default: "1500" }, seconds: { type: "string", default: "3" } },
});
const mostBytes = Number(values["most-mb"]) * MIB;

using folder = temporaryFolder();
for (const { what, make } of COMPLEX_SHAPES) {
  console.log(what);
  let base = 0;
  for (const [count, factor] of STEPS) {
    const bytes = make(count, factor);
    const estimate = estimateOf(bytes);
    if (estimate > mostBytes) break;
    const path = folder.file("module.wasm");
    await Bun.write(path, bytes);
    const run = Bun.spawnSync([process.execPath, RUNNER, path, values.seconds]);
    if (!run.success) throw new Error(run.stderr.toString());
    const { peakBytes, longestMs } = JSON.parse(run.stdout.toString()) as Record<string, number>;
    if (base === 0) base = peakBytes!;
    const cells = [
      `${count} x ${factor}`.padStart(12),
      `${bytes.length} bytes`.padStart(13),
      `estimated ${(estimate / MIB).toFixed(0)} MiB`.padStart(20),
      `took ${((peakBytes! - base) / MIB).toFixed(0)} MiB`.padStart(15),
      `longest call ${longestMs!.toFixed(0)} ms`,
    ];
    console.log(cells.join("  "));
  }
}

/** Of the largest function, also of a module that is refused. */
function estimateOf(bytes: Uint8Array<ArrayBuffer>): number {
  const estimates: number[] = [];
  const { prototype } = FunctionComplexity;
  const getter = Object.getOwnPropertyDescriptor(prototype, "optimisedBytes")!;
  Object.defineProperty(prototype, "optimisedBytes", {
    configurable: true,
    get(this: FunctionComplexity) {
      const estimate = getter.get!.call(this) as number;
      estimates.push(estimate, this.compiledBytes);
      return estimate;
    },
  });
  try {
    limitModule(readOutline(bytes), { ...wideCaps, fuelPerSlice: 100_000 });
  } catch {
    // Refused; its estimate was noted.
  } finally {
    Object.defineProperty(prototype, "optimisedBytes", getter);
  }
  return Math.max(...estimates);
}
