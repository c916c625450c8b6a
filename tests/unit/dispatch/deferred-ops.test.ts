/** Response-header operations of the request phase, for proxies that drop them there. */

import { describe, expect, test } from "bun:test";
import { DeferredOps } from "../../../src/dispatch/deferred-ops.ts";
import type { HeaderOp } from "../../../src/event/header-ops.ts";
import type { PeerTraits } from "../../../src/event/peer.ts";
import { PLAIN_ALLOW, type Verdict } from "../../../src/event/verdict.ts";
import { ExchangeTable } from "../../../src/exchange/exchange-table.ts";
import { sampleRequest } from "../../support/neutral-events.ts";
import { RecordedLog } from "../../support/recorded-log.ts";

const OLD_PROXY: PeerTraits = { keepsResponseOps: false, hasResponseEvents: true, replacesBodies: false };

const set = (name: string, value = "1"): HeaderOp => ({ op: "set", name, value });
const verdictWith = (...responseHeaders: HeaderOp[]): Verdict => ({ ...PLAIN_ALLOW, responseHeaders });
const request = (id: string) => sampleRequest({ id });

function open(maxExchanges = 16_384) {
  const log = new RecordedLog();
  const exchanges = new ExchangeTable({ maxExchanges, timeoutMs: 60_000 });
  return { log, exchanges, deferred: new DeferredOps(exchanges, log) };
}

describe("operations of the request phase", () => {
  test("are added to one response, before those of the response", () => {
    const { exchanges, deferred } = open();
    deferred.keep(request("a"), OLD_PROXY, null, verdictWith(set("X-A")));
    const exchange = exchanges.find("a")!;
    const added = deferred.addTo(verdictWith(set("X-B")), exchange);
    expect(added.responseHeaders).toEqual([set("X-A"), set("X-B")]);
    expect(deferred.addTo(PLAIN_ALLOW, exchange)).toBe(PLAIN_ALLOW);
  });

  test.each([
    ["the proxy keeps them itself", { ...OLD_PROXY, keepsResponseOps: true }, verdictWith(set("X-A"))],
    ["there are none", OLD_PROXY, PLAIN_ALLOW],
    [
      "the client is refused",
      OLD_PROXY,
      { ...verdictWith(set("X-A")), decision: { kind: "block", status: 403, body: null } },
    ],
  ] as [string, PeerTraits, Verdict][])("are not kept when %s", (_reason, peer, verdict) => {
    const { log, exchanges, deferred } = open();
    deferred.keep(request("a"), peer, null, verdict);
    expect([exchanges.size, log.lines.length]).toEqual([0, 0]);
  });

  test.each([
    ["too many of them", Array.from({ length: 65 }, (_, i) => set(`X-${i}`)), "a"],
    ["too long a value", [set("X-A", "x".repeat(16 * 1024))], "a"],
    ["too long an id", [set("X-A")], "x".repeat(257)],
  ])("are lost with %s, which is said once", (_reason, ops, id) => {
    const { log, exchanges, deferred } = open();
    deferred.keep(request(id), OLD_PROXY, null, verdictWith(...ops));
    deferred.keep(request(id), OLD_PROXY, null, verdictWith(...ops));
    expect(exchanges.size).toBe(0);
    expect(log.lines).toHaveLength(1);
  });

  test("are lost on v1, which is said once", () => {
    const { log, deferred } = open();
    deferred.keep(request("a"), { ...OLD_PROXY, hasResponseEvents: false }, null, verdictWith(set("X-A")));
    expect(log.lines).toHaveLength(1);
  });

  test("of the newest request count when ids repeat", () => {
    const { exchanges, deferred } = open();
    deferred.keep(request("a"), OLD_PROXY, null, verdictWith(set("X-Old")));
    deferred.keep(request("a"), OLD_PROXY, null, verdictWith(set("X-New")));
    expect(deferred.addTo(PLAIN_ALLOW, exchanges.find("a")!).responseHeaders).toEqual([set("X-New")]);
  });
});
