/** Calls of live guests: what goes in, what is taken out, what is given back. */

import { describe, expect, test } from "bun:test";
import { EventFailure } from "../../../src/event/failure.ts";
import { PLAIN_ALLOW } from "../../../src/event/verdict.ts";
import type { GuestName } from "../../guests/guest-list.ts";
import { guestPath } from "../../guests/guest-path.ts";
import { replyGuest } from "../../guests/reply-guest.ts";
import { sampleRequest, sampleResponse } from "../../support/neutral-events.ts";
import { openGuest } from "../../support/open-guest.ts";

const CONFIG_TIMEOUT_MS = 1000;

/** With limits, the halves of a result come as integers; without, the whole comes as a BigInt. */
describe.each([true, false])("with limits: %p", (limits) => {
  const open = (guest: GuestName) => openGuest(guestPath(guest), { limits });

  test.each(["result-zero", "pointer-zero", "length-zero"] as const)("%s is no opinion", async (guest) => {
    expect((await open(guest)).call(sampleRequest())).toBe(PLAIN_ALLOW);
  });

  test("an allocator that answers 0 is taken at its word", async () => {
    expect((await open("alloc-returns-zero")).call(sampleRequest()).decision.kind).toBe("allow");
  });

  test("a result may end with memory", async () => {
    expect((await open("result-ends-with-memory")).call(sampleRequest()).decision.kind).toBe("allow");
  });

  test.each([
    ["pointer-negative", "guest-result-out-of-bounds"],
    ["length-negative", "guest-result-out-of-bounds"],
    ["pointer-and-length-negative", "guest-result-out-of-bounds"],
    ["result-overlaps-end", "guest-result-out-of-bounds"],
    ["alloc-returns-minus-one", "guest-alloc-out-of-bounds"],
    ["alloc-returns-past-end", "guest-alloc-out-of-bounds"],
    ["alloc-returns-too-near-end", "guest-alloc-out-of-bounds"],
  ] as const)("%s is %s", async (guest, code) => {
    const opened = await open(guest);
    expect(() => opened.call(sampleRequest())).toThrow(expect.objectContaining({ code }));
    expect(opened.instance.isBroken).toBe(true);
  });

  test("both handlers are asked, with what belongs to them", async () => {
    const guest = await open("echo");
    const request = guest.call(sampleRequest({ uri: "/é☃😀" })).audit.custom?.["input"];
    expect(request).toMatchObject({ method: "GET", uri: "/é☃😀", headers: { host: "a.test" } });
    const response = guest.call(sampleResponse({ status: 404 })).audit.custom?.["input"];
    expect(response).toEqual({ status: 404, correlation_id: "id", headers: { server: "nginx" } });
  });

  test("a missing handler allows without a call", async () => {
    const guest = await open("only-request");
    expect(guest.call(sampleResponse())).toBe(PLAIN_ALLOW);
    expect(guest.call(sampleRequest()).decision.kind).toBe("block");
  });

  test("exactly 10 MiB are taken", async () => {
    const guest = await openGuest(guestPath("result-10-mib"), { limits, timeoutMs: 10_000 });
    expect(guest.call(sampleRequest()).decision.kind).toBe("allow");
  });

  test("_initialize is called once, before the first event", async () => {
    const guest = await open("initialize");
    expect(guest.call(sampleRequest()).audit.tags).toEqual(["n-1"]);
    expect(guest.call(sampleRequest()).audit.tags).toEqual(["n-1"]);
  });
});

/** Too short for any call, and over before a guest could meet a check. */
const NO_TIME_MS = 1e-6;

describe("a call that is over too late and was not stopped", () => {
  test("fails, and its instance stays as good as it was", async () => {
    const guest = await openGuest(guestPath("counter"));
    expect(() => guest.instance.call(sampleRequest(), NO_TIME_MS)).toThrow(
      expect.objectContaining({ code: "guest-deadline", message: expect.stringContaining("returned from") }),
    );
    expect(guest.instance.isBroken).toBe(false);
    expect(guest.call(sampleRequest()).audit.tags).toEqual(["n-2"]);
  });

  test("of on_configure refuses the configuration", async () => {
    const guest = await openGuest(guestPath("configure-accept"));
    expect(guest.instance.configure("{}", NO_TIME_MS)).toMatchObject({ code: "guest-deadline" });
    expect(guest.instance.isBroken).toBe(false);
  });

  test("counts without limits, where no call is late", async () => {
    const guest = await openGuest(guestPath("counter"), { limits: false });
    expect(guest.instance.call(sampleRequest(), NO_TIME_MS).decision.kind).toBe("allow");
  });
});

test("a guest that asks for everything gets everything", async () => {
  const guest = await openGuest(guestPath("echo-all-keys"));
  const { custom } = guest.call(sampleRequest({ headers: { "x-a": ["1", "2"] } })).audit;
  expect(custom?.["input"]).toMatchObject({
    headers: { "x-a": "1, 2" },
    multi_headers: { "x-a": ["1", "2"] },
    metadata: { route_id: "api", request_id: "r" },
  });
});

describe("configuration", () => {
  test("is handed over as it is", async () => {
    const { instance, call } = await openGuest(guestPath("configure-echo"));
    expect(instance.configure('{"é":1}', CONFIG_TIMEOUT_MS)).toBeNull();
    expect(call(sampleRequest()).audit.tags).toEqual(['{"é":1}']);
  });

  test("is accepted by a guest that does not listen", async () => {
    const { instance } = await openGuest(guestPath("allow"));
    expect(instance.configure("{}", CONFIG_TIMEOUT_MS)).toBeNull();
  });

  test("that is refused leaves the instance sound, a trap does not", async () => {
    const refusing = (await openGuest(guestPath("configure-refuse"))).instance;
    expect(refusing.configure("{}", CONFIG_TIMEOUT_MS)?.code).toBe("guest-configuration-refused");
    expect(refusing.isBroken).toBe(false);
    const trapping = (await openGuest(guestPath("configure-trap"))).instance;
    expect(trapping.configure("{}", CONFIG_TIMEOUT_MS)?.code).toBe("guest-trap");
    expect(trapping.isBroken).toBe(true);
  });
});

test("equal results are one verdict, and different ones are not", async () => {
  const guest = await openGuest(replyGuest('{"decision":"block","tags":["t"]}'));
  expect(guest.call(sampleRequest())).toBe(guest.call(sampleResponse()));
  const counter = await openGuest(guestPath("counter"));
  expect(counter.call(sampleRequest()).audit.tags).toEqual(["n-1"]);
  expect(counter.call(sampleRequest()).audit.tags).toEqual(["n-2"]);
});

test("a refused result is refused every time", async () => {
  const guest = await openGuest(guestPath("unknown-decision"));
  for (let i = 0; i < 3; i++) expect(() => guest.call(sampleRequest())).toThrow(EventFailure);
  expect(guest.instance.isBroken).toBe(false);
});
