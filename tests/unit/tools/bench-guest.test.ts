import { describe, expect, test } from "bun:test";
import { BenchGuest } from "../../../src/tools/bench-guest.ts";
import type { GuestSettings } from "../../../src/tools/guest-settings.ts";
import { repeatCalls } from "../../../src/tools/repeat-calls.ts";
import { sampleRequest, sampleResponse } from "../../../src/tools/sample-events.ts";
import { EventFailure } from "../../../src/event/failure.ts";
import type { GuestName } from "../../guests/guest-list.ts";
import { guestPath } from "../../guests/guest-path.ts";

const SETTINGS: GuestSettings = {
  timeoutMs: 200,
  startTimeoutMs: 1000,
  maxMemoryBytes: 64 * 1024 * 1024,
  limits: true,
  headerCase: "preserve",
};

async function open(
  name: GuestName,
  settings: Partial<GuestSettings> = {},
  configJson: string | null = null,
) {
  return BenchGuest.open(await Bun.file(guestPath(name)).bytes(), { ...SETTINGS, ...settings }, configJson);
}

describe("a guest on the bench", () => {
  test("answers with its verdict, and tells fuel and memory", async () => {
    const guest = await open("block");
    const { outcome, fuel, memoryBytes, us } = guest.call(sampleRequest());
    expect(outcome).toMatchObject({ decision: { kind: "block", status: 451 } });
    expect(fuel).toBeGreaterThanOrEqual(0);
    expect(memoryBytes).toBe(131_072);
    expect(us).toBeGreaterThan(0);
  });

  test("uses as much fuel for the same work each time, and more for more work", async () => {
    const little = await open("constant");
    const much = await open("compute");
    const first = little.call(sampleRequest()).fuel ?? 0;
    expect(little.call(sampleRequest()).fuel).toBe(first);
    expect(much.call(sampleRequest()).fuel).toBeGreaterThan(first * 10);
  });

  test("has no fuel to tell without limits", async () => {
    expect((await open("block", { limits: false })).call(sampleRequest()).fuel).toBeNull();
  });

  test("fails as a value, and is whole again for the next question", async () => {
    const guest = await open("trap");
    const first = guest.call(sampleRequest());
    expect(first.outcome).toBeInstanceOf(EventFailure);
    expect(guest.isBroken).toBe(true);
    expect(guest.call(sampleRequest()).outcome).toMatchObject({ code: "guest-trap" });
  });

  test("tells what it called and was refused since the last time", async () => {
    const guest = await open("unknown-wasi-function");
    guest.call(sampleRequest());
    guest.call(sampleRequest());
    expect([...guest.takeRefusals()]).toEqual([["fd_frobnicate", 2]]);
    expect(guest.takeRefusals().size).toBe(0);
  });

  test("keeps state between questions, as a slot does", async () => {
    const guest = await open("counter");
    guest.call(sampleRequest());
    expect(guest.call(sampleRequest()).outcome).toMatchObject({ audit: { tags: ["n-2"] } });
  });

  test("tells which events it has a handler for", async () => {
    const guest = await open("only-request");
    expect([guest.handles(sampleRequest()), guest.handles(sampleResponse())]).toEqual([true, false]);
  });

  test("hands over what the guest wrote, once", async () => {
    const guest = await open("write-flood");
    guest.call(sampleRequest());
    const lines = guest.takeLines();
    expect(lines.length).toBeGreaterThan(0);
    expect(lines[0]).toMatchObject({ level: expect.any(String), text: expect.any(String) });
    expect(guest.takeLines()).toEqual([]);
  });

  test("is configured before the first question, and an instance after a failure as well", async () => {
    const guest = await open("configure-echo", {}, '{"a":1}');
    expect(guest.call(sampleRequest()).outcome).toMatchObject({ decision: { kind: "allow" } });
  });

  test("that refuses its configuration cannot be opened", async () => {
    expect(open("configure-refuse", {}, "{}")).rejects.toThrow("the module refuses the configuration");
  });
});

describe("the same call again and again", () => {
  test("is counted, timed and weighed", async () => {
    const told: number[] = [];
    const report = repeatCalls(await open("compute", { timeoutMs: 30_000 }), sampleRequest(), {
      calls: 200,
      onProgress: (calls) => told.push(calls),
    });
    expect(report.calls).toBe(200);
    expect(report.us.p50).toBeLessThanOrEqual(report.us.p99);
    expect(report.us.p99).toBeLessThanOrEqual(report.us.max);
    expect(report.fuel?.p50).toBeGreaterThan(0);
    expect(report).toMatchObject({ growthBytesPerCall: 0, failure: null });
    expect(report.decisions).toEqual(new Map([["allow", 200]]));
    expect(told.length).toBeGreaterThan(0);
    expect(told).toEqual(told.toSorted((a, b) => a - b));
  });

  test("shows memory that stays behind", async () => {
    const report = repeatCalls(await open("memory-growth"), sampleRequest(), { calls: 100 });
    expect(report.growthBytesPerCall).toBe(65_536);
  });

  test("ends at the first failure", async () => {
    const report = repeatCalls(await open("trap"), sampleRequest(), { calls: 100 });
    expect(report).toMatchObject({ calls: 1, failure: { code: "guest-trap" } });
  });

  test("ends when its time is over", async () => {
    const report = repeatCalls(await open("compute"), sampleRequest(), { calls: 10_000_000, maxMs: 20 });
    expect(report.calls).toBeLessThan(100_000);
  });

  test("tells decisions apart by their words", async () => {
    const report = repeatCalls(await open("block"), sampleRequest(), { calls: 3 });
    expect(report.decisions).toEqual(new Map([['block 451 "not here"', 3]]));
  });
});
