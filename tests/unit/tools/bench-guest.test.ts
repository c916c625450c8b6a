import { describe, expect, test } from "bun:test";
import type { StatefulFactory } from "../../../src/abi/contract.ts";
import { type Answer, BenchGuest } from "../../../src/tools/bench-guest.ts";
import type { GuestSettings } from "../../../src/tools/guest-settings.ts";
import { repeatCalls } from "../../../src/tools/repeat-calls.ts";
import { PerExchangeFactory } from "../../../src/ring/per-exchange-guest.ts";
import { readEvent } from "../../../src/telemetry/recording/event-json.ts";
import { writeOutcome } from "../../../src/telemetry/recording/outcome-json.ts";
import { sampleExchange, sampleRequest, sampleResponse } from "../../../src/tools/sample-events.ts";
import { EventFailure } from "../../../src/event/failure.ts";
import { PLAIN_ALLOW, type Verdict } from "../../../src/event/verdict.ts";
import type { GuestName } from "../../guests/guest-list.ts";
import { guestPath } from "../../guests/guest-path.ts";
import { replyGuest } from "../../guests/reply-guest.ts";
import { DEFAULT_GUEST_SETTINGS } from "../../support/guest-settings.ts";
import { jsonRecipe, prepareStateless } from "../../support/prepare-stateless.ts";
import { TEST_LIMITS } from "../../support/slot-settings.ts";

const SETTINGS: GuestSettings = { ...DEFAULT_GUEST_SETTINGS, timeoutMs: 200, startTimeoutMs: 1000 };

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
    const { outcome, fuel, memoryBytes, us } = await guest.call(sampleRequest());
    expect(outcome).toMatchObject({ decision: { kind: "block", status: 451 } });
    expect(fuel).toBeGreaterThanOrEqual(0);
    expect(memoryBytes).toBe(131_072);
    expect(us).toBeGreaterThan(0);
  });

  test("uses as much fuel for the same work each time, and more for more work", async () => {
    const little = await open("constant");
    const much = await open("compute");
    const first = (await little.call(sampleRequest())).fuel ?? 0;
    expect((await little.call(sampleRequest())).fuel).toBe(first);
    expect((await much.call(sampleRequest())).fuel).toBeGreaterThan(first * 10);
  });

  test("has no fuel to tell without limits", async () => {
    const unlimited = await open("block", { limits: false });
    expect((await unlimited.call(sampleRequest())).fuel).toBeNull();
  });

  test("fails as a value, and is whole again for the next event", async () => {
    const guest = await open("trap");
    const first = await guest.call(sampleRequest());
    expect(first.outcome).toBeInstanceOf(EventFailure);
    expect(guest.isBroken).toBe(true);
    expect((await guest.call(sampleRequest())).outcome).toMatchObject({ code: "guest-trap" });
  });

  test("tells what it called and was refused since the last time", async () => {
    const guest = await open("unknown-wasi-function");
    await guest.call(sampleRequest());
    await guest.call(sampleRequest());
    expect([...guest.takeRefusals()]).toEqual([["fd_frobnicate", 2]]);
    expect(guest.takeRefusals().size).toBe(0);
  });

  test("keeps state between events, as a slot does", async () => {
    const guest = await open("counter");
    await guest.call(sampleRequest());
    expect((await guest.call(sampleRequest())).outcome).toMatchObject({ audit: { tags: ["n-2"] } });
  });

  test("tells which events it has a handler for", async () => {
    const guest = await open("only-request");
    expect([guest.handles(sampleRequest()), guest.handles(sampleResponse())]).toEqual([true, false]);
  });

  test("hands over what the guest wrote, once", async () => {
    const guest = await open("write-flood");
    await guest.call(sampleRequest());
    const lines = guest.takeLines();
    expect(lines.length).toBeGreaterThan(0);
    expect(lines[0]).toMatchObject({ level: expect.any(String), text: expect.any(String) });
    expect(guest.takeLines()).toEqual([]);
  });

  test("is configured before the first event, and an instance after a failure as well", async () => {
    const guest = await open("configure-echo", {}, '{"a":1}');
    expect((await guest.call(sampleRequest())).outcome).toMatchObject({ decision: { kind: "allow" } });
  });

  test("that refuses its configuration cannot be opened", async () => {
    expect(open("configure-refuse", {}, "{}")).rejects.toThrow("the module refuses the configuration");
  });
});

function inputOf({ outcome }: Answer): unknown {
  return outcome instanceof EventFailure ? outcome : outcome.audit.custom?.["input"];
}

