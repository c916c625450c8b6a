/** Under which keys each integration of OPA expects the parts of a decision, as `opa-input` names them. */

import type { OpaInput } from "./opa-options.ts";

export interface DecisionShape {
  /** Boolean: whether the request goes on. The first that is there counts. */
  readonly allowed: readonly string[];
  readonly status: string;
  readonly body: string;
  /** Set on the request when it goes on, and on the answer when it does not. */
  readonly headers: string;
}

const ENVOY: DecisionShape = {
  allowed: ["allowed", "allow"],
  status: "http_status",
  body: "body",
  headers: "headers",
};

const SHAPES: Readonly<Record<Exclude<OpaInput, "json">, DecisionShape>> = {
  envoy: ENVOY,
  dapr: { allowed: ["allow"], status: "status_code", body: "body", headers: "additional_headers" },
  apisix: { allowed: ["allow"], status: "status_code", body: "reason", headers: "headers" },
};

/** Null: an object is a result of the JSON ABI. */
export function decisionShape(input: OpaInput): DecisionShape | null {
  return input === "json" ? null : SHAPES[input];
}
