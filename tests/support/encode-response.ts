/** One answer, encoded as the protocols do it. */

import type { Verdict } from "../../src/event/verdict.ts";
import { ResponseEncoder, type ResponseForm } from "../../src/protocol/response-encoder.ts";

export function encodeResponse(verdict: Verdict, form: ResponseForm, correlationId: string | null): string {
  return new ResponseEncoder(form).encode(verdict, correlationId, null);
}
