/** How a module wants to be started, and what of that happens here. */

import type { ExportType } from "../../wasm/binary/export-types.ts";
import { type ModuleOutline, sectionId } from "../../wasm/binary/module-outline.ts";
import { type Finding, findingsAbout } from "./finding.ts";

const finding = findingsAbout("start");

const START_TYPE = "() -> ()";

const REACTOR_ADVICE =
  "build a library that exports `_initialize` instead (Rust: crate-type cdylib; Go: -buildmode=c-shared; " +
  "C and C++: -mexec-model=reactor; Zig: -fno-entry; AssemblyScript: no --exportStart)";

export function checkStart(
  types: ReadonlyMap<string, ExportType>,
  outline: ModuleOutline,
): readonly Finding[] {
  const initialize = types.get("_initialize");
  const findings: Finding[] = [];
  if (outline.sections.some(({ id }) => id === sectionId.start)) {
    findings.push(finding("ok", "start section", "runs once for each instance"));
  }
  if (initialize !== undefined) findings.push(checkInitialize(initialize));
  if (types.get("_start")?.kind === "function") findings.push(commandStyle(initialize !== undefined));
  return findings.length === 0
    ? [finding("ok", "start", "nothing has to run before the first call")]
    : findings;
}

function checkInitialize(type: ExportType): Finding {
  if (type.kind === "function" && type.signature === START_TYPE) {
    return finding("ok", "_initialize", "called once for each instance");
  }
  const shown = type.kind === "function" ? type.signature : `a ${type.kind}`;
  return finding(
    "warning",
    "_initialize",
    `is ${shown} instead of ${START_TYPE}`,
    "give it that type, or another name if it is not meant to start the module",
  );
}

function commandStyle(hasInitialize: boolean): Finding {
  if (hasInitialize) return finding("note", "_start", "never called; `_initialize` is");
  return finding(
    "warning",
    "_start",
    "the module is built as a command: `_start` is never called, so what its runtime sets up there is missing",
    REACTOR_ADVICE,
  );
}
