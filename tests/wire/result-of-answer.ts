/** What a guest of the JSON ABI has to return for the agent to answer as a recorded agent did. */

interface RecordedAnswer {
  readonly decision: RecordedDecision;
  readonly request_headers?: readonly RecordedOp[];
  readonly response_headers?: readonly RecordedOp[];
  readonly request_body_mutation?: { readonly data: string };
  readonly response_body_mutation?: { readonly data: string };
  readonly websocket_decision?: unknown;
  readonly routing_metadata?: { readonly guardrail_response?: string };
}

type RecordedDecision =
  | "allow"
  | {
      readonly block: {
        readonly status: number;
        readonly body?: string;
        readonly headers?: Record<string, string>;
      };
    }
  | { readonly redirect: { readonly url: string; readonly status: number } };

interface RecordedOp {
  readonly set: { readonly name: string; readonly value: string };
}

/** As text; equal answers give equal texts. */
export function resultOfAnswer(text: string): string {
  const answer = JSON.parse(text) as RecordedAnswer;
  const headers =
    typeof answer.decision === "object" && "block" in answer.decision ? answer.decision.block.headers : {};
  const detections = answer.routing_metadata?.guardrail_response;
  return JSON.stringify({
    ...decisionKeys(answer.decision),
    add_request_headers: added(answer.request_headers),
    add_response_headers: { ...headers, ...added(answer.response_headers) },
    replace_body: answer.request_body_mutation?.data,
    replace_body_base64: answer.response_body_mutation?.data,
    frame: answer.websocket_decision,
    detections:
      detections === undefined ? undefined : (JSON.parse(detections) as { detections: unknown }).detections,
  });
}

function decisionKeys(decision: RecordedDecision): object {
  if (decision === "allow") return { decision };
  if ("block" in decision)
    return { decision: "block", status: decision.block.status, body: decision.block.body };
  return { decision: "redirect", status: decision.redirect.status, body: decision.redirect.url };
}

function added(ops: readonly RecordedOp[] = []): Record<string, string> {
  return Object.fromEntries(ops.map(({ set }) => [set.name, set.value]));
}
