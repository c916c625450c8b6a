/**
 * The long run: new random modules, each compared with and without limits, then damaged and offered again.
 *
 *     bun tests/limit/long-run.ts [count = 20000] [first = 100000]
 *
 * Needs a Rust toolchain for the generator. Finds are kept in `tests/regressions/limit/`. Modules run in a child
 * process, because one that the rewrite fails to stop would run for ever; it is then kept like any other find.
 */

import { compareModule, type ModuleComparison } from "./differential.ts";
import { hostileOutcome } from "./hostile-bytes.ts";
import { keepFind } from "./kept-finds.ts";
import { buildTools, hasRustToolchain, isStrictlyValid, randomModules } from "./module-tools.ts";
import { mutated } from "./mutation.ts";

/** One line of the child's output. */
interface ModuleReport {
  readonly number: number;
  readonly kind: ModuleComparison["kind"] | "deadly";
  readonly steps: number;
  readonly slowestFuelMs: number;
  readonly finds: number;
}

const batchSize = 250;
const mutationsPerModule = 10;
const silenceMs = 60_000;

/** More of them would tell no more. */
const maxFinds = 50;

const [mode, ...numbers] =
  process.argv[2] === "batch" ? process.argv.slice(2) : ["run", ...process.argv.slice(2)];
if (mode === "batch") {
  await runBatch(Number(numbers[0]), Number(numbers[1]));
} else {
  process.exit(await runAll(Number(numbers[0] ?? 20_000), Number(numbers[1] ?? 100_000)));
}

async function runAll(count: number, first: number): Promise<number> {
  if (!hasRustToolchain()) {
    console.error("The long run needs cargo, which was not found: install a Rust toolchain.");
    return 2;
  }
  await buildTools();
  const kinds = new Map<ModuleReport["kind"], number>();
  let [finds, steps] = [0, 0];
  let slowest: ModuleReport | undefined;
  let next = first;
  while (next < first + count && finds < maxFinds) {
    const batchEnd = Math.min(next + batchSize, first + count);
    for await (const report of batchReports(next, batchEnd - next)) {
      kinds.set(report.kind, (kinds.get(report.kind) ?? 0) + 1);
      steps += report.steps;
      if (report.slowestFuelMs > (slowest?.slowestFuelMs ?? 0)) {
        slowest = report;
      }
      finds += report.finds;
      next = report.number + 1;
    }
    console.log(
      `${next - first} of ${count}: ${[...kinds].map(([kind, many]) => `${many} ${kind}`).join(", ")}; ${steps} calls; finds ${finds}`,
    );
  }
  console.log(
    `The fuel of one call lasted at most ${slowest?.slowestFuelMs.toFixed(1)} ms, in module ${slowest?.number}.`,
  );
  return finds === 0 ? 0 : 1;
}

/** Ends early, after a report of its own, when a module hangs or crashes the child. */
async function* batchReports(first: number, count: number): AsyncGenerator<ModuleReport> {
  const command = [process.execPath, import.meta.path, "batch", String(first), String(count)];
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit" });
  let watchdog = setTimeout(() => child.kill("SIGKILL"), silenceMs);
  let next = first;
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of child.stdout) {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => child.kill("SIGKILL"), silenceMs);
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const report: ModuleReport = JSON.parse(line);
      next = report.number + 1;
      yield report;
    }
  }
  const code = await child.exited;
  clearTimeout(watchdog);
  if (child.signalCode !== null) {
    const [module] = await randomModules(next, 1);
    await keepFind(`deadly-${next}`, module!.bytes, module!);
    console.error(`module ${next} hung or crashed the process: ${child.signalCode}`);
    yield { number: next, kind: "deadly", steps: 0, slowestFuelMs: 0, finds: 1 };
  } else if (code !== 0) {
    throw new Error(`the batch from ${first} on ended with code ${code}: the tests themselves are broken`);
  }
}

async function runBatch(first: number, count: number): Promise<void> {
  for (const module of await randomModules(first, count)) {
    const { number, bytes } = module;
    let finds = 0;
    const { kind, steps, slowestFuelMs, differences } = compareModule(module);
    if (differences.length > 0) {
      finds += 1;
      console.error(`module ${number}: ${differences.join("\n  ")}`);
      await keepFind(`random-${number}`, bytes, module);
    }
    for (let seed = 0; seed < mutationsPerModule; seed += 1) {
      const damaged = mutated(bytes, number * mutationsPerModule + seed);
      const { verdict, refusal, difference } = hostileOutcome(damaged);
      const wrongRefusal = verdict === "refused-alone" && (await isStrictlyValid(damaged));
      if (difference !== "" || wrongRefusal) {
        finds += 1;
        console.error(`module ${number}, mutation ${seed}: ${difference}${refusal}`);
        await keepFind(`damaged-${number}-${seed}`, damaged);
      }
    }
    const report: ModuleReport = { number, kind, steps, slowestFuelMs, finds };
    process.stdout.write(`${JSON.stringify(report)}\n`);
  }
}
