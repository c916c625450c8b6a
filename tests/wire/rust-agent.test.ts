/** The agent being replaced, answer for answer: the same, or different for a reason that is written down. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { assembleWat } from "../guests/assemble-guest.ts";
import type { GuestName } from "../guests/guest-list.ts";
import { guestPath } from "../guests/guest-path.ts";
import { guestWat } from "../guests/guest-wat.ts";
import { replyGuest } from "../guests/reply-guest.ts";
import { examplePolicy } from "../support/example-modules.ts";
import { v1Frame } from "../support/frames.ts";
import { type IndoorAgent, openIndoorAgent } from "../support/indoor-agent.ts";
import { requestHeaders, responseHeaders, v1Envelope } from "../support/proxy-messages.ts";
import { comparedOutcome, type Outcome } from "./compared-answer.ts";
import { GUEST_DIFFERENCES } from "./guest-differences.ts";
import { type GuestCase, readGuestCases, readWireCases, type WireCase } from "./recorded-rust-agent.ts";
import { WIRE_DIFFERENCES } from "./wire-differences.ts";

const wireCases = await readWireCases();
const guestCases = await readGuestCases();

/** What a v1 peer gets for one frame on a connection of its own. */
function outcomeOf(agent: IndoorAgent, body: Uint8Array | object): Outcome {
  const peer = agent.connect();
  peer.send(v1Frame(body));
  const frames = peer.takeFrames(1);
  if (frames.length === 0) {
    expect(peer.isClosed, "a peer that gets no answer must not be left waiting").toBe(true);
    return "closed";
  }
  expect(frames).toHaveLength(1);
  return comparedOutcome(frames[0]!.text);
}

const recordedText = (answer: object | null): string | null =>
  answer === null ? null : JSON.stringify(answer);

describe("v1 frames to the example module", () => {
  let agent: IndoorAgent;
  beforeAll(async () => {
    agent = await openIndoorAgent(examplePolicy("rust"));
  });
  afterAll(() => agent.close());

  const ours = (recorded: WireCase): Outcome =>
    outcomeOf(agent, recorded.frame ?? Buffer.from(recorded.frame_base64 ?? "", "base64"));
  const differences = (recorded: WireCase) =>
    WIRE_DIFFERENCES.filter((difference) =>
      difference.appliesTo(recorded, comparedOutcome(recordedText(recorded.answer))),
    );

  test.each(wireCases)("$name", (recorded) => {
    const theirs = comparedOutcome(recordedText(recorded.answer));
    const [difference, ...others] = differences(recorded);
    expect(others, "a case has one reason to differ").toEqual([]);
    expect(ours(recorded)).toEqual(difference === undefined ? theirs : difference.ours(theirs, recorded));
  });

  test.each(WIRE_DIFFERENCES)("still different: $what", (difference) => {
    const cases = wireCases.filter((recorded) => differences(recorded).includes(difference));
    expect(cases.length).toBeGreaterThan(0);
    for (const recorded of cases) {
      expect(ours(recorded), recorded.name).not.toEqual(comparedOutcome(recordedText(recorded.answer)));
    }
  });
});

describe("results of guests", () => {
  const request = v1Envelope("request_headers", requestHeaders());
  const response = v1Envelope("response_headers", responseHeaders({ headers: {} }));
  const differences = (name: string) => GUEST_DIFFERENCES.filter((difference) => name in difference.cases);

  test.each(
    guestCases.map((recorded) => ({ ...recorded, policy: recorded.fail_open ? "fail-open" : "fail-closed" })),
  )("$name, $policy", async (recorded) => {
    const [difference, ...others] = differences(recorded.name);
    expect(others, "a case has one reason to differ").toEqual([]);
    const ours = difference?.cases[recorded.name]?.(recorded.fail_open);
    const outcomes = await outcomesOf(recorded);
    expect(outcomes.request).toEqual(ours ?? comparedOutcome(recordedText(recorded.request_answer)));
    expect(outcomes.response).toEqual(ours ?? comparedOutcome(recordedText(recorded.response_answer)));
  });

  test.each(GUEST_DIFFERENCES)("still different: $what", async (difference) => {
    for (const name of Object.keys(difference.cases)) {
      const recorded = guestCases.find((candidate) => candidate.name === name && !candidate.fail_open);
      if (recorded === undefined) throw new Error(`no recorded case is called ${name}`);
      const outcomes = await outcomesOf(recorded);
      expect(outcomes.request, name).not.toEqual(comparedOutcome(recordedText(recorded.request_answer)));
    }
  });

  async function outcomesOf(recorded: GuestCase): Promise<{ request: Outcome; response: Outcome }> {
    const module = await guestFor(recorded);
    // One agent an event: a guest that broke on the first must not decide the second.
    const ask = async (event: object) => {
      const agent = await openIndoorAgent(module, { failOpen: recorded.fail_open });
      const outcome = outcomeOf(agent, event);
      agent.close();
      return outcome;
    };
    return { request: await ask(request), response: await ask(response) };
  }
});

/** Guests that did what the recorded ones did. */
const MISBEHAVING: Readonly<Record<string, GuestName>> = {
  "pointer 0 and length 0": "result-zero",
  "length 0": "length-zero",
  "pointer 0": "pointer-zero",
  "pointer past the end": "pointer-past-end",
  "length past the end": "length-past-end",
  "negative length": "length-negative",
  trap: "trap",
  "trap in alloc": "trap-in-alloc",
  "alloc returns 0": "alloc-returns-zero",
  "alloc returns -1": "alloc-returns-minus-one",
};

async function guestFor(recorded: GuestCase): Promise<Uint8Array<ArrayBuffer>> {
  if (recorded.result !== undefined) return replyGuest(recorded.result);
  if (recorded.result_base64 !== undefined) return replyGuest(Buffer.from(recorded.result_base64, "base64"));
  if (recorded.guest === "alloc past the end") return allocNearEnd();
  const name = MISBEHAVING[recorded.guest ?? ""];
  if (name === undefined) throw new Error(`no guest is known that does: ${recorded.guest}`);
  return Bun.file(guestPath(name)).bytes();
}

/** As recorded: there is room for the short input of the response, and none for that of the request. */
async function allocNearEnd(): Promise<Uint8Array<ArrayBuffer>> {
  const pointer = 2 * 65_536 - 80;
  const text = `(func $alloc (export "alloc") (param $size i32) (result i32) (i32.const ${pointer}))`;
  return new Uint8Array(await assembleWat("alloc-near-end", guestWat(text)));
}
