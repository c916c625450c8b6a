/** What an operator may choose about policies, as plain values: they are sent to worker threads. */

export const OPA_INPUTS = ["envoy", "dapr", "apisix", "json"] as const;

/** Which integration of OPA a policy was written for: what it reads as `input`, and how its decision looks. */
export type OpaInput = (typeof OPA_INPUTS)[number];

export interface OpaOptions {
  /** Path of the rule that decides on requests, such as `envoy/authz/allow`; null takes the policy's only one. */
  readonly entrypoint: string | null;
  /** Path of the rule that decides on responses; null leaves them allowed. */
  readonly responseEntrypoint: string | null;
  readonly input: OpaInput;
  /** Requests that announce a body are decided at their body, which the proxy is known to send to this agent. */
  readonly decidesOnBody: boolean;
  /** JSON of an object: the document `data`, over that of a bundle. Null for none. */
  readonly dataJson: string | null;
}

export const DEFAULT_OPA_OPTIONS: OpaOptions = {
  entrypoint: null,
  responseEntrypoint: null,
  input: "envoy",
  decidesOnBody: false,
  dataJson: null,
};

/** What came with the module in a bundle. */
export interface PolicyBundle {
  /** JSON of an object; null for a bundle without data. */
  readonly dataJson: string | null;
  /** Of `wasm` in the manifest, as paths like `envoy/authz/allow`. */
  readonly entrypoints: readonly string[];
}
