/** What the log says about guests that fail: enough to find the fault, and never more than a line a second of a kind. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { assembleWat } from "../guests/assemble-guest.ts";
import type { GuestName } from "../guests/guest-list.ts";
import { guestPath } from "../guests/guest-path.ts";
import { guestWat } from "../guests/guest-wat.ts";
import type { LogLine } from "../support/agent-process.ts";
import { HostileAgent } from "./hostile-agent.ts";
import { TimedClient } from "./timed-client.ts";

/** Processes are started here, on a machine that may be busy. */
setDefaultTimeout(60_000);

async function firstReport(module: string | Uint8Array, code: string): Promise<LogLine> {
  await using agent = await HostileAgent.start({
    module,
    flags: ["--timeout-ms", "50", "--dispatch", "inline"],
  });
  using client = await TimedClient.connect(agent.socketPath, 2);
  await client.ask("request");
  return agent.lineWhere((line) => line["code"] === code && "correlation_id" in line);
}

const DEEP_TRAP = guestWat(`(func $check_token (param $n i32) (result i32)
  (i32.div_u (i32.const 1) (local.get $n)))
(func $read_session (param $n i32) (result i32)
  (i32.add (i32.const 1) (call $check_token (local.get $n))))
(func $handle (param $pointer i32) (param $length i32) (result i64)
  (drop (call $read_session (i32.const 0)))
  (call $allow))`);

describe("a report", () => {
  test("names the guest's functions, the export that was called, the request, and what it cost", async () => {
    const report = await firstReport(await assembleWat("deep-trap", DEEP_TRAP), "guest-trap");
    expect(report).toMatchObject({
      level: "error",
      msg: "the guest trapped in check_token < read_session < handle < on_request_headers (called on_request_headers): Division by zero",
      code: "guest-trap",
      correlation_id: "id-0",
      policy: "fail-closed",
      call: "on_request_headers",
      fuel_slices: 0,
    });
    expect(report["input_bytes"]).toBeNumber();
  });

  const rows: [GuestName, string, string][] = [
    ["trap-in-alloc", "guest-alloc-failed", "the guest trapped in alloc"],
    [
      "loop",
      "guest-deadline",
      "the guest was stopped in handle < on_request_headers (called on_request_headers) after 50 ms",
    ],
    ["recursion-mutual", "guest-stack-overflow", "the guest used up its call stack in "],
    ["exit-1", "guest-exit", "the guest ended itself with exit code 1 instead of returning"],
    ["abort", "guest-abort", "no way ☃😀"],
    [
      "pointer-past-end",
      "guest-result-out-of-bounds",
      "the result lies at 131072 with 20 bytes, but memory ends at 131072",
    ],
    [
      "unknown-decision",
      "guest-decision-unknown",
      'decision must be allow, block, deny or redirect, got "maybe"',
    ],
  ];
  test.each(rows)("of %s has the code %s and says why", async (name, code, why) => {
    const report = await firstReport(guestPath(name), code);
    expect(report.msg).toContain(why);
    expect(report["input_bytes"]).toBeNumber();
  });

  test("of a guest stopped at its deadline counts its slices of fuel", async () => {
    const report = await firstReport(guestPath("loop"), "guest-deadline");
    expect(report["fuel_slices"]).toBeGreaterThan(1);
  });
});

describe("the same failure, again and again", () => {
  test("is one line a second; the others are counted, and no one is lost", async () => {
    const agent = await HostileAgent.start({ module: guestPath("unknown-decision") });
    const startedAtMs = performance.now();
    let asked = 0;
    {
      using client = await TimedClient.connect(agent.socketPath, 1);
      while (performance.now() - startedAtMs < 1500) {
        await client.ask("request");
        asked++;
      }
    }
    const seconds = Math.ceil((performance.now() - startedAtMs) / 1000);
    await agent.stop();
    const lines = agent.lines.filter(
      (line) => "correlation_id" in line && line["code"] === "guest-decision-unknown",
    );
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThanOrEqual(seconds);
    const suppressed = agent.lines.reduce((sum, line) => sum + Number(line["suppressed"] ?? 0), 0);
    expect(lines.length + suppressed).toBe(asked);
  });
});
