/** Where the same result of a guest leads to another answer than the Rust agent's, on purpose. */

import { type ComparedAnswer, allowed, blocked, failed } from "./compared-answer.ts";

export interface GuestDifference {
  readonly what: string;
  readonly reason: string;
  /** Our answer by the name of the recorded case. It holds for both events and, where it is no failure, both policies. */
  readonly cases: Readonly<Record<string, (failOpen: boolean) => ComparedAnswer>>;
}

export const GUEST_DIFFERENCES: readonly GuestDifference[] = [
  {
    what: "a redirect carries its Location in the block's headers, too, and an empty body",
    reason: "proxies drop operations of a refusal, so the recorded form leads a browser nowhere",
    cases: {
      "redirect, defaults": () => redirected(302, "https://login.example/"),
      "redirect 307": () => redirected(307, "/x"),
    },
  },
  {
    what: "headers set on a refusal stand in the block's headers, too",
    reason: "proxies drop operations of a refusal; newer ones honour the block's own headers",
    cases: {
      "redirect with other response headers": () =>
        blocked(302, "", {
          headers: { Location: "/x", "X-A": "1" },
          responseHeaders: ["set Location: /x", "set X-A: 1"],
          tags: ["t"],
        }),
      "operations with block": () =>
        blocked(403, null, {
          headers: { "X-C": "2" },
          requestHeaders: ["set X-A: 1"],
          responseHeaders: ["remove Server", "set X-C: 2"],
        }),
    },
  },
  {
    what: "an unknown decision word is the module's error",
    reason: "a typing mistake must not open what fails closed",
    cases: { "unknown decision": failed, "empty decision": failed },
  },
  {
    what: "a status of 403.0 is 403",
    reason: "JSON has one kind of number; only the Rust decoder tells the two spellings apart",
    cases: { "status float": () => blocked(403, null) },
  },
  {
    what: "a status that HTTP does not have is the module's error",
    reason: "proxies turn it into a 400 of their own, which hides the mistake",
    cases: { "status 0": failed },
  },
  {
    what: "a list of values sets the first and adds the others",
    reason: "an operation map could not give a header two values, as set-cookie needs",
    cases: { "header value list": () => allowed({ requestHeaders: ["set X-A: 1"] }) },
  },
  {
    what: "rule_ids reach the audit",
    reason: "an optional key the answer has room for and the Rust agent ignored",
    cases: { "unknown keys": () => allowed({ ruleIds: ["r"] }) },
  },
  {
    what: "header names and values that HTTP cannot carry are the module's error",
    reason: "proxies skip such operations silently: a security header would be lost without a trace",
    cases: {
      "header name with newline": failed,
      "header value with newline": failed,
      "empty header name": failed,
    },
  },
  {
    what: "a negative length is answered by the fail policy",
    reason: "it made a task of the Rust agent panic, and the connection with it",
    cases: { "negative length": failed },
  },
];

function redirected(status: number, location: string): ComparedAnswer {
  return blocked(status, "", {
    headers: { Location: location },
    responseHeaders: [`set Location: ${location}`],
  });
}
