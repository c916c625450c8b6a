/**
 * The ABI of policies that Open Policy Agent compiles (https://www.openpolicyagent.org/docs/wasm, docs/opa-wasm.md).
 */

import type { EventKind } from "../../event/event.ts";
import { SILENT_LOG } from "../../telemetry/log.ts";
import type { GuestHost } from "../../wasm/guest-host.ts";
import { LineRate } from "../../wasm/imports/line-rate.ts";
import type { LoadedModule } from "../../wasm/load-module.ts";
import { ModuleError } from "../../wasm/module-error.ts";
import type { Abi, StatelessFactory } from "../contract.ts";
import type { NamedBuiltin } from "./builtin-dispatcher.ts";
import { loadBuiltins, OUTSIDE_WORLD } from "./builtins/registry.ts";
import type { DecisionReader } from "./decision.ts";
import { DecisionCache } from "./decision-cache.ts";
import { decisionShape } from "./decision-shape.ts";
import { chooseEntrypoint, type Entrypoint, findEntrypoint } from "./entrypoint.ts";
import { envoyInput } from "./input/envoy-input.ts";
import { apisixInput, daprInput, jsonInput } from "./input/other-inputs.ts";
import { DEFAULT_OPA_OPTIONS, type OpaInput, type OpaOptions, type PolicyBundle } from "./opa-options.ts";
import { type InputEncoder, OpaGuest, type PolicyPlan, type Rule } from "./opa-guest.ts";
import { PolicyData } from "./policy-data.ts";
import { assertPolicyExports, isPolicy } from "./policy-exports.ts";
import { PolicyInstance } from "./policy-instance.ts";

const ENCODERS: Readonly<Record<OpaInput, InputEncoder>> = {
  envoy: envoyInput,
  dapr: daprInput,
  apisix: apisixInput,
  json: jsonInput,
};

/** For asking a policy about itself, which takes microseconds. */
const INSPECTION_TIMEOUT_MS = 5000;
const NO_BUILTINS: ReadonlyMap<number, NamedBuiltin> = new Map();

export const opaAbi: Abi = {
  name: "opa",
  recognises: isPolicy,
  prepare: (loaded, { opa = DEFAULT_OPA_OPTIONS }, bundle) => prepare(loaded, opa, bundle),
};

async function prepare(
  loaded: LoadedModule,
  options: OpaOptions,
  bundle: PolicyBundle | null,
): Promise<StatelessFactory> {
  assertPolicyExports(loaded);
  const { builtinIds, entrypointIds } = inspectPolicy(loaded);
  const requestEntrypoint =
    options.entrypoint === null
      ? chooseEntrypoint(entrypointIds, bundle?.entrypoints ?? [])
      : findEntrypoint(entrypointIds, options.entrypoint, "--entrypoint");
  const responseEntrypoint =
    options.responseEntrypoint === null
      ? null
      : findEntrypoint(entrypointIds, options.responseEntrypoint, "--response-entrypoint");
  const builtins = await bindBuiltins(builtinIds);
  const documents = [bundle?.dataJson ?? null, options.dataJson].filter((json) => json !== null);
  const data = new PolicyData(documents);
  return {
    abiName: "opa",
    isStateful: false,
    takesConfiguration: true,
    handles: handledKinds(options),
    warnings: [],
    instantiate: (host) => {
      const policy = new PolicyInstance(loaded, host, builtins);
      policy.loadData(data.base, host.startTimeoutMs);
      return new OpaGuest(policy, makePlan(options, requestEntrypoint, responseEntrypoint, data, host), host);
    },
  };
}

export interface PolicyNames {
  readonly builtinIds: ReadonlyMap<string, number>;
  readonly entrypointIds: ReadonlyMap<string, number>;
}

/** What a policy says of itself. @throws ModuleError */
export function inspectPolicy(loaded: LoadedModule): PolicyNames {
  const host: GuestHost = {
    slot: 0,
    log: SILENT_LOG,
    startTimeoutMs: INSPECTION_TIMEOUT_MS,
    isMuted: true,
    lineRate: new LineRate(),
    reportedFunctions: new Set(),
  };
  const policy = new PolicyInstance(loaded, host, NO_BUILTINS);
  return {
    builtinIds: policy.readIds("builtins", INSPECTION_TIMEOUT_MS),
    entrypointIds: policy.readIds("entrypoints", INSPECTION_TIMEOUT_MS),
  };
}

/** @throws ModuleError that names all functions which are not there. */
export async function bindBuiltins(
  ids: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<number, NamedBuiltin>> {
  const names = [...ids.keys()];
  const functions = await loadBuiltins(names);
  const bound = new Map<number, NamedBuiltin>();
  const missing: string[] = [];
  for (const [i, name] of names.entries()) {
    const call = functions[i];
    if (call === undefined) missing.push(name);
    else bound.set(ids.get(name)!, { name, call });
  }
  if (missing.length > 0) throw missingBuiltins(missing);
  return bound;
}

const MAX_LISTED = 50;

function missingBuiltins(names: readonly string[]): ModuleError {
  const listed = names.slice(0, MAX_LISTED).map((name) => JSON.stringify(name.slice(0, 128)));
  const more = names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : "";
  const outside = names.filter((name) => OUTSIDE_WORLD.has(name));
  const advice =
    outside.length === 0
      ? "docs/opa-wasm.md lists those it has"
      : `${outside.join(", ")} would have to wait for the world outside, which a policy within the agent cannot; hand over what it needs as data (--data, or data in the proxy's configuration)`;
  return new ModuleError(
    "module-missing-import",
    `the policy calls built-in functions of OPA that this agent does not have: ${listed.join(", ")}${more}; ${advice}`,
  );
}

function handledKinds({ decidesOnBody, responseEntrypoint }: OpaOptions): ReadonlySet<EventKind> {
  const kinds: EventKind[] = ["request-headers"];
  if (decidesOnBody) kinds.push("request-body-chunk");
  if (responseEntrypoint !== null) kinds.push("response-headers");
  return new Set(kinds);
}

function makePlan(
  options: OpaOptions,
  requestEntrypoint: Entrypoint,
  responseEntrypoint: Entrypoint | null,
  data: PolicyData,
  host: GuestHost,
): PolicyPlan {
  const reader: DecisionReader = {
    shape: decisionShape(options.input),
    onIgnored: (key) => warnOnce(host, key),
  };
  const rule = (entrypoint: Entrypoint, kind: EventKind): Rule => ({
    entrypoint,
    decisions: new DecisionCache(kind, entrypoint.name, reader),
  });
  return {
    encode: ENCODERS[options.input],
    requestRule: rule(requestEntrypoint, "request-headers"),
    responseRule: responseEntrypoint === null ? null : rule(responseEntrypoint, "response-headers"),
    decidesOnBody: options.decidesOnBody,
    data,
  };
}

/** The proxies' protocol carries no change of a query. */
function warnOnce(host: GuestHost, key: string): void {
  if (host.reportedFunctions.has(key)) return;
  host.reportedFunctions.add(key);
  host.log.warn(
    "the policy changes the query, which no proxy lets an agent do; that is ignored (said once)",
    {
      key,
    },
  );
}
