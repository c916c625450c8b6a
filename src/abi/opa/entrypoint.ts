/** Which rule of a policy decides. */

import { ModuleError } from "../../wasm/module-error.ts";

/** What OPA's plug-in for Envoy asks for when nothing else is configured. */
const CONVENTIONAL = "envoy/authz/allow";
const MAX_LISTED = 20;

export interface Entrypoint {
  readonly name: string;
  readonly id: number;
}

/**
 * @param wanted as the operator wrote it: `envoy/authz/allow`, also with a leading slash, with dots, or below `data`
 * @param option the name of the option, for messages
 * @throws ModuleError for a rule that the policy does not have
 */
export function findEntrypoint(ids: ReadonlyMap<string, number>, wanted: string, option: string): Entrypoint {
  const name = normalised(wanted);
  const id = ids.get(name);
  if (id !== undefined) return { name, id };
  throw new ModuleError(
    "module-missing-export",
    `the policy has no entrypoint ${JSON.stringify(name)}, which ${option} names; it has ${listed(ids)}. Build it with opa build -t wasm -e ${name}`,
  );
}

/** @throws ModuleError when the policy has several and none is the conventional one */
export function chooseEntrypoint(
  ids: ReadonlyMap<string, number>,
  ofManifest: readonly string[],
): Entrypoint {
  const named = ofManifest.map(normalised).filter((name) => ids.has(name));
  const candidates = named.length > 0 ? named : [...ids.keys()];
  const name = candidates.length === 1 ? candidates[0]! : CONVENTIONAL;
  const id = ids.get(name);
  if (id !== undefined) return { name, id };
  throw new ModuleError(
    "module-missing-export",
    ids.size === 0
      ? "the policy has no entrypoint; build it with opa build -t wasm -e path/of/rule"
      : `the policy has several entrypoints; name one with --entrypoint: ${listed(ids)}`,
  );
}

function normalised(path: string): string {
  const parts = path.includes("/") ? path.split("/") : path.split(".");
  const named = parts.filter((part) => part !== "");
  return (named[0] === "data" ? named.slice(1) : named).join("/");
}

function listed(ids: ReadonlyMap<string, number>): string {
  const names = [...ids.keys()].sort();
  const shown = names.slice(0, MAX_LISTED).map((name) => JSON.stringify(name.slice(0, 256)));
  return names.length === 0
    ? "none"
    : `${shown.join(", ")}${names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : ""}`;
}