describe("an exchange on the bench", () => {
  test("gives later events their request, if the guest asks for it", async () => {
    const guest = await open("echo-bytes-request");
    const [request, body] = sampleExchange("request-body-chunk");
    await guest.call(request!);
    expect(inputOf(await guest.call(body!))).toMatchObject({
      request: { method: "POST", uri: "/comments" },
    });
    const plain = await open("echo-bytes");
    await plain.call(request!);
    expect(inputOf(await plain.call(body!))).not.toHaveProperty("request");
  });

  test("gives a recorded event the request it was recorded with, if the guest asks for it", async () => {
    const event = readEvent({ status: 200, request: { uri: "/recorded" } });
    expect(inputOf(await (await open("echo-request")).call(event))).toMatchObject({
      request: { uri: "/recorded" },
    });
    expect(inputOf(await (await open("echo")).call(event))).not.toHaveProperty("request");
  });

  test("tells the guest what the headers say about the body", async () => {
    const guest = await open("echo-bytes");
    await guest.call(readEvent({ method: "POST", headers: { "content-length": "100" } }));
    const whole = await guest.call(readEvent({ kind: "request_body", body: "cut" }));
    expect(inputOf(whole)).toMatchObject({ truncated: true, can_replace: false });
    const piece = await guest.call(readEvent({ kind: "request_body", body: "cut", total_size: null }));
    expect(inputOf(piece)).toMatchObject({ can_replace: true, keep_length: true });
  });

  test("keeps what a recorded event says about its body", async () => {
    const guest = await open("echo-bytes");
    const event = readEvent({ kind: "response_body", body: "a", can_replace: false, truncated: true });
    expect(inputOf(await guest.call(event))).toMatchObject({ truncated: true, can_replace: false });
  });

  test("holds replacements to the rules of the proxy", async () => {
    const guest = await open("replace-bytes");
    const buffered = await guest.call(readEvent({ kind: "request_body", body: "a" }));
    expect(buffered.outcome).toMatchObject({ code: "guest-body-not-replaceable" });
    const response = await guest.call(readEvent({ kind: "response_body", body: "a" }));
    expect(writeOutcome(response.outcome)).toEqual({ decision: "allow", replace_body: "replaced" });
    await guest.call(readEvent({ method: "POST", headers: { "content-length": "3" } }));
    const piece = await guest.call(readEvent({ kind: "request_body", body: "abc", total_size: null }));
    expect(piece.outcome).toMatchObject({ code: "guest-body-length" });
  });

  test("passes a response before the real one without the guest, as a serving agent does", async () => {
    const guest = await open("block");
    expect(await guest.call(readEvent({ status: 103 }))).toMatchObject({
      isCalled: false,
      fuel: 0,
      outcome: PLAIN_ALLOW,
    });
    expect(await guest.call(sampleResponse())).toMatchObject({ isCalled: true });
  });

  test("warns of header operations that are dropped", async () => {
    const bytes = await replyGuest('{"decision":"allow","remove_request_headers":["Content-Length"]}');
    const guest = await BenchGuest.open(bytes, SETTINGS);
    expect(writeOutcome((await guest.call(sampleRequest())).outcome)).toEqual({ decision: "allow" });
    expect(guest.takeLines()).toEqual([
      {
        level: "warn",
        text: "the module changes a header that only the proxy may change; the operation is dropped (said once): content-length",
        isRemark: true,
      },
    ]);
  });
});

