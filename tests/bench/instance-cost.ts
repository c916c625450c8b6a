/**
 * What a fresh instance costs when the engine keeps eight guarded memories, as it does by itself, more, or none
 * (src/agent/cheap-instances.ts): the making, and its first event, which finds cold memory. Each figure comes from a process of its own.
 *
 *     bun tests/bench/instance-cost.ts [--instances 1000]
 */

import { parseArgs } from "node:util";
import { guestLimits } from "../../src/abi/guest-recipe.ts";
import { prepareStateless } from "../support/prepare-stateless.ts";
import type { HeadersEvent } from "../../src/event/event.ts";
import { decodeEvent } from "../../src/protocol/event-decoder.ts";
import { LineRate } from "../../src/wasm/imports/line-rate.ts";
import { readModuleFile } from "../../src/wasm/load-module.ts";
import { guestPath } from "../guests/guest-path.ts";
import { type ExampleLanguage, examplePolicy } from "../support/example-modules.ts";
import { silentLog } from "../support/silent-log.ts";
import { SAMPLE_V1_JSON } from "./micro/samples.ts";
import { textTable } from "./report/text-table.ts";

const MEMORIES = {
  "8 guarded": {},
  "128 guarded": { BUN_JSC_maxNumWasmFastMemories: "128" },
  "checked by instructions": { BUN_JSC_useWasmFaultSignalHandler: "0" },
} as const;
const MAX_MEMORY_BYTES = 64 * 1024 * 1024;
const TIMEOUT_MS = 5000;
/** The event loop turns, as it does between requests, and lets the engine collect garbage. */
const INSTANCES_PER_TURN = 10;
const LANGUAGES: readonly ExampleLanguage[] = ["c", "zig", "rust", "assemblyscript", "go"];

interface Cost {
  readonly makeMedianUs: number;
  readonly makeP90Us: number;
  readonly firstEventMedianUs: number;
  /** Processor time, collection of garbage included. */
  readonly cpuUs: number;
}

const { values } = parseArgs({
  options: { instances: { type: "string", default: "1000" }, only: { type: "string" } },
});

if (values.only === undefined) await measureAll();
else console.log(JSON.stringify(await measure(values.only)));

async function measureAll(): Promise<void> {
  const modules: readonly (readonly [string, string])[] = [
    ["counter (2 pages)", guestPath("counter")],
    ...LANGUAGES.map((language) => [language, examplePolicy(language)] as const),
  ];
  const rows: string[][] = [];
  for (const [name, path] of modules) {
    for (const [memory, env] of Object.entries(MEMORIES)) {
      const cost = await inItsOwnProcess(path, env);
      rows.push([
        name,
        memory,
        cost.makeMedianUs.toFixed(1),
        cost.makeP90Us.toFixed(1),
        cost.firstEventMedianUs.toFixed(1),
        cost.cpuUs.toFixed(0),
      ]);
    }
  }
  const columns = ["module", "memory", "make, median", "p90", "first event", "CPU for both, mean"];
  console.log(textTable({ title: "A fresh instance, µs", columns, rows }));
}

async function inItsOwnProcess(path: string, env: Readonly<Record<string, string>>): Promise<Cost> {
  const command = [process.execPath, import.meta.path, "--only", path, "--instances", values.instances];
  const child = Bun.spawn(command, {
    env: { ...process.env, ...env },
    stdout: "pipe",
    stderr: "inherit",
  });
  const output = await child.stdout.text();
  if ((await child.exited) !== 0) throw new Error(`${path} could not be measured`);
  return JSON.parse(output) as Cost;
}

async function measure(path: string): Promise<Cost> {
  const { factory } = await prepareStateless({
    moduleBytes: await readModuleFile(path),
    limits: guestLimits(MAX_MEMORY_BYTES),
    abi: { abi: "json", canonicalHeaderCase: false },
  });
  const event = decodeEvent("request-headers", JSON.parse(SAMPLE_V1_JSON).payload) as HeadersEvent;
  const count = Number(values.instances);
  const makeUs: number[] = [];
  const firstEventUs: number[] = [];
  const cpuBefore = process.cpuUsage();
  for (let i = 0; i < count; i++) {
    const startedAt = Bun.nanoseconds();
    const instance = factory.instantiate({
      slot: 0,
      log: silentLog(),
      startTimeoutMs: TIMEOUT_MS,
      isMuted: true,
      lineRate: new LineRate(),
      reportedFunctions: new Set(),
    });
    const madeAt = Bun.nanoseconds();
    instance.call(event, TIMEOUT_MS);
    makeUs.push((madeAt - startedAt) / 1000);
    firstEventUs.push((Bun.nanoseconds() - madeAt) / 1000);
    if (i % INSTANCES_PER_TURN === 0) await Bun.sleep(0);
  }
  const cpu = process.cpuUsage(cpuBefore);
  return {
    makeMedianUs: quantile(makeUs, 0.5),
    makeP90Us: quantile(makeUs, 0.9),
    firstEventMedianUs: quantile(firstEventUs, 0.5),
    cpuUs: (cpu.user + cpu.system) / count,
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
}
