/**
 * One live guest of the OPA ABI: each event becomes an input, the input a decision, the decision a verdict. Nothing is
 * kept between events, so any instance takes any of them.
 */

import type { BodyEvent, ProxyEvent, RequestHeadersEvent, ResponseHeadersEvent } from "../../event/event.ts";
import { EventFailure } from "../../event/failure.ts";
import type { RetainedRequest } from "../../event/retained-request.ts";
import { PLAIN_ALLOW, type Verdict } from "../../event/verdict.ts";
import type { GuestHost } from "../../wasm/guest-host.ts";
import type { StatelessGuest } from "../contract.ts";
import type { DecisionCache } from "./decision-cache.ts";
import type { Entrypoint } from "./entrypoint.ts";
import type { RequestBody } from "./input/parsed-body.ts";
import { announcedLength, BadRequest, joined } from "./input/request-parts.ts";
import type { PolicyData } from "./policy-data.ts";
import type { CallTime, PolicyInstance } from "./policy-instance.ts";

/** JSON of `input`. @throws BadRequest */
export type InputEncoder = (
  event: RequestHeadersEvent,
  body: RequestBody | null,
  response: ResponseHeadersEvent | null,
) => string;

export interface Rule {
  readonly entrypoint: Entrypoint;
  readonly decisions: DecisionCache;
}

/** What all guests of a module share. */
export interface PolicyPlan {
  readonly encode: InputEncoder;
  readonly requestRule: Rule;
  /** Null leaves responses allowed. */
  readonly responseRule: Rule | null;
  readonly decidesOnBody: boolean;
  readonly data: PolicyData;
}

const BAD_REQUEST = 400;

export class OpaGuest implements StatelessGuest {
  readonly wantsRequest: boolean;
  readonly #policy: PolicyInstance;
  readonly #plan: PolicyPlan;
  readonly #host: GuestHost;
  /** The document that the policy has. */
  #dataJson: string;

  constructor(policy: PolicyInstance, plan: PolicyPlan, host: GuestHost) {
    this.#policy = policy;
    this.#plan = plan;
    this.#host = host;
    this.#dataJson = plan.data.base;
    this.wantsRequest = plan.decidesOnBody || plan.responseRule !== null;
  }

  get isBroken(): boolean {
    return this.#policy.isBroken;
  }

  /** Evaluations give their memory back. */
  get isDueForRecycling(): boolean {
    return false;
  }

  get memoryBytes(): number {
    return this.#policy.memoryBytes;
  }

  get fuelUsed(): number | null {
    return this.#policy.fuelUsed;
  }

  call(event: ProxyEvent, timeoutMs: number, graceMs = 0, spentMs = 0): Verdict {
    const time: CallTime = { timeoutMs, graceMs, spentMs };
    const { requestRule, responseRule, decidesOnBody } = this.#plan;
    switch (event.kind) {
      case "request-headers":
        if (decidesOnBody && isDecidedLater(event)) return PLAIN_ALLOW;
        return this.#decide(requestRule, event, null, null, time);
      case "request-body-chunk":
        if (!decidesOnBody || event.chunkIndex > 0) return PLAIN_ALLOW;
        return this.#decide(requestRule, requestOf(event), bodyOf(event), null, time);
      case "response-headers":
        if (responseRule === null) return PLAIN_ALLOW;
        return this.#decide(responseRule, requestOf(event), null, event, time);
      default:
        return PLAIN_ALLOW;
    }
  }

  configure(configJson: string, timeoutMs: number): EventFailure | null {
    const dataJson = this.#plan.data.withConfiguration(configJson);
    if (dataJson === null) {
      return new EventFailure(
        "guest-configuration-refused",
        "`data` of the configuration must be an object: its keys replace those of the policy's data",
      );
    }
    if (dataJson === this.#dataJson) return null;
    const failure = this.#policy.setData(dataJson, timeoutMs);
    if (failure === null) this.#dataJson = dataJson;
    return failure;
  }

  close(): void {
    // Nothing of it outlives a call.
  }

  #decide(
    { entrypoint, decisions }: Rule,
    request: RequestHeadersEvent,
    body: RequestBody | null,
    response: ResponseHeadersEvent | null,
    time: CallTime,
  ): Verdict {
    let input: string;
    try {
      input = this.#plan.encode(request, body, response);
    } catch (thrown) {
      if (thrown instanceof BadRequest) return badRequest(thrown, this.#host);
      throw thrown;
    }
    const text = this.#policy.evaluate(entrypoint.id, input, time);
    try {
      return decisions.decode(text);
    } catch (thrown) {
      // No policy that is healthy writes anything but JSON.
      if (thrown instanceof EventFailure && thrown.code === "guest-result-not-json") this.#policy.discard();
      throw thrown;
    }
  }
}

/**
 * A body of a known length brings an event, without which the request does not go on. Of others that cannot be told: a
 * chunked one may be empty, and a request that switches protocols is not inspected (docs/agent-protocol.md 9.4, 9.8).
 */
function isDecidedLater({ headers }: RequestHeadersEvent): boolean {
  return (
    (announcedLength(headers) ?? 0) > 0 &&
    joined(headers, "transfer-encoding") === undefined &&
    joined(headers, "upgrade") === undefined
  );
}

function bodyOf({ bytes, isLast, context }: BodyEvent): RequestBody {
  return { bytes, isTruncated: !isLast || context?.isTruncated === true };
}

/** @throws EventFailure when the agent does not have it any more. */
function requestOf({ request, kind }: BodyEvent | ResponseHeadersEvent): RequestHeadersEvent {
  if (isEvent(request)) return request;
  throw new EventFailure(
    "exchange-unknown",
    `the policy decides on a ${kind} event by its request, and the agent does not have that: the exchange has ended, or the proxy does not send request_headers to this agent`,
  );
}

function isEvent(request: RetainedRequest | undefined): request is RequestHeadersEvent {
  return request?.kind === "request-headers";
}

function badRequest({ reason }: BadRequest, host: GuestHost): Verdict {
  if (host.log.debugEnabled) host.log.debug("a request was refused that has no input", { reason });
  return { ...PLAIN_ALLOW, decision: { kind: "block", status: BAD_REQUEST, body: "" } };
}
