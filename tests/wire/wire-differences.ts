/** Where our answers to v1 frames differ from the Rust agent's on purpose. All others are the same. */

import { allowed, blocked, type ComparedAnswer, failed, type Outcome } from "./compared-answer.ts";
import type { WireCase } from "./recorded-rust-agent.ts";

export interface WireDifference {
  readonly what: string;
  readonly reason: string;
  readonly appliesTo: (recorded: WireCase, outcome: Outcome) => boolean;
  readonly ours: (outcome: Outcome, recorded: WireCase) => Outcome;
}

const LOWER_CASE_AUTHORIZATION = "admin with lower-case authorization";
const LOWER_CASE_USER_AGENT = "scanner lower-case header";
const UNDECODABLE: readonly string[] = [
  "unknown event type",
  "missing payload",
  "missing uri",
  "header value not a list",
];

export const WIRE_DIFFERENCES: readonly WireDifference[] = [
  {
    what: "the guest sees the client's bare address",
    reason: "that is what the ABI documents; the port came along by accident of older proxies",
    appliesTo: ({ name, frame }, outcome) =>
      outcome !== "closed" &&
      outcome.decision === "allow" &&
      name !== LOWER_CASE_USER_AGENT &&
      /:\d+$/.test(frame?.payload?.metadata?.client_ip ?? ""),
    ours: (outcome) => withBareAddress(outcome as ComparedAnswer),
  },
  {
    what: "authorization in lower case opens /admin",
    reason: "header names have no case, and real proxies send them in lower case",
    appliesTo: ({ name }) => name === LOWER_CASE_AUTHORIZATION,
    ours: () =>
      allowed({
        requestHeaders: ["set X-Client-IP: 203.0.113.9", "set X-Wasm-Processed: true"],
        tags: ["admin-access"],
      }),
  },
  {
    what: "a scanner is recognised by a user-agent in lower case",
    reason: "header names have no case, and real proxies send them in lower case",
    appliesTo: ({ name }) => name === LOWER_CASE_USER_AGENT,
    ours: () => blocked(403, "Forbidden", { tags: ["scanner-blocked"] }),
  },
  {
    what: "events that cannot be understood are answered by the fail policy",
    reason: "closing costs the proxy a connection and a timeout, though the stream is still in step",
    appliesTo: ({ name }) => UNDECODABLE.includes(name),
    ours: () => failed(false),
  },
  {
    what: "a configuration with unusable keys is accepted, with a warning",
    reason: "newer proxies take an agent that refuses its configuration out of service altogether",
    appliesTo: ({ name }) => name === "configure invalid",
    ours: () => allowed(),
  },
];

function withBareAddress(answer: ComparedAnswer): ComparedAnswer {
  return {
    ...answer,
    requestHeaders: answer.requestHeaders.map((line) =>
      line.startsWith("set X-Client-IP: ") ? line.replace(/:\d+$/, "").replace(/[[\]]/g, "") : line,
    ),
  };
}
