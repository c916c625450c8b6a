/**
 * Proxy-Wasm, the ABI of filters for Envoy, in the versions 0.1.0, 0.2.0, 0.2.1 and the dialect 0.2.100
 * (docs/proxy-wasm.md): what a module must export, and how guests of it are made.
 */

import type { EventKind } from "../../event/event.ts";
import { makeGrantSettings, openGrants } from "../../host/grants.ts";
import type { LoadedModule } from "../../wasm/load-module.ts";
import type { AbiOptions } from "../abi-options.ts";
import type { Abi, StatefulFactory } from "../contract.ts";
import { hasAbiMarker } from "./abi-version.ts";
import { type GuestOutline, readOutline } from "./guest-exports.ts";
import { unknownImports } from "./imports.ts";
import { type ModuleTraits, ProxyWasmGuest } from "./proxy-wasm-guest.ts";

export const proxyWasmAbi: Abi = {
  name: "proxy-wasm",
  recognises: ({ exportTypes }) => hasAbiMarker(exportTypes),
  prepare,
};

function prepare(loaded: LoadedModule, options: AbiOptions): StatefulFactory {
  const outline = readOutline(loaded.exportTypes);
  const proxyWasm = options.proxyWasm ?? { onUnsupported: "fail" };
  // Half of the cap is left for the one call that needs much.
  const recycleGcBytes = (loaded.limits?.maxMemoryBytes ?? Number.POSITIVE_INFINITY) / 2;
  const traits: ModuleTraits = { takesStreams: null };
  return {
    abiName: "proxy-wasm",
    isStateful: true,
    sharesInstance: true,
    handles: handledKinds(outline),
    takesConfiguration:
      outline.callbacks.has("proxy_on_configure") || outline.callbacks.has("proxy_on_vm_start"),
    warnings: [...outline.warnings, ...importWarnings(loaded)],
    instantiate: (host) =>
      new ProxyWasmGuest(
        {
          loaded,
          outline,
          options: proxyWasm,
          host,
          grants: host.grants ?? openGrants(makeGrantSettings()),
        },
        traits,
        recycleGcBytes,
      ),
  };
}

/** A stream context begins with the request's headers, whether or not the guest looks at them. */
function handledKinds({ callbacks }: GuestOutline): ReadonlySet<EventKind> {
  const kinds = new Set<EventKind>(["request-headers"]);
  if (callbacks.has("proxy_on_request_body")) kinds.add("request-body-chunk");
  // An access log is about the response, too.
  if (callbacks.has("proxy_on_response_headers") || callbacks.has("proxy_on_log"))
    kinds.add("response-headers");
  if (callbacks.has("proxy_on_response_body")) kinds.add("response-body-chunk");
  return kinds;
}

function importWarnings({ imports }: LoadedModule): readonly string[] {
  const unknown = unknownImports(imports);
  if (unknown.length === 0) return [];
  const names = unknown.map((name) => JSON.stringify(name)).join(", ");
  return [
    `the module imports host functions that this agent does not know, and is told of a failure if it calls one: ${names}`,
  ];
}
