/**
 * Every guest that misbehaves, in both policies and both protocols, against the real process: the verdict, its code,
 * and what the misbehaviour costs everybody else, which is nothing.
 *
 * Times to verdict are printed as a table at the end; the tests assert a generous bound alone.
 */

import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { FailureCode } from "../../src/event/failure.ts";
import { textTable } from "../bench/report/text-table.ts";
import { assembleWat } from "../guests/assemble-guest.ts";
import type { GuestName } from "../guests/guest-list.ts";
import type { AcceptedAnswer } from "../support/accepted-answer.ts";
import { HostileAgent } from "./hostile-agent.ts";
import { guardedGuest, guardedReply, guardedWat, POISON_PADDING } from "./guarded-guest.ts";
import { HOST_IMPORT_GUESTS } from "./host-import-guests.ts";
import { otherRequestsDuring } from "./other-requests.ts";
import { type Phase, type Protocol, TimedClient, type TimedAnswer } from "./timed-client.ts";

/** Processes are started here, on a machine that may be busy. */
setDefaultTimeout(60_000);

/** Longer than a busy machine pauses a thread: a verdict of an other that is late by that fails, too. */
const SHORT_TIMEOUT_MS = 250;
/** For guests that are expected to come to an end. */
const LONG_TIMEOUT_MS = 5000;
/** Beyond the deadline, on a machine that does a lot else: the start of worker threads and the wait for one. */
const SLACK_MS = 2000;
const OTHER_REQUESTS = 1000;

/** What a poison event ends with: a failure by its code, or an allow with these tags. */
type Outcome = { readonly code: FailureCode } | { readonly tags: readonly string[] };

interface Row {
  readonly does: string;
  readonly guest: () => Promise<Uint8Array>;
  readonly outcome: Outcome;
}

const fails = (does: string, name: GuestName, code: FailureCode): Row => ({
  does,
  guest: () => guardedGuest(name),
  outcome: { code },
});

const allows = (does: string, name: GuestName, tags: readonly string[] = []): Row => ({
  does,
  guest: () => guardedGuest(name),
  outcome: { tags },
});

/** A guest that allows, and gives this result when it is asked for poison. */
const replies = (does: string, result: string, outcome: Outcome): Row => ({
  does,
  guest: () => guardedReply(result),
  outcome,
});

const manyHeaders = (count: number): string =>
  `{"decision":"block","add_response_headers":{"a":[${Array.from({ length: count }, () => '""').join()}]}}`;

const manyKeys = (count: number): string =>
  `{"decision":"allow",${Array.from({ length: count }, (_, key) => `"${key}":0`).join()}}`;

const ROWS: readonly Row[] = [
  fails("loops for ever", "loop", "guest-deadline"),
  fails("loops for ever in alloc", "loop-in-alloc", "guest-deadline"),
  fails("loops for ever in dealloc", "loop-in-dealloc", "guest-deadline"),
  fails("loops for ever and catches every exception", "loop-caught", "guest-deadline"),
  fails("loops for ever inside a recursion", "loop-in-recursion", "guest-deadline"),
  fails("loops for ever around a recursion", "loop-around-recursion", "guest-deadline"),
  fails("calls 2^60 times without a loop", "recursion-exponential", "guest-deadline"),
  fails("fills 32 MiB two thousand times", "huge-fill", "guest-deadline"),
  fails("calls itself without end", "recursion-mutual", "guest-stack-overflow"),

  allows("grows its memory by a megabyte until refused, at 64 MiB", "memory-bomb", ["n-1010"]),
  allows("grows a table until refused, below a million entries", "table-bomb", ["n-983041"]),

  fails("traps in the handler", "trap", "guest-trap"),
  fails("traps in alloc", "trap-in-alloc", "guest-alloc-failed"),
  allows("traps in dealloc, after it decided", "trap-in-dealloc"),

  fails("has its result start where memory ends", "pointer-past-end", "guest-result-out-of-bounds"),
  fails("has its result as long as memory", "length-past-end", "guest-result-out-of-bounds"),
  fails("has its result overlap the end of memory", "result-overlaps-end", "guest-result-out-of-bounds"),
  allows("has its result end with memory", "result-ends-with-memory"),
  fails("returns a negative pointer", "pointer-negative", "guest-result-out-of-bounds"),
  fails("returns a negative length", "length-negative", "guest-result-out-of-bounds"),
  fails("returns a negative pointer and length", "pointer-and-length-negative", "guest-result-out-of-bounds"),
  allows("returns the pointer 0", "pointer-zero"),
  allows("returns the length 0", "length-zero"),
  allows("returns 0", "result-zero"),
  allows("allocates at 0", "alloc-returns-zero"),
  fails("allocates at -1", "alloc-returns-minus-one", "guest-alloc-out-of-bounds"),
  fails("allocates where memory ends", "alloc-returns-past-end", "guest-alloc-out-of-bounds"),
  fails("allocates too near to the end", "alloc-returns-too-near-end", "guest-alloc-out-of-bounds"),

  fails("answers no JSON", "not-json", "guest-result-not-json"),
  fails("answers no UTF-8", "not-utf8", "guest-result-not-utf8"),
  fails("answers with a byte order mark", "byte-order-mark", "guest-result-not-json"),
  allows("nests JSON ten thousand deep", "deep-json"),
  fails("decides twice", "repeated-key", "guest-result-shape"),
  fails("does not decide", "no-decision", "guest-result-shape"),
  fails("decides something unknown", "unknown-decision", "guest-decision-unknown"),
  fails("has a status that is text", "status-string", "guest-result-shape"),
  fails("has the status 70000", "status-70000", "guest-result-shape"),
  fails("has the status 99", "status-99", "guest-status-range"),
  fails("has the status 600", "status-600", "guest-status-range"),
  fails("breaks a line in a header's name", "header-name-newline", "guest-header-name"),
  fails("breaks a line in a header's value", "header-value-newline", "guest-header-value"),
  fails("sets a header without a name", "header-name-empty", "guest-header-name"),
  allows("answers 10 MiB", "result-10-mib"),
  fails("answers 10 MiB and a byte", "result-10-mib-and-one", "guest-result-too-large"),

  replies("answers two hundred thousand headers", manyHeaders(200_000), { code: "guest-result-too-large" }),
  replies("answers forty thousand keys", manyKeys(40_000), { tags: [] }),

  fails("exits with 0", "exit-0", "guest-exit"),
  fails("exits with 1", "exit-1", "guest-exit"),
  fails("exits and catches what comes of it", "exit-caught", "guest-exit"),
  fails("aborts as AssemblyScript does", "abort", "guest-abort"),
  allows("writes ten thousand lines to its output", "write-flood"),
  allows("polls to sleep for an hour", "poll-sleep", ["n-1"]),
  allows("waits for another thread, which nobody lets it", "atomic-wait"),
  ...Object.entries(HOST_IMPORT_GUESTS).map(
    ([does, text]): Row => ({
      does,
      guest: () => assembleWat("host-import", guardedWat(text)),
      outcome: { code: "guest-deadline" },
    }),
  ),
];

