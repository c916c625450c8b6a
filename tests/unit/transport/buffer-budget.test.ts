/** What all connections together may hold, and who pays when it is more. */

import { describe, expect, test } from "bun:test";
import { BufferBudget, type BufferHolder } from "../../../src/transport/uds/buffer-budget.ts";
import { AnsweringLater, loopTo } from "../../support/answering-later.ts";
import { v2Frame } from "../../support/frames.ts";
import { handshake, requestHeaders, Type } from "../../support/proxy-messages.ts";
import { RecordedLog } from "../../support/recorded-log.ts";

const MIB = 1024 * 1024;
const LIMIT_BYTES = 64 * MIB;
/** Half a minute of ticks, and the one before. */
const TICKS_UNTIL_STALLED = 7;

class Holder implements BufferHolder {
  readonly name: string;
  readonly #budget: BufferBudget;
  awaitsPeer = true;
  readCount = 0;
  bytes = 0;
  isThrottled = false;
  closedFor: "budget" | "stall" | null = null;

  constructor(name: string, budget: BufferBudget) {
    this.name = name;
    this.#budget = budget;
  }

  hold(bytes: number): void {
    this.bytes = bytes;
    this.readCount++;
    this.#budget.update(this, bytes);
  }

  setThrottled(isThrottled: boolean): void {
    this.isThrottled = isThrottled;
  }

  closeOverBudget(): void {
    this.closedFor = "budget";
    this.#budget.forget(this);
  }

  closeStalled(): void {
    this.closedFor = "stall";
    this.#budget.forget(this);
  }
}

function open() {
  const log = new RecordedLog();
  const later: (() => void)[] = [];
  const budget = new BufferBudget({ limitBytes: LIMIT_BYTES, log, schedule: (work) => later.push(work) });
  const endTurn = () => {
    for (const work of later.splice(0)) work();
  };
  return { log, budget, endTurn, holder: (name: string) => new Holder(name, budget) };
}

describe("below half of the budget", () => {
  test("everybody goes on, and the sum is right", () => {
    const { budget, holder } = open();
    const [a, b] = [holder("a"), holder("b")];
    a.hold(16 * MIB);
    b.hold(10 * MIB);
    a.hold(4 * MIB);
    expect(budget.heldBytes).toBe(14 * MIB);
    a.hold(0);
    b.hold(0);
    expect(budget.heldBytes).toBe(0);
    expect([a.isThrottled, b.isThrottled]).toEqual([false, false]);
    expect(budget.counters).toEqual({ paused: 0, closedOverBudget: 0, closedStalled: 0 });
  });
});

