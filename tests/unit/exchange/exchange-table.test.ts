/** Open exchanges: which one an event belongs to, and what bounds them. */

import { describe, expect, test } from "bun:test";
import type { EndReason } from "../../../src/exchange/end-reason.ts";
import type { Exchange } from "../../../src/exchange/exchange.ts";
import { ExchangeTable } from "../../../src/exchange/exchange-table.ts";

function withLease(exchange: Exchange | null): EndReason[] {
  const ends: EndReason[] = [];
  exchange!.lease = { isOver: false, submit: () => {}, end: (reason) => ends.push(reason) };
  return ends;
}

function open(options: { readonly maxExchanges?: number; readonly timeoutMs?: number } = {}) {
  const clock = { nowMs: 1000 };
  const table = new ExchangeTable({
    maxExchanges: options.maxExchanges ?? 100,
    timeoutMs: options.timeoutMs ?? 60_000,
    now: () => clock.nowMs,
  });
  return { table, clock };
}

describe("an exchange", () => {
  test("is found by its id until it ends", () => {
    const { table } = open();
    const exchange = table.open("a", null)!;
    expect(table.find("a")).toBe(exchange);
    table.end(exchange, "finished");
    expect(table.find("a")).toBeNull();
    expect(table.counters).toMatchObject({ opened: 1, ended: { finished: 1 } });
  });

  test("ends once, whoever ends it again", () => {
    const { table } = open();
    const exchange = table.open("a", null)!;
    const ends = withLease(exchange);
    table.end(exchange, "finished");
    table.end(exchange, "idle");
    table.endAll("closed");
    expect(ends).toEqual(["finished"]);
  });

  test("is superseded by a newer one with its id, and its own end leaves the newer alone", () => {
    const { table } = open();
    const old = table.open("a", null)!;
    const ends = withLease(old);
    const young = table.open("a", null)!;
    expect(ends).toEqual(["superseded"]);
    table.end(old, "finished");
    expect(table.find("a")).toBe(young);
  });

  test.each(["__proto__", "constructor", "", "a\u0000b"])("may have the id %p", (id) => {
    const { table } = open();
    expect(table.find(id)).toBeNull();
    expect(table.find("x")).toBeNull();
    expect(table.open(id, null)).toBe(table.find(id));
  });

  test("is not kept for an id of more than 256 characters", () => {
    const { table } = open();
    expect(table.open("x".repeat(256), null)).not.toBeNull();
    expect(table.open("x".repeat(257), null)).toBeNull();
    expect(table.size).toBe(1);
  });

  test("ends when no event has come for the timeout, and not while events come", async () => {
    const { table, clock } = open({ timeoutMs: 8 });
    const idle = withLease(table.open("idle", null));
    const busy = withLease(table.open("busy", null));
    while (idle.length === 0) {
      await Bun.sleep(1);
      clock.nowMs += 1;
      table.find("busy");
    }
    expect(idle).toEqual(["idle"]);
    expect(busy).toEqual([]);
    table.endAll("closed");
    expect(busy).toEqual(["closed"]);
  });
});

describe("the table", () => {
  test("ends the oldest when there are too many", () => {
    const { table } = open({ maxExchanges: 2 });
    const ends = ["a", "b", "c"].map((id) => withLease(table.open(id, null)));
    expect(ends).toEqual([["evicted"], [], []]);
    expect(table.size).toBe(2);
  });

  test("ends the oldest when they hold too much, but never the one that grows", () => {
    const { table } = open();
    const half = { kind: "request-text", json: "x".repeat(40 * 1024 * 1024) } as const;
    const first = withLease(table.open("a", half));
    const second = withLease(table.open("b", half));
    expect([first, second]).toEqual([["evicted"], []]);
  });

  test("holds nothing of exchanges that have ended", () => {
    const { table } = open({ maxExchanges: 10 });
    const request = { kind: "request-text", json: "x".repeat(1024 * 1024) } as const;
    for (let i = 0; i < 1000; i++) table.end(table.open(`id-${i}`, request)!, "finished");
    for (let i = 0; i < 10; i++) table.open(`last-${i}`, request);
    expect(table.size).toBe(10);
    expect(table.counters.ended).toMatchObject({ finished: 1000, evicted: 0 });
  });
});

describe("another process", () => {
  test("goes on with exchanges that no instance holds state for, and knows nothing of the others", () => {
    const { table: before } = open();
    const exchange = before.open("kept", { kind: "request-text", json: '{"method":"POST"}' })!;
    exchange.deferredOps = [{ op: "set", name: "x-a", value: "1" }];
    exchange.requestBody.forwardedBytes = 17;
    withLease(before.open("leased", null));
    const { table: after } = open();
    after.restore(before.save());
    expect(after.find("kept")).toMatchObject({
      request: { kind: "request-text", json: '{"method":"POST"}' },
      deferredOps: [{ op: "set", name: "x-a", value: "1" }],
      requestBody: { stage: "none", forwardedBytes: 17, isReplaced: false },
    });
    expect(after.find("leased")).toBeNull();
  });

  test("keeps to its own bounds, oldest first", () => {
    const { table: before } = open();
    for (let i = 0; i < 10; i++) before.open(`id-${i}`, null);
    const { table: after } = open({ maxExchanges: 3 });
    after.restore(before.save());
    expect(after.size).toBe(3);
    expect(after.find("id-9")).not.toBeNull();
    expect(after.find("id-6")).toBeNull();
  });
});
