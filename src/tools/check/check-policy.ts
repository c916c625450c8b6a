/** What a policy of OPA has instead of the contract's exports: entrypoints, built-in functions that it calls, and data. */

import { inspectPolicy } from "../../abi/opa/opa-abi.ts";
import { loadBuiltins } from "../../abi/opa/builtins/registry.ts";
import type { OpaOptions, PolicyBundle } from "../../abi/opa/opa-options.ts";
import type { LoadedModule } from "../../wasm/load-module.ts";
import { showBytes } from "../show-bytes.ts";
import { type Finding, findingsAbout } from "./finding.ts";

const exportFinding = findingsAbout("exports");
const importFinding = findingsAbout("imports");

/** @throws ModuleError when the policy says nothing usable of itself */
export async function checkPolicy(
  loaded: LoadedModule,
  bundle: PolicyBundle | null,
  { dataJson }: OpaOptions,
): Promise<readonly Finding[]> {
  const { entrypointIds, builtinIds } = inspectPolicy(loaded);
  return [
    exportFinding("ok", "entrypoints", [...entrypointIds.keys()].join(", ")),
    checkData(bundle?.dataJson ?? null, dataJson),
    ...(await checkBuiltins([...builtinIds.keys()])),
  ];
}

function checkData(bundled: string | null, given: string | null): Finding {
  const sources = [
    ...(bundled === null ? [] : [`${showBytes(bundled.length)} in the bundle`]),
    ...(given === null ? [] : [`${showBytes(given.length)} by --data`]),
  ];
  return exportFinding("ok", "data", sources.length === 0 ? "none" : sources.join(", "));
}

async function checkBuiltins(names: readonly string[]): Promise<readonly Finding[]> {
  if (names.length === 0) return [importFinding("ok", "built-in functions", "none")];
  const functions = await loadBuiltins(names);
  const missing = names.filter((_, i) => functions[i] === undefined);
  const given = names.filter((_, i) => functions[i] !== undefined);
  return [
    ...(given.length === 0 ? [] : [importFinding("ok", "built-in functions", given.join(", "))]),
    ...missing.map((name) =>
      importFinding("error", name, "a built-in function that this agent does not have", MISSING_ADVICE),
    ),
  ];
}

const MISSING_ADVICE =
  "docs/opa-wasm.md lists those it has; hand over as data what comes from the world outside";
