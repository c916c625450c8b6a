/** What a case of the contract suite gets, and what several cases share. */

import { expect } from "bun:test";
import type { EventKind } from "../../src/event/event.ts";
import type { FailureCode } from "../../src/event/failure.ts";
import type { AcceptedAnswer } from "../support/accepted-answer.ts";
import type { V2Proxy } from "../support/fake-proxy.ts";
import type { RequestFacts } from "../support/proxy-messages.ts";
import type { ServingAgent } from "../support/serving-agent.ts";
import type { Behaviour } from "./behaviours.ts";

/** An ABI whose guests are served in one way of dispatch. */
export interface Subject {
  /** An agent that serves a guest with this behaviour. @throws ModuleError */
  serve(behaviour: Behaviour, flags?: readonly string[]): Promise<ServingAgent>;
  /** The guest's module. */
  guest(behaviour: Behaviour): Promise<Uint8Array<ArrayBuffer>>;
  readonly blockHandles: readonly EventKind[];
  readonly badResultCode: FailureCode;
}

/** Its name is a sentence about the agent. */
export type ContractCase = (subject: Subject) => Promise<void>;

export const BLOCKED = { decision: { block: { status: 403, body: "no" } }, reasonCodes: [] };
export const ALLOWED = { decision: "allow", reasonCodes: [], tags: [] };

/** What the failure policy makes of a failure. */
export function failed(code: FailureCode, policy: "closed" | "open" = "closed") {
  return policy === "open"
    ? { decision: "allow", tags: ["wasm-error", "fail-open"], reasonCodes: [code] }
    : {
        decision: { block: { status: 500, body: "Wasm Error" } },
        tags: ["wasm-error"],
        reasonCodes: [code],
      };
}

/** An exchange from its beginning to its end. The answer to its request. */
export async function exchange(proxy: V2Proxy, facts: RequestFacts = {}): Promise<AcceptedAnswer> {
  const answer = await proxy.request(facts);
  if (answer.decision === "allow") await endExchange(proxy, facts.id);
  return answer;
}

/** The response without a body, behind which no event follows. Its answer. */
export function endExchange(proxy: V2Proxy, id?: string): Promise<AcceptedAnswer> {
  return proxy.response({ ...(id === undefined ? {} : { id }), status: 204, headers: {} });
}

/** Requests of others, one after the other, that have nothing to do with what happens elsewhere. */
export async function expectOthers(proxy: V2Proxy, count: number, prefix = "other"): Promise<void> {
  for (let i = 0; i < count; i++) {
    expect(await exchange(proxy, { id: `${prefix}-${i}` })).toMatchObject(ALLOWED);
  }
}
