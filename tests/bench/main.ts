/**
 * `bun run bench`: measures the agent as README.md in this folder describes, prints tables, charts and the bars, and
 * writes every run to a JSON file. Ends with status 1 when a bar was missed or could not be measured.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Bar, type Bench, barIsMet, type Failure, LOG_FOLDER, type Scenario } from "./bench.ts";
import { buildGuestModules } from "./guest-modules.ts";
import { findLoadgen } from "./loadgen/build.ts";
import { type BenchCommand, HELP, readBenchCommand, UsageError } from "./options.ts";
import { barLine } from "./report/bar-lines.ts";
import { latencyChart } from "./report/latency-chart.ts";
import { describeMachine } from "./report/machine.ts";
import { textTable } from "./report/text-table.ts";
import { SCENARIOS } from "./scenarios/scenario-list.ts";
import { commandSubject } from "./subject.ts";

const BUSY_LOAD = 0.5;

function progress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
}

function chosenScenarios({ scenarios }: BenchCommand): Scenario[] {
  const known = SCENARIOS.map(({ name }) => name);
  const unknown = scenarios.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`--scenario ${unknown}: expected one of ${known.join(", ")}`);
  }
  return SCENARIOS.filter(({ name }) => scenarios.length === 0 || scenarios.includes(name));
}

/** Variants that failed, together where the reason is the same; a reason that was told before is not told again. */
function printFailures(failures: readonly Failure[], said: Set<string>): void {
  for (const [reason, group] of Map.groupBy(failures, (failure) => failure.reason)) {
    const variants = group.map(({ variant }) => variant).join("; ");
    console.log(
      `failed: ${variants}\n  ${said.has(reason) ? "as above" : reason.replaceAll("\n", "\n  ")}\n`,
    );
    said.add(reason);
  }
}

async function measure(command: BenchCommand, scenarios: readonly Scenario[]): Promise<boolean> {
  const machine = describeMachine();
  const responder = join(import.meta.dir, "trivial-responder.ts");
  const bench: Bench = {
    options: command.options,
    loadgen: findLoadgen(),
    logFolder: LOG_FOLDER,
    guests: await buildGuestModules(),
    agent: command.agent,
    trivial: commandSubject("trivial responder", `"${process.execPath}" "${responder}" --socket {socket}`),
    seed: command.seed,
    others: command.others,
    progress,
  };
  console.log(
    `${machine.processor}, ${machine.processors} processors, kernel ${machine.kernel}, Bun ${machine.bun}`,
  );
  console.log(`agent: ${command.agentCommand}`);
  console.log(`${command.options.rounds} rounds of ${command.options.seconds} s, medians\n`);
  if (machine.loadAverage > BUSY_LOAD) {
    console.log(
      `The machine is busy (load average ${machine.loadAverage.toFixed(1)}): trust ratios at most.\n`,
    );
  }

  const allBars: Bar[] = [];
  const saidReasons = new Set<string>();
  const results: Record<string, unknown> = {};
  for (const scenario of scenarios) {
    const result = await scenario.run(bench);
    progress("");
    console.log(`== ${scenario.name}: ${scenario.title}\n`);
    for (const table of result.tables) console.log(`${textTable(table)}\n`);
    for (const chart of result.charts) console.log(`${latencyChart(chart)}\n`);
    for (const note of result.notes) console.log(`note: ${note}\n`);
    printFailures(result.failures, saidReasons);
    allBars.push(...result.bars);
    results[scenario.name] = {
      title: scenario.title,
      bars: result.bars,
      notes: result.notes,
      runs: result.runs,
    };
  }

  console.log("== bars\n");
  for (const bar of allBars) console.log(barLine(bar));
  mkdirSync(dirname(command.jsonPath), { recursive: true });
  const { options, agentCommand } = command;
  writeFileSync(
    command.jsonPath,
    `${JSON.stringify({ measuredAt: new Date().toISOString(), machine, options, agentCommand, results })}\n`,
  );
  console.log(`\nEvery run: ${command.jsonPath}`);
  return allBars.every((bar) => barIsMet(bar) === true);
}

try {
  const command = readBenchCommand(process.argv.slice(2), process.env);
  if (command.help) {
    console.log(HELP);
  } else if (command.list) {
    for (const { name, title } of SCENARIOS) console.log(`${name.padEnd(12)} ${title}`);
  } else {
    process.exitCode = (await measure(command, chosenScenarios(command))) ? 0 : 1;
  }
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`bench: ${error.message}\n\n${HELP}`);
  process.exitCode = 2;
}
