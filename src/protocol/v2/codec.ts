/**
 * How the payloads of events and answers are spelled once the handshake has settled it. The seam for another encoding
 * (docs/agent-protocol.md 3.10): a second codec is one more object here and one more name in the handshake.
 */

import type { Verdict } from "../../event/verdict.ts";
import { type JsonObject, parseJsonObject } from "../event-decoder.ts";
import type { ResponseEncoder } from "../response-encoder.ts";
import { decodeUtf8 } from "../text-decoder.ts";

export interface PayloadCodec {
  /** @throws DecodeError when the bytes are not one object of this encoding. */
  decode(buffer: Buffer, start: number, end: number): JsonObject;
  encode(encoder: ResponseEncoder, verdict: Verdict, correlationId: string): string;
}

export const JSON_CODEC: PayloadCodec = {
  decode: (buffer, start, end) => parseJsonObject(decodeUtf8(buffer, start, end)),
  encode: (encoder, verdict, correlationId) => encoder.encode(verdict, correlationId),
};
