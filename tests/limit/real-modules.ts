/**
 * Large real modules, rewritten and put to work:
 *
 *     bun tests/limit/real-modules.ts [name of one driver]
 *
 * Installs the packages of `real-modules/packages.ts` into a temporary folder. Each driver runs twice, with the modules
 * as published and with limits, and must work out the same. Then every other `.wasm` file of those packages is
 * rewritten and validated. Ends with code 1 when anything differs. Needs the npm registry.
 */

import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { maxCompilerBytes } from "../../src/wasm/metering/function-complexity.ts";
import { limitModule } from "../../src/wasm/metering/limit-module.ts";
import { readOutline } from "../../src/wasm/binary/module-outline.ts";
import { wideCaps } from "./module-build.ts";
import type { DriveReport } from "./real-modules/drive.ts";
import { realPackages } from "./real-modules/packages.ts";

const driversFolder = new URL("real-modules/drivers/", import.meta.url).pathname;
const driveScript = new URL("real-modules/drive.ts", import.meta.url).pathname;
const bytesPerMiB = 2 ** 20;

/** Emscripten makes a tiny module for each JavaScript function it puts into a table. */
const glueModuleBytes = 1024;

const only = process.argv[2];
const folder = await mkdtemp(join(tmpdir(), "real-modules-"));
try {
  await install();
  const drivers = [...new Bun.Glob("*.mjs").scanSync(driversFolder)].sort();
  const wrong = await drive(only === undefined ? drivers : [`${only}.mjs`]);
  process.exitCode = wrong + (only === undefined ? await rewriteAll() : 0) === 0 ? 0 : 1;
} finally {
  await rm(folder, { recursive: true });
}

async function install(): Promise<void> {
  await Bun.write(
    join(folder, "package.json"),
    JSON.stringify({ type: "module", private: true, dependencies: realPackages }),
  );
  const child = Bun.spawn([process.execPath, "install", "--ignore-scripts", "--silent"], {
    cwd: folder,
    stdout: "inherit",
    stderr: "inherit",
  });
  if ((await child.exited) !== 0) {
    throw new Error("the packages could not be installed");
  }
  await cp(driversFolder, folder, { recursive: true });
}

async function drive(drivers: readonly string[]): Promise<number> {
  const rows: object[] = [];
  let wrong = 0;
  for (const driver of drivers) {
    const plain = await driven(driver, "plain");
    const limited = await driven(driver, "limited");
    const same = typeof plain !== "string" && typeof limited !== "string" && plain.result === limited.result;
    wrong += same ? 0 : 1;
    rows.push({
      driver: driver.replace(/\.mjs$/, ""),
      ...driveRow(plain, limited),
      verdict: same ? "same" : "DIFFERS",
    });
    if (!same) {
      console.error(`${driver}:\n  plain:   ${shortened(plain)}\n  limited: ${shortened(limited)}`);
    }
  }
  console.log("Packages at work, with their modules as published and with limits");
  console.table(rows);
  return wrong;
}

/** A text when the driver failed. */
async function driven(driver: string, mode: "plain" | "limited"): Promise<DriveReport | string> {
  const child = Bun.spawn([process.execPath, driveScript, join(folder, driver), mode], {
    cwd: folder,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [output, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  const code = await child.exited;
  const line = output.trimEnd().split("\n").at(-1) ?? "";
  return code === 0 ? (JSON.parse(line) as DriveReport) : `ended with code ${code}: ${errors.slice(-2000)}`;
}

function driveRow(plain: DriveReport | string, limited: DriveReport | string): object {
  if (typeof plain === "string" || typeof limited === "string") {
    return {};
  }
  const modules = limited.modules.filter(({ bytes }) => bytes >= glueModuleBytes);
  const sum = (pick: (module: DriveReport["modules"][number]) => number): number =>
    modules.reduce((total, module) => total + pick(module), 0);
  return {
    modules: modules.length,
    MiB: mebibytes(sum(({ bytes }) => bytes)),
    "limited MiB": mebibytes(sum(({ limitedBytes }) => limitedBytes)),
    "rewrite ms": Math.round(sum(({ limitMs }) => limitMs)),
    "compile ms": Math.round(sum(({ compileMs }) => compileMs)),
    "plain ms": Math.round(plain.wallMs),
    "limited ms": Math.round(limited.wallMs),
  };
}

function shortened(report: DriveReport | string): string {
  return (typeof report === "string" ? report : report.result).slice(0, 2000);
}

/** Compares the time of the rewrite with the time the engine takes to compile the module as it is. */
async function rewriteAll(): Promise<number> {
  const rows: object[] = [];
  let wrong = 0;
  for (const path of [...new Bun.Glob("node_modules/**/*.wasm").scanSync(folder)].sort()) {
    const bytes = await Bun.file(join(folder, path)).bytes();
    if (bytes.byteLength < bytesPerMiB) {
      continue;
    }
    const row = rewritten(bytes);
    wrong += row["verdict"] === "valid" || row["verdict"] === "refused by the engine" ? 0 : 1;
    rows.push({ module: path.replace("node_modules/", ""), ...row });
  }
  console.log("Every module of these packages from 1 MiB on");
  console.table(rows);
  return wrong;
}

function rewritten(bytes: Uint8Array<ArrayBuffer>): Record<string, string | number> {
  const sizes = { MiB: mebibytes(bytes.byteLength) };
  const compileStarted = performance.now();
  if (!isAccepted(bytes)) {
    return { ...sizes, verdict: "refused by the engine" };
  }
  const compileMs = performance.now() - compileStarted;
  try {
    const started = performance.now();
    const limited = limitModule(readOutline(bytes), { ...wideCaps, fuelPerSlice: 100_000 });
    const limitMs = performance.now() - started;
    return {
      ...sizes,
      "limited MiB": mebibytes(limited.bytes.byteLength),
      growth: `${((limited.bytes.byteLength / bytes.byteLength - 1) * 100).toFixed(1)} %`,
      "compile ms": Math.round(compileMs),
      "rewrite ms": Math.round(limitMs),
      "rewrite / compile": (limitMs / compileMs).toFixed(2),
      "of the complexity budget": `${((limited.compilerBytes / maxCompilerBytes) * 100).toFixed(1)} %`,
      verdict: isAccepted(limited.bytes) ? "valid" : "NOT VALID",
    };
  } catch (error) {
    return { ...sizes, verdict: String(error) };
  }
}

function isAccepted(bytes: Uint8Array<ArrayBuffer>): boolean {
  try {
    return new WebAssembly.Module(bytes) instanceof WebAssembly.Module;
  } catch {
    return false;
  }
}

function mebibytes(bytes: number): string {
  return (bytes / bytesPerMiB).toFixed(2);
}
