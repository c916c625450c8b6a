/** What a guest can be told about the bodies of an exchange before their events come. */

import { describe, expect, test } from "bun:test";
import type { EventKind, HeaderMap } from "../../../src/event/event.ts";
import { EventPlan } from "../../../src/exchange/event-plan.ts";
import { Exchange } from "../../../src/exchange/exchange.ts";
import { sampleRequest, sampleResponse } from "../../support/neutral-events.ts";

const HANDLED: ReadonlySet<EventKind> = new Set([
  "request-headers",
  "request-body-chunk",
  "response-headers",
  "response-body-chunk",
]);
const POST = { "content-length": ["5"] };

function exchangeWith(headers: HeaderMap, method = "POST"): Exchange {
  return new Exchange("id", { ...sampleRequest({ headers }), method }, 0);
}

function planFor(subscribed: readonly EventKind[] | null, seen: readonly EventKind[] = []): EventPlan {
  return new EventPlan(HANDLED, subscribed === null ? null : new Set(subscribed), new Set(seen));
}

describe("a body event can be relied on", () => {
  test("where the operator says that the proxy sends them", () => {
    const plan = planFor(["request-headers", "request-body-chunk", "response-body-chunk"]);
    expect(plan.requestBodyFollows(exchangeWith(POST))).toBe(true);
    expect(plan.responseBodyFollows(sampleResponse(), exchangeWith(POST))).toBe(true);
  });

  test("where nobody says so, once one came", () => {
    expect(planFor(null).requestBodyFollows(exchangeWith(POST))).toBe(false);
    expect(planFor(null, ["request-body-chunk"]).requestBodyFollows(exchangeWith(POST))).toBe(true);
    expect(planFor(null).responseBodyFollows(sampleResponse(), exchangeWith(POST))).toBe(false);
    expect(
      planFor(null, ["response-body-chunk"]).responseBodyFollows(sampleResponse(), exchangeWith(POST)),
    ).toBe(true);
  });

  test("also where the operator said otherwise, once one came", () => {
    const plan = planFor(["request-headers"], ["request-body-chunk"]);
    expect(plan.requestBodyFollows(exchangeWith(POST))).toBe(true);
  });

  test("not for a guest that does not handle them", () => {
    const plan = new EventPlan(
      new Set<EventKind>(["request-headers"]),
      null,
      new Set<EventKind>(["request-body-chunk"]),
    );
    expect(plan.requestBodyFollows(exchangeWith(POST))).toBe(false);
  });
});

describe("no body event follows", () => {
  const plan = planFor(["request-body-chunk", "response-body-chunk"]);

  test.each([
    ["a request of length 0", { "content-length": ["0"] }, "POST"],
    ["a GET that announces none", {}, "GET"],
    ["a HEAD that announces none", {}, "HEAD"],
  ])("%s", (_what, headers: HeaderMap, method) => {
    expect(plan.requestBodyFollows(exchangeWith(headers, method))).toBe(false);
  });

  test.each([101, 204, 304])("a response with status %d", (status) => {
    expect(plan.responseBodyFollows(sampleResponse({ status }), exchangeWith({}, "GET"))).toBe(false);
  });

  test("a response to HEAD, and one of length 0", () => {
    expect(plan.responseBodyFollows(sampleResponse(), exchangeWith({}, "HEAD"))).toBe(false);
    const empty = { ...sampleResponse(), headers: { "content-length": ["0"] } };
    expect(plan.responseBodyFollows(empty, exchangeWith({}, "GET"))).toBe(false);
  });
});
