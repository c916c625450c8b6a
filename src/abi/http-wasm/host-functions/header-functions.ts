/** Host functions about header fields. Trailers read as none and cannot be written: no proxy has events for them. */

import type { ImportFunctions } from "../../../wasm/imports/import-functions.ts";
import { headerValueFailure } from "../../header-syntax.ts";
import type { CallState } from "../call-state.ts";
import { Feature } from "../features.ts";
import type { GuestBuffers } from "../guest-buffers.ts";
import type { HeaderFields } from "../header-fields.ts";
import { SET_BY_GUEST } from "../header-name.ts";
import type { HttpExchange } from "../http-exchange.ts";
import { type PackedFunctions, packed } from "../packed-results.ts";

const HeaderKind = { request: 0, response: 1, requestTrailers: 2, responseTrailers: 3 } as const;

/** All header changes of one exchange together, in characters; a proxy takes far less. */
const MAX_CHANGED_UNITS = 1024 * 1024;
/** What an operation takes beside its texts. */
const OP_UNITS = 64;
const CONTENT_LENGTH = "content-length";

export function headerReaders(
  state: CallState,
  buffers: GuestBuffers,
): Pick<PackedFunctions, "getHeaderNames" | "getHeaderValues"> {
  const give = (texts: readonly string[], buffer: number, limit: number): number => {
    if (texts.length === 0) return 0;
    const text = nulTerminated(texts);
    buffers.charge(text.length);
    return packed(texts.length, buffers.giveText(text, buffer, limit));
  };
  return {
    getHeaderNames(kind, buffer, limit) {
      const fields = fieldsOf(state, buffers, "get_header_names", kind);
      return fields === null ? 0 : give(fields.names, buffer, limit);
    },
    getHeaderValues(kind, name, nameLength, buffer, limit) {
      const fields = fieldsOf(state, buffers, "get_header_values", kind);
      const { key } = buffers.takeName("get_header_values", name, nameLength);
      return fields === null ? 0 : give(fields.valuesOf(key), buffer, limit);
    },
  };
}

export function headerWriters(state: CallState, buffers: GuestBuffers): ImportFunctions {
  const write =
    (importName: string, op: "set" | "add") =>
    (kind: number, name: number, nameLength: number, value: number, valueLength: number): void => {
      const exchange = requireMutable(state, buffers, importName, kind);
      const field = buffers.takeName(importName, name, nameLength);
      const text = buffers.takeText(value, valueLength, "a header value");
      account(buffers, exchange, field.text.length + text.length);
      const failure = field.failure ?? headerValueFailure(field.text, text, SET_BY_GUEST);
      if (failure !== null) {
        exchange.refused ??= failure;
        return;
      }
      messageOf(exchange, kind).headers[op](field.text, text);
      // Guests whose libraries write no empty bodies say it like this.
      if (op === "set" && kind === HeaderKind.response && text === "0" && field.key === CONTENT_LENGTH) {
        exchange.response.bodyWriter.clear();
      }
    };
  return {
    set_header_value: write("set_header_value", "set"),
    add_header_value: write("add_header_value", "add"),
    remove_header(kind: number, name: number, nameLength: number): void {
      const exchange = requireMutable(state, buffers, "remove_header", kind);
      const field = buffers.takeName("remove_header", name, nameLength);
      account(buffers, exchange, field.text.length);
      if (field.failure !== null) exchange.refused ??= field.failure;
      else messageOf(exchange, kind).headers.remove(field.text);
    },
  };
}

/** Null for trailers. */
function fieldsOf(
  state: CallState,
  buffers: GuestBuffers,
  importName: string,
  kind: number,
): HeaderFields | null {
  const exchange = state.requireExchange(buffers, importName);
  switch (kind) {
    case HeaderKind.request:
    case HeaderKind.response:
      return messageOf(exchange, kind).headers;
    case HeaderKind.requestTrailers:
    case HeaderKind.responseTrailers:
      return null;
    default:
      return unknownKind(buffers, importName, kind);
  }
}

function requireMutable(
  state: CallState,
  buffers: GuestBuffers,
  importName: string,
  kind: number,
): HttpExchange {
  switch (kind) {
    case HeaderKind.request:
      return state.requireBeforeNext(buffers, importName, "a request header");
    case HeaderKind.response:
      return state.requireBeforeNextOrFeature(
        buffers,
        importName,
        "a response header",
        Feature.bufferResponse,
        "buffer_response",
      );
    case HeaderKind.requestTrailers:
    case HeaderKind.responseTrailers:
      state.requireExchange(buffers, importName);
      return buffers.misuse(`called ${importName} for a trailer, and trailers are not supported`);
    default:
      return unknownKind(buffers, importName, kind);
  }
}

function messageOf(exchange: HttpExchange, kind: number): HttpExchange["request"] | HttpExchange["response"] {
  return kind === HeaderKind.request ? exchange.request : exchange.response;
}

function account(buffers: GuestBuffers, exchange: HttpExchange, units: number): void {
  exchange.changedUnits += units + OP_UNITS;
  buffers.charge(units + OP_UNITS);
  if (exchange.changedUnits > MAX_CHANGED_UNITS) {
    buffers.misuse(`changed header fields of more than ${MAX_CHANGED_UNITS} characters in one exchange`);
  }
}

function unknownKind(buffers: GuestBuffers, importName: string, kind: number): never {
  return buffers.misuse(`called ${importName} with the header kind ${kind}, which does not exist`);
}

/** A NUL within a text would look like its end: what follows it is left out. */
function nulTerminated(texts: readonly string[]): string {
  let joined = "";
  for (const text of texts) {
    const nul = text.indexOf("\0");
    joined += `${nul < 0 ? text : text.slice(0, nul)}\0`;
  }
  return joined;
}
