/** Streams and contexts: going on, closing, replying, and acting for another context (docs/proxy-wasm.md 3). */

import type { ImportFunctions } from "../../../wasm/imports/import-functions.ts";
import { MAX_STREAM_KIND, Status, StreamKind } from "../abi-numbers.ts";
import type { PluginState } from "../plugin-state.ts";
import { readMap } from "../serialized-map.ts";

/** A text for the operator; more of it is cut. */
const MAX_DETAILS_BYTES = 256;
/** No frame to the proxy holds more. */
const MAX_REPLY_BYTES = 10 * 1024 * 1024;

export function streamFunctions(state: PluginState): ImportFunctions {
  const resume = (name: string, kind: number): number => {
    state.assertCallback(name);
    if (kind >>> 0 > MAX_STREAM_KIND) return Status.badArgument;
    if (state.stream === null || kind > StreamKind.response) {
      return state.misuse(name, "there is no such stream in this context");
    }
    state.stream.resume(kind);
    return Status.ok;
  };

  return {
    proxy_continue_stream: (kind: number): number => resume("proxy_continue_stream", kind),
    proxy_continue_request: (): number => resume("proxy_continue_request", StreamKind.request),
    proxy_continue_response: (): number => resume("proxy_continue_response", StreamKind.response),

    proxy_close_stream(kind: number): number {
      state.assertCallback("proxy_close_stream");
      if (kind >>> 0 > MAX_STREAM_KIND) return Status.badArgument;
      if (state.stream?.canReply !== true || kind > StreamKind.response) {
        return state.misuse("proxy_close_stream", "there is no such stream in this callback");
      }
      state.stream.close(kind);
      return Status.ok;
    },

    /** The proxy has chosen its route before it asks the agent. */
    proxy_clear_route_cache(): number {
      state.assertCallback("proxy_clear_route_cache");
      return Status.ok;
    },

    proxy_send_local_response(
      status: number,
      detailsPointer: number,
      detailsSize: number,
      bodyPointer: number,
      bodySize: number,
      headersPointer: number,
      headersSize: number,
      grpcStatus: number,
    ): number {
      state.assertCallback("proxy_send_local_response");
      const detailsAt = detailsPointer >>> 0;
      const detailsBytes = detailsSize >>> 0;
      const bodyAt = bodyPointer >>> 0;
      const bodyBytes = bodySize >>> 0;
      const headersAt = headersPointer >>> 0;
      const headersBytes = headersSize >>> 0;
      const memory = state.memory;
      if (
        !memory.holds(detailsAt, detailsBytes) ||
        !memory.holds(bodyAt, bodyBytes) ||
        !memory.holds(headersAt, headersBytes)
      ) {
        return Status.invalidMemoryAccess;
      }
      if (state.stream?.canReply !== true) {
        return state.misuse("proxy_send_local_response", "there is nothing to reply to in this callback");
      }
      if (state.stream.hasReplied) return Status.ok;
      if (bodyBytes > MAX_REPLY_BYTES) return Status.badArgument;
      state.imports.work((bodyBytes >>> 2) + headersBytes * 4);
      const headers = readMap(memory.bytes.subarray(headersAt, headersAt + headersBytes));
      if (headers === null) return Status.badArgument;
      state.stream.reply({
        status: status >>> 0,
        details: memory.readLoosely(detailsAt, Math.min(detailsBytes, MAX_DETAILS_BYTES)),
        body: memory.copy(bodyAt, bodyBytes),
        headers,
        grpcStatus: grpcStatus | 0,
      });
      return Status.ok;
    },

    /** Of the last answer to a call-out. */
    proxy_get_status(codeAt: number, pointerAt: number, sizeAt: number): number {
      state.assertCallback("proxy_get_status");
      const code = codeAt >>> 0;
      if (!state.memory.holds(code, 4)) return Status.invalidMemoryAccess;
      state.memory.data.setUint32(code, state.callResult?.status ?? 0, true);
      return state.giveText(state.callResult?.message ?? "", pointerAt >>> 0, sizeAt >>> 0);
    },

    proxy_set_effective_context(id: number): number {
      state.assertCallback("proxy_set_effective_context");
      return state.setEffective(id >>> 0) ? Status.ok : Status.badArgument;
    },

    proxy_done(): number {
      state.assertCallback("proxy_done");
      return state.stream?.finish() === true ? Status.ok : Status.notFound;
    },
  };
}
