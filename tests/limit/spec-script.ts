/** A script of the official test suite as the archive holds it: the format of `wasm-tools json-from-wast`. */

import type { ArchiveFiles } from "./archive.ts";
import type { ExportedFunction } from "./exported-function.ts";

export interface SpecConst {
  readonly type: string;
  readonly value?: string | readonly string[] | number;
  readonly lane_type?: string;
  /** With type "either": any one of these is right. */
  readonly values?: readonly SpecConst[];
}

export interface SpecAction {
  readonly type: "invoke" | "get";
  readonly module?: string;
  readonly field: string;
  readonly args?: readonly SpecConst[];
}

interface WithFile {
  readonly line: number;
  readonly name?: string;
  readonly filename: string;
  readonly binary_filename?: string;
  readonly module_type: "binary" | "text";
}

interface WithAction {
  readonly line: number;
  readonly action: SpecAction;
}

export type SpecCommand =
  | ({ readonly type: "module" | "module_definition" } & WithFile)
  | ({ readonly type: "assert_invalid" | "assert_malformed" } & WithFile)
  | ({ readonly type: "assert_invalid_custom" | "assert_malformed_custom" } & WithFile)
  | ({ readonly type: "assert_unlinkable" | "assert_uninstantiable" } & WithFile)
  | {
      readonly type: "module_instance";
      readonly line: number;
      readonly instance?: string;
      readonly module?: string;
    }
  | { readonly type: "register"; readonly line: number; readonly name?: string; readonly as: string }
  | ({ readonly type: "assert_return"; readonly expected: readonly SpecConst[] } & WithAction)
  | ({ readonly type: "action" | "assert_exception" } & WithAction)
  | ({ readonly type: "assert_trap" | "assert_exhaustion" | "assert_suspension" } & WithAction)
  | { readonly type: "thread" | "wait"; readonly line: number };

export interface SpecScript {
  /** `<group>/<name>`, such as `core/br_if`. */
  readonly path: string;
  readonly commands: readonly SpecCommand[];
  readonly signatures: Readonly<Record<string, readonly ExportedFunction[]>>;
  /** The module of a command; undefined when the script gives it in the text format alone. */
  moduleBytes(command: WithFile): Uint8Array<ArrayBuffer> | undefined;
}

export function binaryName(command: WithFile): string {
  return command.binary_filename ?? command.filename;
}

/** The paths of all scripts, `<group>/<name>`. */
export function specScriptPaths(files: ArchiveFiles): string[] {
  return [...files.keys()]
    .filter((path) => path.endsWith(".json"))
    .map((path) => path.slice(0, -".json".length));
}

/** Scripts are read one by one, because all of their commands together make every collection of garbage slow. */
export function specScript(files: ArchiveFiles, path: string): SpecScript {
  const { commands, signatures }: Pick<SpecScript, "commands" | "signatures"> = JSON.parse(
    new TextDecoder().decode(files.get(`${path}.json`)),
  );
  const group = path.slice(0, path.indexOf("/"));
  return {
    path,
    commands,
    signatures,
    moduleBytes: (command) => files.get(`${group}/${binaryName(command)}`),
  };
}
