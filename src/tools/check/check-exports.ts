/** The contract's exports, one by one (docs/design.md 6.1): there or not, of the right type or not. */

import { HEADER_HANDLERS } from "../../abi/json/event-exports.ts";
import { OPTIONAL_FUNCTIONS, REQUIRED_FUNCTIONS } from "../../abi/json/json-abi.ts";
import type { ExportType } from "../../wasm/binary/export-types.ts";
import { type Finding, type FindingLevel, findingsAbout } from "./finding.ts";

const finding = findingsAbout("exports");

type ExportTypes = ReadonlyMap<string, ExportType>;

const PURPOSES: ReadonlyMap<string, string> = new Map([
  ["memory", "the host reads and writes JSON there"],
  ["alloc", "the host asks for room for its JSON; return a pointer to that many bytes"],
  ["dealloc", "the host frees its own buffer and the result's; without it every call would leak"],
  [
    "on_request_headers",
    "called with the JSON of each request; returns pointer << 32 | length of the result",
  ],
  [
    "on_response_headers",
    "called with the JSON of each response; returns pointer << 32 | length of the result",
  ],
]);

export function checkExports(types: ExportTypes): readonly Finding[] {
  const findings = [
    checkMemory(types),
    ...[...REQUIRED_FUNCTIONS].map((entry) => checkRequired(types, ...entry)),
  ];
  const handlers = HEADER_HANDLERS.filter((name) => hasType(types, name, OPTIONAL_FUNCTIONS.get(name) ?? ""));
  for (const [name, expected] of OPTIONAL_FUNCTIONS) {
    findings.push(...checkOptional(types, name, expected, handlers.length === 0 ? "error" : "warning"));
  }
  if (handlers.length === 0 && !HEADER_HANDLERS.some((name) => types.has(name)))
    findings.push(noHandler(types));
  return findings;
}

function checkMemory(types: ExportTypes): Finding {
  const type = types.get("memory");
  if (type?.kind === "memory") return finding("ok", "memory", "exported");
  return finding(
    "error",
    "memory",
    type === undefined
      ? "the memory is not exported under this name"
      : `this export is ${describe(type)}, not a memory`,
    `export the linear memory as "memory": ${PURPOSES.get("memory")}`,
  );
}

function checkRequired(types: ExportTypes, name: string, expected: string): Finding {
  const type = types.get(name);
  if (type !== undefined && hasType(types, name, expected)) return finding("ok", name, expected);
  const advice = `export ${name}${expected}: ${PURPOSES.get(name)}`;
  return type === undefined
    ? finding("error", name, "not exported", advice)
    : finding("error", name, `is ${describe(type)} instead of ${expected}`, advice);
}

/** Nothing to say about an optional function that is not there. */
function checkOptional(
  types: ExportTypes,
  name: string,
  expected: string,
  whenWrong: FindingLevel,
): Finding[] {
  const type = types.get(name);
  if (type === undefined) return [];
  if (hasType(types, name, expected)) return [finding("ok", name, expected)];
  const level = HEADER_HANDLERS.includes(name) ? whenWrong : "warning";
  return [
    finding(
      level,
      name,
      `is ${describe(type)} instead of ${expected}, so it is never called`,
      `give it the type ${expected}`,
    ),
  ];
}

function noHandler(types: ExportTypes): Finding {
  const functions = [...types]
    .filter(([, { kind }]) => kind === "function")
    .map(([name]) => JSON.stringify(name));
  const shown = functions.slice(0, 8).join(", ") + (functions.length > 8 ? ", ..." : "");
  return finding(
    "error",
    "handlers",
    `neither on_request_headers nor on_response_headers is exported; the functions that are: ${shown || "none"}`,
    `export one of them as (i32, i32) -> i64: ${PURPOSES.get("on_request_headers")}`,
  );
}

function hasType(types: ExportTypes, name: string, expected: string): boolean {
  const type = types.get(name);
  return type?.kind === "function" && type.signature === expected;
}

function describe(type: ExportType): string {
  return type.kind === "function" ? type.signature : `a ${type.kind}`;
}
