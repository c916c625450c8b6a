/**
 * An answer in the form in which ours and the Rust agent's are compared: defaults filled in, header operations as sets
 * (their order is random there), reason codes left out (free text there, stable codes here).
 */

import { acceptAnswer, type AcceptedAnswer } from "../support/accepted-answer.ts";

export type ComparedAnswer = Omit<AcceptedAnswer, "reasonCodes" | "correlationId">;

/** What came back for a frame: an answer, or the end of the connection. */
export type Outcome = ComparedAnswer | "closed";

/** `text` null: the connection was closed without an answer. */
export function comparedOutcome(text: string | null): Outcome {
  if (text === null) return "closed";
  const { reasonCodes: _reasons, correlationId: _id, ...answer } = acceptAnswer(1, text);
  return {
    ...answer,
    requestHeaders: [...answer.requestHeaders].sort(),
    responseHeaders: [...answer.responseHeaders].sort(),
  };
}

const PLAIN: ComparedAnswer = {
  decision: "allow",
  requestHeaders: [],
  responseHeaders: [],
  tags: [],
  ruleIds: [],
  confidence: null,
  custom: {},
  routingMetadata: {},
  needsMore: false,
  requestBody: null,
  responseBody: null,
  frame: "allow",
};

export function allowed(parts: Partial<ComparedAnswer> = {}): ComparedAnswer {
  return { ...PLAIN, ...parts };
}

export function blocked(
  status: number,
  body: string | null,
  parts: Partial<ComparedAnswer> & { readonly headers?: Readonly<Record<string, string>> } = {},
): ComparedAnswer {
  const { headers = {}, ...rest } = parts;
  return { ...PLAIN, decision: { block: { status, body, headers } }, ...rest };
}

/** The answer of the fail policy. */
export function failed(failOpen: boolean): ComparedAnswer {
  return failOpen
    ? allowed({ tags: ["wasm-error", "fail-open"] })
    : blocked(500, "Wasm Error", { tags: ["wasm-error"] });
}
