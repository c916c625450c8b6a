/**
 * A module's imports, by what becomes of them: given, given but always refused (there are no files and no network), not
 * known but answered, or missing, which is the only kind that hurts at once.
 */

import { JSON_IMPORTS } from "../../abi/json/json-imports.ts";
import type { AbiImports } from "../../wasm/imports/abi-imports.ts";
import { GuestOutput } from "../../wasm/imports/guest-output.ts";
import { createHostImports } from "../../wasm/imports/host-imports.ts";
import { ImportHost } from "../../wasm/imports/import-host.ts";
import { isWasiModule, wasiFunctions } from "../../wasm/imports/wasi/wasi-functions.ts";
import { ModuleError } from "../../wasm/module-error.ts";
import { GuestLines } from "../guest-lines.ts";
import { type Finding, type FindingLevel, findingsAbout } from "./finding.ts";

const finding = findingsAbout("imports");

type Descriptor = WebAssembly.ModuleImportDescriptor;

/** WASI functions that do something here, if only to say that there are no arguments. All others are refused. */
export const GIVEN_WASI_FUNCTIONS: ReadonlySet<string> = new Set([
  "args_get",
  "args_sizes_get",
  "clock_res_get",
  "clock_time_get",
  "environ_get",
  "environ_sizes_get",
  "fd_fdstat_get",
  "fd_read",
  "fd_write",
  "poll_oneoff",
  "proc_exit",
  "random_get",
  "sched_yield",
]);

const MAX_LISTED = 16;

/** `abi` is what the module's ABI gives beside WASI. */
export function checkImports(
  imports: readonly Descriptor[],
  abi: AbiImports = JSON_IMPORTS,
): readonly Finding[] {
  if (imports.length === 0) return [finding("ok", "imports", "none")];
  const host = mutedHost();
  const sorted = Map.groupBy(imports, (one) => kindOf(one, host, abi));
  const missing = sorted.get("missing") ?? [];
  return [
    ...listed("ok", "given", sorted.get("given") ?? []),
    ...listed("note", "refused", sorted.get("refused") ?? [], REFUSED_ADVICE),
    ...listed("warning", "unknown", sorted.get("unknown") ?? [], UNKNOWN_ADVICE),
    ...missing.map((one) => missingFinding(one, host, abi)),
  ];
}

const REFUSED_ADVICE =
  "nothing, if the code that uses them is not needed: they link, and answer with an error number, for there are no files and no network";
const UNKNOWN_ADVICE = "avoid them: WASI preview 1 has no such functions; they link, and answer ENOSYS";

function kindOf(
  descriptor: Descriptor,
  host: ImportHost,
  abi: AbiImports,
): "given" | "refused" | "unknown" | "missing" {
  if (problemOf(descriptor, host, abi) !== null) return "missing";
  const { module, name } = descriptor;
  if (!isWasiModule(module) || GIVEN_WASI_FUNCTIONS.has(name)) return "given";
  return Object.hasOwn(wasiFunctions(host, module), name) || name.startsWith("sock_") ? "refused" : "unknown";
}

/** Why the import cannot be given; null when it can. */
function problemOf(descriptor: Descriptor, host: ImportHost, abi: AbiImports): string | null {
  try {
    createHostImports([descriptor], host, abi);
    return null;
  } catch (error) {
    if (error instanceof ModuleError) return error.message;
    throw error;
  }
}

function missingFinding(descriptor: Descriptor, host: ImportHost, abi: AbiImports): Finding {
  // The message says what is missing, then what to do about it.
  const [message = "", ...advice] = (problemOf(descriptor, host, abi) ?? "").split("; ");
  return finding(
    "error",
    `${quote(descriptor.module)}.${quote(descriptor.name)}`,
    message,
    advice.join("; ") || null,
  );
}

/** One finding for all imports of a kind: by module, then by name. */
function listed(
  level: FindingLevel,
  subject: string,
  descriptors: readonly Descriptor[],
  advice: string | null = null,
): Finding[] {
  if (descriptors.length === 0) return [];
  const modules = [...Map.groupBy(descriptors, ({ module }) => module)].map(([module, ones]) => {
    const names = ones.slice(0, MAX_LISTED).map(({ name }) => quote(name));
    const more = ones.length > MAX_LISTED ? ` and ${ones.length - MAX_LISTED} more` : "";
    return `${names.join(", ")}${more} from ${quote(module)}`;
  });
  return [finding(level, subject, modules.join("; "), advice)];
}

/** Names are the module's own bytes; plain ones need no quotes. */
function quote(name: string): string {
  return /^[\w.:/-]+$/.test(name) ? name : JSON.stringify(name);
}

function mutedHost(): ImportHost {
  const log = new GuestLines();
  return new ImportHost({ output: new GuestOutput({ log, slot: 0, isMuted: true }), log, slot: 0 });
}
