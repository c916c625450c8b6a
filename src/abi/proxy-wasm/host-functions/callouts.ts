/** HTTP and gRPC calls (docs/proxy-wasm.md 9). Only HTTP is made; gRPC is refused as Envoy refuses an unknown cluster. */

import type { ImportFunctions } from "../../../wasm/imports/import-functions.ts";
import { Status } from "../abi-numbers.ts";
import type { PluginState } from "../plugin-state.ts";
import { type HeaderPairs, readMap } from "../serialized-map.ts";

/** Beginning a call, in units of host work: some 50 µs. */
const CALL_WORK = 100_000;
const MAX_UPSTREAM_BYTES = 1024;

export function calloutFunctions(state: PluginState): ImportFunctions {
  return {
    proxy_http_call(
      upstreamPointer: number,
      upstreamSize: number,
      headersPointer: number,
      headersSize: number,
      bodyPointer: number,
      bodySize: number,
      trailersPointer: number,
      trailersSize: number,
      timeoutMs: number,
      callAt: number,
    ): number {
      state.assertCallback("proxy_http_call");
      const upstreamAt = upstreamPointer >>> 0;
      const upstreamBytes = upstreamSize >>> 0;
      const headersAt = headersPointer >>> 0;
      const headersBytes = headersSize >>> 0;
      const bodyAt = bodyPointer >>> 0;
      const bodyBytes = bodySize >>> 0;
      const result = callAt >>> 0;
      const memory = state.memory;
      if (
        !memory.holds(upstreamAt, upstreamBytes) ||
        !memory.holds(headersAt, headersBytes) ||
        !memory.holds(bodyAt, bodyBytes) ||
        !memory.holds(trailersPointer >>> 0, trailersSize >>> 0) ||
        !memory.holds(result, 4)
      ) {
        return Status.invalidMemoryAccess;
      }
      if (upstreamBytes > MAX_UPSTREAM_BYTES) return Status.badArgument;
      state.imports.work(CALL_WORK + (bodyBytes >>> 3));
      const headers = readMap(memory.bytes.subarray(headersAt, headersAt + headersBytes));
      if (headers === null) return Status.badArgument;
      const call = state.actions.startCall({
        upstream: memory.readLoosely(upstreamAt, upstreamBytes),
        ...requestOf(headers),
        body: memory.copy(bodyAt, bodyBytes),
        timeoutMs: timeoutMs >>> 0,
      });
      if (typeof call === "string") {
        return call === "too-many" ? Status.internalFailure : Status.badArgument;
      }
      memory.data.setUint32(result, call, true);
      return Status.ok;
    },

    proxy_grpc_call: () => refuseGrpc("proxy_grpc_call"),
    proxy_grpc_stream: () => refuseGrpc("proxy_grpc_stream"),
    proxy_grpc_send: () => unknownCall("proxy_grpc_send"),
    proxy_grpc_cancel: () => unknownCall("proxy_grpc_cancel"),
    proxy_grpc_close: () => unknownCall("proxy_grpc_close"),
  };

  function refuseGrpc(name: string): number {
    state.assertCallback(name);
    state.warnOnce(name, `the module called ${name}; this agent makes no gRPC calls, and refused it`);
    return Status.internalFailure;
  }

  function unknownCall(name: string): number {
    state.assertCallback(name);
    return Status.notFound;
  }
}

interface RequestParts {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly names: readonly string[];
  readonly values: readonly string[];
}

/** Envoy wants all three of the pseudo-headers; without one of them the request is invalid here as there. */
function requestOf({ names, values }: HeaderPairs): RequestParts {
  const pseudo = new Map<string, string>();
  const others: { names: string[]; values: string[] } = { names: [], values: [] };
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!.toLowerCase();
    if (name.startsWith(":")) pseudo.set(name, values[i]!);
    else {
      others.names.push(name);
      others.values.push(values[i]!);
    }
  }
  return {
    method: pseudo.get(":method") ?? "",
    path: pseudo.has(":authority") ? (pseudo.get(":path") ?? "") : "",
    authority: pseudo.get(":authority") ?? "",
    ...others,
  };
}