describe("a stateful guest on the bench", () => {
  test("keeps its state from the request to the end of the exchange", async () => {
    const guest = await openStateful("counter");
    const tags = [];
    for (const event of [sampleRequest(), sampleResponse(), sampleRequest(), sampleResponse()]) {
      tags.push(tagsOf(await guest.call(event)));
    }
    expect(tags).toEqual([["n-1"], ["n-2"], ["n-3"], ["n-4"]]);
  });

  test("gets an instance of its own while the one before serves an open exchange", async () => {
    const guest = await openStateful("counter");
    const other = { ...sampleRequest(), correlationId: "other" };
    expect(tagsOf(await guest.call(sampleRequest()))).toEqual(["n-1"]);
    expect(tagsOf(await guest.call(other))).toEqual(["n-1"]);
    expect(tagsOf(await guest.call(sampleResponse()))).toEqual(["n-2"]);
  });

  test("cannot answer for an exchange that it has not seen begin", async () => {
    const guest = await openStateful("counter");
    expect((await guest.call(sampleResponse())).outcome).toMatchObject({ code: "exchange-unknown" });
  });

  test("loses the exchange with the instance, and begins the next one with a fresh one", async () => {
    const guest = await openStateful("trap-on-marker");
    const response = { ...sampleResponse(), headers: { "x-mark": ["boom"] } };
    await guest.call(sampleRequest());
    expect((await guest.call(response)).outcome).toMatchObject({ code: "guest-trap" });
    expect((await guest.call(sampleResponse())).outcome).toMatchObject({ code: "exchange-unknown" });
    expect((await guest.call(sampleRequest())).outcome).toMatchObject({ decision: { kind: "allow" } });
  });

  test("is waited for while it pauses", async () => {
    const guest = await openStateful("counter", (verdict) => Bun.sleep(30).then(() => verdict));
    const answer = await guest.call(sampleRequest());
    expect(tagsOf(answer)).toEqual(["n-1"]);
    expect(answer.us).toBeGreaterThan(20_000);
  });

  test("is waited for no longer than its deadline", async () => {
    const guest = await openStateful("counter", () => Promise.withResolvers<Verdict>().promise);
    expect((await guest.call(sampleRequest())).outcome).toMatchObject({ code: "guest-deadline" });
  });

  test("is told of the end of its exchanges", async () => {
    const ends: string[] = [];
    const guest = await openStateful(
      "counter",
      (verdict) => verdict,
      (reason) => ends.push(reason),
    );
    await guest.call(sampleRequest());
    await guest.call({ ...sampleRequest(), correlationId: "other" });
    guest.endExchanges();
    expect(ends).toEqual(["finished", "finished"]);
  });
});

function tagsOf({ outcome }: Answer): unknown {
  return outcome instanceof EventFailure ? outcome : outcome.audit.tags;
}

/** A stateless guest that gets an instance for each exchange, with something between it and its host. */
async function openStateful(
  name: GuestName,
  pause: (verdict: Verdict) => Verdict | Promise<Verdict> = (verdict) => verdict,
  onEnd: (reason: string) => void = () => {},
) {
  const prepared = await prepareStateless(jsonRecipe(await Bun.file(guestPath(name)).bytes(), TEST_LIMITS));
  const factory = new PerExchangeFactory(prepared.factory);
  const wrapped: StatefulFactory = {
    isStateful: true,
    sharesInstance: false,
    abiName: factory.abiName,
    takesConfiguration: factory.takesConfiguration,
    handles: factory.handles,
    warnings: [],
    instantiate(host) {
      const guest = factory.instantiate(host);
      const open = guest.open.bind(guest);
      guest.open = () => {
        const context = open();
        return {
          call: (event, timeoutMs) => {
            const verdict = context.call(event, timeoutMs);
            return verdict instanceof Promise ? verdict : pause(verdict);
          },
          end: onEnd,
        };
      };
      return guest;
    },
  };
  return new BenchGuest({ module: prepared.module, factory: wrapped }, SETTINGS);
}

describe("the same call again and again", () => {
  test("is counted, timed and weighed", async () => {
    const told: number[] = [];
    const report = await repeatCalls(await open("compute", { timeoutMs: 30_000 }), [sampleRequest()], {
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
    const report = await repeatCalls(await open("memory-growth"), [sampleRequest()], { calls: 100 });
    expect(report.growthBytesPerCall).toBe(65_536);
  });

  test("ends at the first failure", async () => {
    const report = await repeatCalls(await open("trap"), [sampleRequest()], { calls: 100 });
    expect(report).toMatchObject({ calls: 1, failure: { code: "guest-trap" } });
  });

  test("repeats what leads to the event, and measures the event alone", async () => {
    const guest = await open("echo-bytes-request");
    const exchange = sampleExchange("request-body-chunk");
    const report = await repeatCalls(guest, exchange, { calls: 20 });
    expect(report).toMatchObject({ calls: 20, failure: null });
    await guest.call(exchange[0]!);
    expect((await guest.call(exchange[1]!)).fuel).toBe(report.fuel!.p50);
  });

  test("ends when its time is over", async () => {
    const report = await repeatCalls(await open("compute"), [sampleRequest()], {
      calls: 10_000_000,
      maxMs: 20,
    });
    expect(report.calls).toBeLessThan(100_000);
  });

  test("tells decisions apart by their words", async () => {
    const report = await repeatCalls(await open("block"), [sampleRequest()], { calls: 3 });
    expect(report.decisions).toEqual(new Map([['block 451 "not here"', 3]]));
  });
});