describe("above half of it", () => {
  test("those that hold most are paused first, and those that hold least go on", () => {
    const { budget, holder, log } = open();
    const holders = Array.from({ length: 200 }, (_, i) => holder(String(i)));
    for (const [i, each] of holders.entries()) each.hold((i + 1) * 2000);
    expect(budget.heldBytes).toBeGreaterThan(LIMIT_BYTES / 2);
    const paused = holders.filter(({ isThrottled }) => isThrottled);
    expect(paused.length).toBeGreaterThan(50);
    expect(holders[0]?.isThrottled).toBe(false);
    const leastPaused = Math.min(...paused.map(({ bytes }) => bytes));
    const mostOthers = Math.max(...holders.filter((each) => !each.isThrottled).map(({ bytes }) => bytes));
    // Those who came after the last look at the order may hold a little more.
    expect(leastPaused + MIB).toBeGreaterThan(mostOthers);
    expect(budget.counters.paused).toBe(paused.length);
    expect(log.messages("warn")).toEqual(["paused the connections that hold most of the buffered bytes"]);
  });

  test("connections that take turns in growing never hold more than the budget together", () => {
    const { budget, holder } = open();
    const holders = Array.from({ length: 500 }, (_, i) => holder(String(i)));
    for (let round = 0; round < 40; round++) {
      for (const each of holders) {
        if (!each.isThrottled && each.closedFor === null) each.hold(each.bytes + 512 * 1024);
        expect(budget.heldBytes).toBeLessThanOrEqual(LIMIT_BYTES);
      }
    }
  });

  test("frames that can be finished are: nobody is closed", () => {
    const { budget, holder, endTurn } = open();
    const holders = Array.from({ length: 60 }, (_, i) => holder(String(i)));
    const finished = new Set<Holder>();
    for (let round = 0; finished.size < holders.length && round < 500; round++) {
      for (const each of holders) {
        if (each.isThrottled || finished.has(each)) continue;
        each.hold(each.bytes + 256 * 1024);
        if (each.bytes < 2 * MIB) continue;
        each.hold(0);
        finished.add(each);
      }
      endTurn();
    }
    expect(finished.size).toBe(60);
    expect(budget.counters.closedOverBudget).toBe(0);
    expect(budget.counters.paused).toBeGreaterThan(0);
  });

  test("who is paused goes on when enough has been given back, but not in the middle of somebody's read", () => {
    const { budget, holder, endTurn, log } = open();
    const [small, large] = [holder("small"), holder("large")];
    large.hold(20 * MIB);
    small.hold(12.5 * MIB);
    for (let i = 0; i < 70; i++) holder(`other-${i}`).hold(MIB / 4);
    expect(large.isThrottled).toBe(true);
    small.hold(0);
    for (let i = 0; i < 5; i++) expect(large.isThrottled).toBe(true);
    budget.update(large, MIB);
    endTurn();
    expect(large.isThrottled).toBe(false);
    expect(log.messages("info")).toEqual(["no connection is paused for its buffered bytes any more"]);
  });
});

describe("above all of it", () => {
  test("the one that holds most is closed, and no other", () => {
    const { budget, holder } = open();
    const holders = [30, 20, 10].map((mib) => {
      const each = holder(`${mib} MiB`);
      each.hold(mib * MIB);
      return each;
    });
    holders[2]!.hold(15 * MIB);
    expect(holders.map(({ closedFor }) => closedFor)).toEqual(["budget", null, null]);
    expect(budget.heldBytes).toBe(35 * MIB);
    expect(budget.counters.closedOverBudget).toBe(1);
  });
});

describe("a frame that does not grow", () => {
  test("ends its connection after half a minute, and not before", () => {
    const { budget, holder } = open();
    const stalled = holder("stalled");
    stalled.hold(100);
    for (let tick = 1; tick < TICKS_UNTIL_STALLED; tick++) {
      budget.tick();
      expect(stalled.closedFor).toBeNull();
    }
    budget.tick();
    expect(stalled.closedFor).toBe("stall");
    expect(budget.counters.closedStalled).toBe(1);
  });

  test("a single byte in time keeps it alive, as does a reason of our own to wait", () => {
    const { budget, holder } = open();
    const slow = holder("slow");
    const blocked = holder("blocked");
    blocked.awaitsPeer = false;
    slow.hold(100);
    blocked.hold(100);
    for (let tick = 0; tick < 50; tick++) {
      if (tick % 5 === 0) slow.hold(100);
      budget.tick();
    }
    expect([slow.closedFor, blocked.closedFor]).toEqual([null, null]);
  });

  test("a connection that is paused for others' sake does not stall", () => {
    const { budget, holder } = open();
    const holders = Array.from({ length: 80 }, (_, i) => holder(String(i)));
    for (const each of holders) each.hold(600_000);
    const paused = holders.filter(({ isThrottled }) => isThrottled);
    expect(paused.length).toBeGreaterThan(0);
    for (let tick = 0; tick < TICKS_UNTIL_STALLED; tick++) budget.tick();
    expect(paused.every(({ closedFor }) => closedFor === null)).toBe(true);
    expect(holders.filter(({ closedFor }) => closedFor === "stall")).toHaveLength(80 - paused.length);
  });
});

