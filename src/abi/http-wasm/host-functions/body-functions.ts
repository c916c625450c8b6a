/** Host functions about bodies and the status. */

import type { ImportFunctions } from "../../../wasm/imports/import-functions.ts";
import type { CallState } from "../call-state.ts";
import { Feature } from "../features.ts";
import type { GuestBuffers } from "../guest-buffers.ts";
import type { HttpExchange } from "../http-exchange.ts";
import { type PackedFunctions, packed, WAIT } from "../packed-results.ts";

const BodyKind = { request: 0, response: 1 } as const;

/** What a guest may write in the place of one body: more fits into no frame of a proxy (docs/agent-protocol.md 9.7). */
const MAX_WRITTEN_BYTES = 12_000_000;
const END = 1;

export function bodyReader(state: CallState, buffers: GuestBuffers): Pick<PackedFunctions, "readBody"> {
  return {
    readBody(kind, buffer, limit) {
      const limitBytes = limit >>> 0;
      const exchange = requireReadable(state, buffers, kind);
      if (limitBytes === 0) buffers.misuse("called read_body with a limit of 0");
      // Of a response that is not there yet, nothing can be read.
      if (kind === BodyKind.response && !exchange.isAfterNext) {
        buffers.assertInBounds(buffer, limit);
        return packed(END, 0);
      }
      const { bodyReader: body } = kind === BodyKind.request ? exchange.request : exchange.response;
      if (!body.canFill(limitBytes)) {
        // In handle_response, what has come of the request is all of it.
        const isOwn = (kind === BodyKind.response) === exchange.isAfterNext;
        if (isOwn && state.maySuspend) {
          buffers.assertInBounds(buffer, limit);
          state.awaited = { body, limitBytes };
          return WAIT;
        }
        // Who is not suspended reads what there is: more does not come in its time.
        body.end(false);
      }
      const length = buffers.giveBody(body, buffer, limit);
      return packed(body.reachedEnd() ? END : 0, length);
    },
  };
}

export function bodyFunctions(state: CallState, buffers: GuestBuffers): ImportFunctions {
  return {
    write_body(kind: number, pointer: number, length: number): void {
      const exchange = requireWritable(state, buffers, kind);
      const { bodyWriter: body } = kind === BodyKind.request ? exchange.request : exchange.response;
      if (body.sizeBytes + (length >>> 0) > MAX_WRITTEN_BYTES) {
        buffers.misuse(`wrote a body of more than ${MAX_WRITTEN_BYTES} bytes`);
      }
      body.write(buffers.takeBytes(pointer, length), length >>> 0);
    },

    get_status_code: (): number => state.requireExchange(buffers, "get_status_code").response.status,

    set_status_code(status: number): void {
      const exchange = state.requireBeforeNextOrFeature(
        buffers,
        "set_status_code",
        "the status",
        Feature.bufferResponse,
        "buffer_response",
      );
      exchange.response.status = status >>> 0;
    },
  };
}

function requireReadable(state: CallState, buffers: GuestBuffers, kind: number): HttpExchange {
  switch (kind) {
    case BodyKind.request:
      return state.requireBeforeNextOrFeature(
        buffers,
        "read_body",
        "the request",
        Feature.bufferRequest,
        "buffer_request",
      );
    case BodyKind.response:
      return state.requireBeforeNextOrFeature(
        buffers,
        "read_body",
        "the response",
        Feature.bufferResponse,
        "buffer_response",
      );
    default:
      return unknownKind(buffers, "read_body", kind);
  }
}

function requireWritable(state: CallState, buffers: GuestBuffers, kind: number): HttpExchange {
  switch (kind) {
    case BodyKind.request:
      return state.requireBeforeNext(buffers, "write_body", "the request");
    case BodyKind.response:
      return state.requireBeforeNextOrFeature(
        buffers,
        "write_body",
        "the response",
        Feature.bufferResponse,
        "buffer_response",
      );
    default:
      return unknownKind(buffers, "write_body", kind);
  }
}

function unknownKind(buffers: GuestBuffers, importName: string, kind: number): never {
  return buffers.misuse(`called ${importName} with the body kind ${kind}, which does not exist`);
}
