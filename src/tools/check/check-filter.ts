/**
 * What a Proxy-Wasm module exports and imports, and what of that comes to nothing here (docs/proxy-wasm.md 2 and 3). SDKs
 * export all callbacks and import all host functions there are, so most of it tells little about the module.
 */

import { callbacksOf, readOutline, UNREACHED_CALLBACKS } from "../../abi/proxy-wasm/guest-exports.ts";
import { PROXY_FUNCTIONS, STUB_FUNCTIONS } from "../../abi/proxy-wasm/host-functions/known-names.ts";
import { MODULE, unknownImports } from "../../abi/proxy-wasm/imports.ts";
import type { ExportType } from "../../wasm/binary/export-types.ts";
import type { AbiImports } from "../../wasm/imports/abi-imports.ts";
import { ModuleError } from "../../wasm/module-error.ts";
import { checkImports } from "./check-imports.ts";
import { type Finding, findingsAbout } from "./finding.ts";

type Descriptor = WebAssembly.ModuleImportDescriptor;
type ExportTypes = ReadonlyMap<string, ExportType>;

const aboutExports = findingsAbout("exports");
const aboutImports = findingsAbout("imports");
const aboutStart = findingsAbout("start");

/** Nothing but WASI: what comes from `env` is looked at here. */
const NO_IMPORTS: AbiImports = { summary: "the functions of Proxy-Wasm from env", functions: () => null };
const REFUSED_CALLS: readonly string[] = [
  "proxy_grpc_call",
  "proxy_grpc_stream",
  "proxy_call_foreign_function",
];

export function checkFilterExports(types: ExportTypes): readonly Finding[] {
  try {
    const { version, allocator, callbacks, warnings } = readOutline(types);
    const wrong = [...callbacksOf(version)].filter(([name]) => types.has(name) && !callbacks.has(name));
    const unreached = UNREACHED_CALLBACKS.filter((name) => types.has(name));
    return [
      aboutExports("ok", "version", `Proxy-Wasm ${version.name}`),
      aboutExports("ok", "memory", "exported"),
      aboutExports("ok", allocator, "(i32) -> i32"),
      ...(callbacks.size === 0 ? [] : [aboutExports("ok", "callbacks", [...callbacks].join(", "))]),
      ...wrong.map(([name, expected], i) =>
        aboutExports("warning", name, warnings[i] ?? "has another type", `give it the type ${expected}`),
      ),
      ...(unreached.length === 0
        ? []
        : [
            aboutExports(
              "note",
              "unreached",
              `never called, since no proxy sends what they are about: ${unreached.join(", ")}`,
            ),
          ]),
    ];
  } catch (error) {
    if (!(error instanceof ModuleError)) throw error;
    return [
      aboutExports("error", "Proxy-Wasm", error.message, "build the module with a Proxy-Wasm SDK for 0.2.1"),
    ];
  }
}

export function checkFilterImports(imports: readonly Descriptor[]): readonly Finding[] {
  const isOfEnv = ({ module, kind }: Descriptor): boolean => module === MODULE && kind === "function";
  const names = new Set(imports.filter(isOfEnv).map(({ name }) => name));
  const others = imports.filter((one) => !isOfEnv(one));
  const known = [...names].filter((name) => PROXY_FUNCTIONS.has(name));
  const stubs = [...names].filter((name) => STUB_FUNCTIONS.has(name) && name.startsWith("proxy_"));
  const refused = REFUSED_CALLS.filter((name) => names.has(name));
  const unknown = unknownImports(imports);
  return [
    ...(known.length === 0
      ? []
      : [aboutImports("ok", "host functions", `${known.length} of Proxy-Wasm, all of them given`)]),
    ...(names.has("proxy_http_call")
      ? [
          aboutImports(
            "note",
            "proxy_http_call",
            "calls are refused but for the upstreams that --allow-callout names",
          ),
        ]
      : []),
    ...(refused.length === 0
      ? []
      : [
          aboutImports(
            "note",
            "refused",
            `link, and return an error when they are called: ${refused.join(", ")}`,
          ),
        ]),
    ...(stubs.length === 0
      ? []
      : [
          aboutImports(
            "note",
            "dialect",
            `link, and return what their SDK takes as "not there": ${stubs.join(", ")}`,
          ),
        ]),
    ...(unknown.length === 0
      ? []
      : [
          aboutImports(
            "warning",
            "unknown",
            `link, and return a failure when they are called: ${unknown.map((name) => JSON.stringify(name)).join(", ")}`,
            "find out whether the module can do without them: this agent does not know what they do",
          ),
        ]),
    ...(others.length === 0 ? [] : checkImports(others, NO_IMPORTS)),
  ];
}

export function checkFilterStart(types: ExportTypes): readonly Finding[] {
  if (types.has("_initialize")) {
    const main = ["main", "__main_void"].find((name) => types.has(name));
    const calls = main === undefined ? "_initialize" : `_initialize, then ${main}`;
    return [aboutStart("ok", "start", `${calls}, once for each instance`)];
  }
  return [
    types.has("_start")
      ? aboutStart("ok", "start", "_start, once for each instance")
      : aboutStart("ok", "start", "nothing has to run before the first call"),
  ];
}