describe("connections", () => {
  const half = (bytes: number): Buffer =>
    v2Frame(Type.requestHeaders, requestHeaders({ id: "x".repeat(4 * MIB) })).subarray(0, bytes);
  const HANDSHAKE = v2Frame(Type.handshake, handshake("0.6.54"));

  test("count what they hold of a frame, and nothing once it is whole", () => {
    const loop = loopTo(new AnsweringLater());
    const peer = loop.connect();
    const frame = v2Frame(Type.requestHeaders, requestHeaders({ id: "a" }));
    peer.send(Buffer.concat([HANDSHAKE, frame.subarray(0, 50)]));
    expect(loop.context.buffers.heldBytes).toBeGreaterThanOrEqual(50);
    peer.send(frame.subarray(50));
    expect(loop.context.buffers.heldBytes).toBe(0);
  });

  test("count answers that the peer does not read", () => {
    const sink = new AnsweringLater();
    const loop = loopTo(sink);
    const peer = loop.connect();
    peer.send(Buffer.concat([HANDSHAKE, v2Frame(Type.requestHeaders, requestHeaders({ id: "a" }))]));
    peer.writableBytes = 0;
    sink.event(0).answer();
    loop.endTurn();
    expect(loop.context.buffers.heldBytes).toBeGreaterThan(50);
    peer.drain(Number.POSITIVE_INFINITY);
    expect(loop.context.buffers.heldBytes).toBe(0);
  });

  test("a frame of 16 MiB never takes more memory than itself", () => {
    const loop = loopTo(new AnsweringLater());
    const peer = loop.connect();
    const frame = Buffer.alloc(16 * MIB);
    frame.writeUInt32BE(frame.length - 4, 0);
    frame[4] = Type.requestHeaders;
    peer.send(HANDSHAKE);
    for (let at = 0; at < frame.length - 100_000; at += 100_000) {
      peer.send(frame.subarray(at, at + 100_000));
      expect(loop.context.buffers.heldBytes).toBeLessThanOrEqual(frame.length);
    }
  });

  test("that hold too much together are paused, and the greediest is cut off with a word in the log", () => {
    const log = new RecordedLog();
    const loop = loopTo(new AnsweringLater(), { log, maxBufferedBytes: 4 * MIB });
    const peers = [0.5, 0.5, 2.5].map((mib) => {
      const peer = loop.connect();
      peer.send(Buffer.concat([HANDSHAKE, half(mib * MIB)]));
      return peer;
    });
    expect(peers.map(({ isClosed }) => isClosed)).toEqual([false, false, false]);
    expect(peers[2]?.isPaused).toBe(true);
    peers[0]?.send(Buffer.alloc(0.6 * MIB));
    expect(peers.map(({ isTerminated }) => isTerminated)).toEqual([false, false, true]);
    expect(log.lines.map(({ fields }) => fields["reason"])).toContain(
      "frame-over-budget: all connections together hold more than --max-buffered",
    );
  });

  test("that are closed give back what they held", () => {
    const loop = loopTo(new AnsweringLater());
    const peer = loop.connect();
    peer.send(Buffer.concat([HANDSHAKE, half(5000)]));
    peer.connection.onClosed();
    expect(loop.context.buffers.heldBytes).toBe(0);
  });

  test("a peer that owes the rest of its frame is closed after half a minute", () => {
    const log = new RecordedLog();
    const loop = loopTo(new AnsweringLater(), { log });
    const peer = loop.connect();
    const idle = loop.connect();
    idle.send(HANDSHAKE);
    peer.send(Buffer.concat([HANDSHAKE, half(5000)]));
    for (let tick = 0; tick < TICKS_UNTIL_STALLED; tick++) loop.context.buffers.tick();
    expect([peer.isTerminated, idle.isClosed]).toEqual([true, false]);
    expect(log.lines.at(-1)?.fields["reason"]).toBe("frame-stalled: the peer has done nothing for 30 s");
  });
});
