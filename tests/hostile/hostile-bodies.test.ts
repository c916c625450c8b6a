/**
 * Guests that misbehave when they get a body, a frame or a text, in both policies, against the real process: each kind of
 * event ends in the policy, with its code, and requests beside it are answered by the guest as ever.
 */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { FailureCode } from "../../src/event/failure.ts";
import type { GuestName } from "../guests/guest-list.ts";
import { guestPath } from "../guests/guest-path.ts";
import { replyToEveryEvent } from "../guests/reply-to-every-event.ts";
import type { AcceptedAnswer } from "../support/accepted-answer.ts";
import { V2Proxy } from "../support/fake-proxy.ts";
import { HostileAgent } from "./hostile-agent.ts";
import { otherRequestsDuring } from "./other-requests.ts";

/** Processes are started here, on a machine that may be busy. */
setDefaultTimeout(60_000);

const TIMEOUT_MS = 100;
const OTHER_REQUESTS = 300;
const LARGE_BYTES = 2 * 1024 * 1024;

const KINDS = {
  "a buffered request body": (proxy) => proxy.requestBody({ id: "evil" }),
  "a piece of a request body": (proxy) => proxy.requestBody({ id: "evil", isStreamed: true }),
  "a large request body": (proxy) =>
    proxy.requestBody({ id: "evil", bytes: Buffer.alloc(LARGE_BYTES, "x"), isStreamed: true }),
  "a response body": (proxy) => proxy.responseBody({ id: "evil" }),
  "a frame": (proxy) => proxy.frame({ id: "evil" }),
  "a guardrail check": (proxy) => proxy.guardrail({ id: "evil" }),
} satisfies Record<string, (proxy: V2Proxy) => Promise<AcceptedAnswer>>;

type KindName = keyof typeof KINDS;

interface Row {
  readonly does: string;
  readonly guest: GuestName | { readonly result: string };
  readonly code: FailureCode;
  readonly at: readonly KindName[];
}

const EVERY_KIND = Object.keys(KINDS) as KindName[];

const ROWS: readonly Row[] = [
  { does: "traps", guest: "trap-on-bytes", code: "guest-trap", at: EVERY_KIND },
  { does: "never returns", guest: "loop-on-bytes", code: "guest-deadline", at: EVERY_KIND },
  {
    does: "replaces what is forwarded unchanged",
    guest: "replace-bytes",
    code: "guest-body-not-replaceable",
    at: ["a buffered request body"],
  },
  {
    does: "replaces text by what is none",
    guest: "replace-bytes-not-text",
    code: "guest-body-not-text",
    at: ["a piece of a request body", "a large request body"],
  },
  {
    does: "replaces a body by two things at once",
    guest: { result: '{"decision":"allow","replace_body":"a","replace_body_base64":"YQ=="}' },
    code: "guest-result-shape",
    at: ["a buffered request body", "a piece of a request body", "a response body"],
  },
  {
    does: "replaces a response by nothing",
    guest: { result: '{"decision":"allow","replace_body":""}' },
    code: "guest-body-not-replaceable",
    at: ["a response body"],
  },
  {
    does: "decides on frames in a word of its own",
    guest: { result: '{"decision":"allow","frame":"explode"}' },
    code: "guest-result-shape",
    at: ["a frame"],
  },
  {
    does: "closes with a code that no frame may have",
    guest: { result: '{"decision":"allow","frame":{"close":{"code":1005}}}' },
    code: "guest-result-shape",
    at: ["a frame"],
  },
  {
    does: "detects more than can be counted",
    guest: {
      result: `{"decision":"allow","detections":[${Array.from({ length: 257 }, () => '{"category":"a"}').join()}]}`,
    },
    code: "guest-result-shape",
    at: ["a guardrail check"],
  },
];

async function moduleOf({ guest }: Row): Promise<string | Uint8Array> {
  return typeof guest === "string" ? guestPath(guest) : replyToEveryEvent(guest.result);
}

function expectToFail(answer: AcceptedAnswer, kind: KindName, code: FailureCode, isOpen: boolean): void {
  expect(answer.reasonCodes).toEqual([code]);
  expect(answer.tags).toEqual(isOpen ? ["wasm-error", "fail-open"] : ["wasm-error"]);
  expect(answer.decision).toEqual(
    isOpen ? "allow" : { block: { status: 500, body: "Wasm Error", headers: {} } },
  );
  // A proxy looks at nothing else of an answer to a frame.
  const isClosed = kind === "a frame" && !isOpen;
  expect(answer.frame).toEqual(isClosed ? { close: { code: 1011, reason: "Wasm Error" } } : "allow");
  expect(answer.needsMore).toBe(false);
  expect([answer.requestBody, answer.responseBody]).toEqual([null, null]);
}

describe.each(["fail-closed", "fail-open"] as const)("a guest under %s", (policy) => {
  test.each(ROWS)("that $does fails with $code, and harms nobody else", async (row) => {
    const isOpen = policy === "fail-open";
    await using agent = await HostileAgent.start({
      module: await moduleOf(row),
      flags: ["--timeout-ms", `${TIMEOUT_MS}`, ...(isOpen ? ["--fail-open"] : [])],
    });
    const proxy = await V2Proxy.connect(agent.socketPath);
    const misbehave = async (): Promise<void> => {
      for (const kind of row.at) expectToFail(await KINDS[kind](proxy), kind, row.code, isOpen);
    };
    const misbehaving = misbehave();
    const others = await otherRequestsDuring(agent.socketPath, OTHER_REQUESTS, misbehaving);
    await misbehaving;
    expect(others.wrong).toEqual([]);
    expect(others.answered).toBeGreaterThanOrEqual(OTHER_REQUESTS);
    // The request of the same id belongs to nobody's failure.
    expect((await proxy.request({ id: "evil" })).decision).toBe("allow");
    expect(proxy.strays).toEqual([]);
  });
});
