/** Host functions about the request line and the connection. */

import type { ImportFunctions } from "../../../wasm/imports/import-functions.ts";
import type { CallState } from "../call-state.ts";
import type { GuestBuffers } from "../guest-buffers.ts";
import type { HttpExchange } from "../http-exchange.ts";

const MAX_URI_BYTES = 64 * 1024;
const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/;
/** No spaces and no control characters, and every percent sign begins an escape. */
const URI_REFERENCE = /^(?:[^%\u0000-\u0020\u007F]|%[0-9A-Fa-f]{2})+$/;

export function requestFunctions(state: CallState, buffers: GuestBuffers): ImportFunctions {
  const getter =
    (name: string, read: (exchange: HttpExchange) => string) =>
    (buffer: number, limit: number): number =>
      buffers.giveText(read(state.requireExchange(buffers, name)), buffer, limit);
  return {
    get_method: getter("get_method", ({ request }) => request.method),
    get_uri: getter("get_uri", ({ request }) => request.uri),
    get_protocol_version: getter("get_protocol_version", ({ request }) => request.protocolVersion),
    get_source_addr: getter("get_source_addr", ({ request }) => request.sourceAddress),

    set_method(pointer: number, length: number): void {
      const { request } = state.requireBeforeNext(buffers, "set_method", "the method");
      const method = buffers.takeText(pointer, length, "a method");
      if (!METHOD.test(method)) buffers.misuse("set a method that HTTP cannot carry");
      request.method = method;
    },

    set_uri(pointer: number, length: number): void {
      const { request } = state.requireBeforeNext(buffers, "set_uri", "the URI");
      if (length >>> 0 > MAX_URI_BYTES) buffers.misuse(`set a URI of more than ${MAX_URI_BYTES} bytes`);
      const uri = length === 0 ? "/" : buffers.takeText(pointer, length, "a URI");
      if (!isUri(uri)) buffers.misuse("set a URI that is not a path with a query");
      request.uri = uri;
    },
  };
}

function isUri(uri: string): boolean {
  return (uri.startsWith("/") || uri === "*") && URI_REFERENCE.test(uri);
}
