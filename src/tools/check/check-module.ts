/**
 * Looks a module over as its author would want it: everything that is wrong at once, not the first thing alone, and what
 * to do about each. Nothing of it is guessed: what can be tried is tried.
 */

import type { ModuleSurface } from "../../abi/contract.ts";
import { chooseAbi, defaultMaxMemory } from "../../abi/guest-recipe.ts";
import { readExportTypes } from "../../wasm/export-types.ts";
import { type ModuleOutline, readOutline } from "../../wasm/metering/module-outline.ts";
import { ModuleError } from "../../wasm/module-error.ts";
import type { GuestSettings } from "../guest-settings.ts";
import { checkBehaviour } from "./check-behaviour.ts";
import { checkCode } from "./check-code.ts";
import { checkExports } from "./check-exports.ts";
import { checkFilterExports, checkFilterImports, checkFilterStart } from "./check-filter.ts";
import { checkImports } from "./check-imports.ts";
import { checkMemory } from "./check-memory.ts";
import { checkStart } from "./check-start.ts";
import type { Finding } from "./finding.ts";

export interface ModuleReport {
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  readonly sizeBytes: number;
  /** True without any error among the findings. */
  readonly canBeServed: boolean;
  readonly findings: readonly Finding[];
}

/** @param configJson what a proxy would configure the module with; null for nothing */
export async function checkModule(
  bytes: Uint8Array<ArrayBuffer>,
  settings: GuestSettings,
  configJson: string | null,
): Promise<ModuleReport> {
  const findings = await findingsOf(bytes, settings, configJson);
  return {
    sha256: new Bun.CryptoHasher("sha256").update(bytes).digest("hex"),
    sizeBytes: bytes.length,
    canBeServed: findings.every(({ level }) => level !== "error"),
    findings,
  };
}

async function findingsOf(
  bytes: Uint8Array<ArrayBuffer>,
  settings: GuestSettings,
  configJson: string | null,
): Promise<readonly Finding[]> {
  let outline: ModuleOutline;
  let module: WebAssembly.Module;
  try {
    outline = readOutline(bytes);
    module = await WebAssembly.compile(bytes);
  } catch (error) {
    return [unusableFile(error)];
  }
  const exportTypes = readExportTypes(bytes);
  const imports = WebAssembly.Module.imports(module);
  const findings = [
    ...checkSurface({ exportTypes, imports }, outline, settings.abi),
    ...checkMemory(outline, settings.maxMemoryBytes ?? defaultMaxMemory(bytes, settings.abi)),
    ...checkCode(outline),
  ];
  // A module without its exports, say, has no behaviour to look at.
  if (findings.some(({ level }) => level === "error")) return findings;
  return [...findings, ...(await checkBehaviour(bytes, settings, configJson))];
}

/** Exports, imports and start, as the module's ABI wants them. */
function checkSurface(
  surface: ModuleSurface,
  outline: ModuleOutline,
  wanted: GuestSettings["abi"],
): readonly Finding[] {
  const { exportTypes, imports } = surface;
  const { name } = chooseAbi(surface, wanted);
  switch (name) {
    case "json":
      return [...checkExports(exportTypes), ...checkImports(imports), ...checkStart(exportTypes, outline)];
    case "proxy-wasm":
      return [
        ...checkFilterExports(exportTypes),
        ...checkFilterImports(imports),
        ...checkFilterStart(exportTypes),
      ];
    // What these lack shows when an instance is made of them.
    case "http-wasm":
    case "opa":
      return [];
    default:
      return name satisfies never;
  }
}

function unusableFile(error: unknown): Finding {
  const finding = { area: "file", subject: "format", level: "error" } as const;
  if (error instanceof ModuleError) return { ...finding, message: error.message, advice: null };
  if (error instanceof WebAssembly.CompileError) {
    return {
      ...finding,
      message: `the engine refuses the module: ${error.message}`,
      advice: "build it again with a current toolchain, or check that the file is complete",
    };
  }
  throw error;
}