const figures: string[][] = [];

afterAll(() => {
  const columns = ["a guest that ...", "ends with", "policy", "v1 ms", "v2 ms", "others", "slowest ms"];
  process.stdout.write(`\n${textTable({ title: "Time to verdict", columns, rows: figures })}\n`);
});

describe.each(["fail-closed", "fail-open"] as const)("%s: a guest that", (policy) => {
  test.each(ROWS)("$does", async ({ does, guest, outcome }) => {
    const runsIntoDeadline = "code" in outcome && outcome.code === "guest-deadline";
    const timeoutMs = runsIntoDeadline ? SHORT_TIMEOUT_MS : LONG_TIMEOUT_MS;
    const flags = ["--timeout-ms", String(timeoutMs), ...(policy === "fail-open" ? ["--fail-open"] : [])];
    await using agent = await HostileAgent.start({ module: await guest(), flags });

    const poison = poisonAnswers(agent.socketPath);
    const others = await otherRequestsDuring(agent.socketPath, OTHER_REQUESTS, poison);
    const answers = await poison;

    for (const { timed } of answers) {
      expect(visible(timed.answer)).toEqual(expected(outcome, policy));
      expect(timed.ms).toBeLessThan(timeoutMs + SLACK_MS);
    }
    expect(others.wrong).toEqual([]);
    expect(others.answered).toBeGreaterThanOrEqual(OTHER_REQUESTS);
    figures.push([
      does,
      "code" in outcome ? outcome.code : "allow",
      policy,
      slowest(answers, 1),
      slowest(answers, 2),
      String(others.answered),
      others.slowestMs.toFixed(0),
    ]);
  });
});

interface PoisonAnswer {
  readonly protocol: Protocol;
  readonly timed: TimedAnswer;
}

const POISON: readonly { readonly protocol: Protocol; readonly phase: Phase }[] = [
  { protocol: 1, phase: "request" },
  { protocol: 2, phase: "request" },
  { protocol: 2, phase: "response" },
];

/** One after the other, so that each time is that of one event. */
async function poisonAnswers(socketPath: string): Promise<PoisonAnswer[]> {
  const answers: PoisonAnswer[] = [];
  for (const { protocol, phase } of POISON) {
    using client = await TimedClient.connect(socketPath, protocol);
    answers.push({ protocol, timed: await client.ask(phase, { padding: POISON_PADDING }) });
  }
  return answers;
}

type VisibleAnswer = Pick<AcceptedAnswer, "decision" | "tags" | "reasonCodes">;

function visible({ decision, tags, reasonCodes }: AcceptedAnswer): VisibleAnswer {
  return { decision, tags, reasonCodes };
}

function expected(outcome: Outcome, policy: "fail-closed" | "fail-open"): VisibleAnswer {
  if ("tags" in outcome) return { decision: "allow", tags: outcome.tags, reasonCodes: [] };
  return policy === "fail-open"
    ? { decision: "allow", tags: ["wasm-error", "fail-open"], reasonCodes: [outcome.code] }
    : {
        decision: { block: { status: 500, body: "Wasm Error", headers: {} } },
        tags: ["wasm-error"],
        reasonCodes: [outcome.code],
      };
}

function slowest(answers: readonly PoisonAnswer[], protocol: Protocol): string {
  const times = answers.filter((answer) => answer.protocol === protocol).map(({ timed }) => timed.ms);
  return Math.max(...times).toFixed(1);
}
