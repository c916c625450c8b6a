/** What an operator sets for policies of OPA, and what the ABI gets of it. */

import type { EventKind } from "../event/event.ts";
import { isDataDocument } from "../abi/opa/policy-data.ts";
import type { OpaInput, OpaOptions } from "../abi/opa/opa-options.ts";
import { systemReason } from "../event/input-error.ts";
import { ModuleError } from "../wasm/module-error.ts";

export type { OpaInput };

export interface PolicySettings {
  /** The rule that decides on requests; null for the policy's only one. */
  readonly entrypoint: string | null;
  /** The rule that decides on responses; null leaves them allowed. */
  readonly responseEntrypoint: string | null;
  /** A JSON file with the policy's data; null for none beside that of a bundle. */
  readonly dataPath: string | null;
  readonly opaInput: OpaInput;
}

/**
 * Reads the file that `--data` names.
 *
 * @param events what the proxy sends; null when nobody said
 * @throws ModuleError `module-data`
 */
export async function readPolicyOptions(
  { entrypoint, responseEntrypoint, dataPath, opaInput }: PolicySettings,
  events: readonly EventKind[] | null,
): Promise<OpaOptions> {
  return {
    entrypoint,
    responseEntrypoint,
    input: opaInput,
    decidesOnBody: events?.includes("request-body-chunk") ?? false,
    dataJson: dataPath === null ? null : await readData(dataPath),
  };
}

async function readData(path: string): Promise<string> {
  let json: string;
  try {
    json = await Bun.file(path).text();
  } catch (cause) {
    throw new ModuleError("module-data", `cannot read the data ${path}: ${systemReason(cause)}`, { cause });
  }
  if (isDataDocument(json)) return json;
  throw new ModuleError("module-data", `the data ${path} is no JSON object`);
}
