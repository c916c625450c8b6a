/** What a module's author reads when the module breaks. */

import { describe, expect, test } from "bun:test";
import { EventFailure } from "../../../src/event/failure.ts";
import { assembleWat } from "../../guests/assemble-guest.ts";
import { guestPath } from "../../guests/guest-path.ts";
import { guestWat } from "../../guests/guest-wat.ts";
import { sampleRequest, sampleResponse } from "../../support/neutral-events.ts";
import { openGuest, type OpenGuest } from "../../support/open-guest.ts";

function failureOf(
  guest: OpenGuest,
  event: Parameters<OpenGuest["call"]>[0] = sampleRequest(),
): EventFailure {
  try {
    guest.call(event);
  } catch (error) {
    if (error instanceof EventFailure) return error;
    throw error;
  }
  throw new Error("the guest did not fail");
}

async function guestThat(handle: string, more = ""): Promise<OpenGuest> {
  const text = `${more}
    (func $handle (param $pointer i32) (param $length i32) (result i64) ${handle})`;
  return openGuest(new Uint8Array(await assembleWat("breaks", guestWat(text))));
}

describe("a trap", () => {
  test("names the guest's own functions, innermost first, and what was called", async () => {
    const guest = await guestThat(
      "(call $middle)",
      "(func $middle (result i64) (call $inner)) (func $inner (result i64) unreachable)",
    );
    const failure = failureOf(guest);
    expect(failure.code).toBe("guest-trap");
    expect(failure.message).toStartWith("the guest trapped in inner < middle < handle");
    expect(failure.message).toContain("(called on_request_headers)");
    expect(failure.message).toMatch(/: Unreachable code should not be executed$/);
    expect(failure.details).toMatchObject({ call: "on_request_headers", input_bytes: expect.any(Number) });
    expect(guest.instance.isBroken).toBe(true);
  });

  test("of the other handler names that one", async () => {
    expect(failureOf(await guestThat("unreachable"), sampleResponse()).message).toContain(
      "(called on_response_headers)",
    );
  });

  test.each([
    [
      "a division by zero",
      "(i64.extend_i32_u (i32.div_u (i32.const 1) (i32.const 0)))",
      /: Division by zero$/,
    ],
    ["a read past the end", "(i64.load (i32.const -8))", /: Out of bounds memory access$/],
  ])("says what happened: %s", async (_what, handle, reason) => {
    expect(failureOf(await guestThat(handle)).message).toMatch(reason);
  });

  test("shows at most five functions", async () => {
    const functions = Array.from(
      { length: 8 },
      (_, i) => `(func $f${i} (result i64) ${i === 7 ? "unreachable" : `(call $f${i + 1})`})`,
    );
    const { message } = failureOf(await guestThat("(call $f0)", functions.join("\n")));
    expect(message).toContain("f7 < f6 < f5 < f4 < f3 < ... (called on_request_headers)");
  });

  test("in dealloc costs the instance, not the answer", async () => {
    const guest = await openGuest(guestPath("trap-in-dealloc"));
    expect(guest.call(sampleRequest()).decision.kind).toBe("allow");
    expect(guest.instance.isBroken).toBe(true);
  });
});

describe("other ends of a call", () => {
  test.each([
    ["recursion-mutual", "guest-stack-overflow", /^the guest used up its call stack in /],
    ["loop", "guest-deadline", /^the guest was stopped in .*after 100 ms, its time for one event$/],
    ["exit-1", "guest-exit", /^the guest ended itself with exit code 1 instead of returning/],
    ["exit-caught", "guest-exit", /^the guest ended itself with exit code 1 instead of returning/],
    ["loop-caught", "guest-deadline", /after 100 ms/],
    ["abort", "guest-abort", /no way ☃😀/],
    ["trap-in-alloc", "guest-alloc-failed", /\(called alloc\)/],
    [
      "alloc-returns-minus-one",
      "guest-alloc-out-of-bounds",
      /^alloc\(\d+\) answered 4294967295, but memory ends at \d+$/,
    ],
    [
      "length-negative",
      "guest-result-out-of-bounds",
      /^the result lies at \d+ with 4294967295 bytes, but memory ends at \d+$/,
    ],
    [
      "result-10-mib-and-one",
      "guest-result-too-large",
      /^the result has 10485761 bytes; at most 10485760 are taken$/,
    ],
    ["not-utf8", "guest-result-not-utf8", /^the result is not UTF-8 text$/],
  ] as const)("%s is %s", async (guest, code, message) => {
    // Only what never ends need not be waited for.
    const opened = await openGuest(guestPath(guest), { timeoutMs: guest.startsWith("loop") ? 100 : 20_000 });
    const failure = failureOf(opened);
    expect(failure.code).toBe(code);
    expect(failure.message).toMatch(message);
    expect(opened.instance.isBroken).toBe(true);
  });
});
