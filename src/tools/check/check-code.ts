/** What a module is made of: its size, the features it uses, and whether its functions still have names. */

import { type ModuleOutline, sectionId } from "../../wasm/binary/module-outline.ts";
import { showBytes } from "../show-bytes.ts";
import { type Feature, scanFeatures } from "./feature-scan.ts";
import { type Finding, findingsAbout } from "./finding.ts";

const finding = findingsAbout("code");

/** Loading, and reloading, takes about a millisecond for each of these. */
const LARGE_BYTES = 8 * 1024 * 1024;
const DEBUG_PREFIX = ".debug_";

export function checkCode(outline: ModuleOutline): readonly Finding[] {
  const features = scanFeatures(outline);
  return [
    checkSize(outline),
    finding("ok", "features", features.length === 0 ? "those of the first version" : features.join(", ")),
    ...features.flatMap(featureWarning),
    checkNames(outline),
  ];
}

function checkSize(outline: ModuleOutline): Finding {
  const { bytes, functionTypes, importedFunctions, sections } = outline;
  const functions = functionTypes.length - importedFunctions;
  const message = `${showBytes(bytes.length)}, ${functions} functions`;
  const debugBytes = sections
    .filter(({ name }) => name.startsWith(DEBUG_PREFIX))
    .reduce((sum, { start, end }) => sum + end - start, 0);
  if (debugBytes > 0) {
    return finding(
      "note",
      "size",
      `${message}; ${showBytes(debugBytes)} of it debug information`,
      "it is never read here: strip it, but keep the name section",
    );
  }
  return bytes.length > LARGE_BYTES
    ? finding("warning", "size", message, "build for size: loading and reloading take longer with every byte")
    : finding("ok", "size", message);
}

function featureWarning(feature: Feature): Finding[] {
  if (feature !== "threads") return [];
  return [
    finding(
      "warning",
      "threads",
      "the module uses atomic instructions; it runs, but every wait ends at once",
      "build without threads",
    ),
  ];
}

function checkNames({ sections }: ModuleOutline): Finding {
  const hasNames = sections.some(({ id, name }) => id === sectionId.custom && name === "name");
  return hasNames
    ? finding("ok", "names", "present: reports of traps name your functions")
    : finding(
        "note",
        "names",
        "absent: reports of traps can only number your functions",
        'keep the name section while you develop (Rust: strip = "debuginfo"; C: no --strip-all; Go: no -s; Zig: no -fstrip; AssemblyScript: --debug)',
      );
}
