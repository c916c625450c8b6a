/**
 * Looks a module over as its author would want it: everything that is wrong at once, not the first thing alone, and what
 * to do about each. Nothing of it is guessed: what can be tried is tried.
 */

import { chooseAbi, defaultMaxMemory } from "../../abi/guest-recipe.ts";
import type { PolicyBundle } from "../../abi/opa/opa-options.ts";
import { unpackBundle } from "../../abi/opa/policy-bundle.ts";
import type { GuestConfig } from "../../agent/guest-config.ts";
import { readPolicyOptions } from "../../agent/policy-settings.ts";
import { type LoadedModule, loadModule } from "../../wasm/load-module.ts";
import { type ModuleOutline, readOutline } from "../../wasm/binary/module-outline.ts";
import { ModuleError } from "../../wasm/module-error.ts";
import type { GuestSettings } from "../guest-settings.ts";
import { checkBehaviour } from "./check-behaviour.ts";
import { checkCode } from "./check-code.ts";
import { checkExports } from "./check-exports.ts";
import { checkFilterExports, checkFilterImports, checkFilterStart } from "./check-filter.ts";
import { checkImports } from "./check-imports.ts";
import { checkMemory } from "./check-memory.ts";
import { checkPolicy } from "./check-policy.ts";
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

/** @param config what the module is configured with, as `BenchGuest.open` says */
export async function checkModule(
  bytes: Uint8Array<ArrayBuffer>,
  settings: GuestSettings,
  config: GuestConfig | string | null,
): Promise<ModuleReport> {
  const findings = await findingsOf(bytes, settings, config);
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
  config: GuestConfig | string | null,
): Promise<readonly Finding[]> {
  let outline: ModuleOutline;
  let ofContract: readonly Finding[];
  let moduleBytes: Uint8Array<ArrayBuffer>;
  try {
    const unpacked = await unpackBundle(bytes);
    moduleBytes = unpacked.moduleBytes;
    outline = readOutline(moduleBytes);
    ofContract = await checkContract(await loadModule(moduleBytes, null), unpacked.bundle, outline, settings);
  } catch (error) {
    return [unusableFile(error)];
  }
  const findings = [
    ...ofContract,
    ...checkMemory(outline, settings.maxMemoryBytes ?? defaultMaxMemory(moduleBytes, settings.abi)),
    ...checkCode(outline),
  ];
  // A module without its exports, say, has no behaviour to look at.
  if (findings.some(({ level }) => level === "error")) return findings;
  return [...findings, ...(await checkBehaviour(bytes, settings, config))];
}

/** Exports, imports and start, as the module's ABI wants them. */
async function checkContract(
  loaded: LoadedModule,
  bundle: PolicyBundle | null,
  outline: ModuleOutline,
  settings: GuestSettings,
): Promise<readonly Finding[]> {
  const { exportTypes, imports } = loaded;
  const { name } = chooseAbi(loaded, settings.abi);
  switch (name) {
    case "json":
      return [...checkExports(exportTypes), ...checkImports(imports), ...checkStart(exportTypes, outline)];
    case "proxy-wasm":
      return [
        ...checkFilterExports(exportTypes),
        ...checkFilterImports(imports),
        ...checkFilterStart(exportTypes),
      ];
    case "opa":
      return checkPolicy(loaded, bundle, await readPolicyOptions(settings, settings.events));
    case "http-wasm":
      // What it lacks shows when an instance is made of it.
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
