/** A connection between two processes: it stops, is held, and goes on in one of them without a lost or repeated byte. */

import { describe, expect, test } from "bun:test";
import { PLAIN_ALLOW } from "../../../src/event/verdict.ts";
import { FrameError } from "../../../src/transport/frame-error.ts";
import type { ConnectionState } from "../../../src/transport/uds/connection-state.ts";
import { AnsweringLater, loopTo } from "../../support/answering-later.ts";
import { FrameSplitter, v1Frame, v2Frame } from "../../support/frames.ts";
import type { Loopback } from "../../support/loopback.ts";
import { handshake, requestHeaders, Type, v1Envelope } from "../../support/proxy-messages.ts";

const v2Request = (id: string): Buffer => v2Frame(Type.requestHeaders, requestHeaders({ id }));
const v1Request = (uri = "/"): Buffer => v1Frame(v1Envelope("request_headers", requestHeaders({ uri })));
const HANDSHAKE = v2Frame(Type.handshake, handshake("0.6.54"));

/** Two processes, as far as connections can tell. */
function twoLoops() {
  const sinks = [new AnsweringLater(), new AnsweringLater()] as const;
  const loops = sinks.map((sink) => loopTo(sink));
  return { oldSink: sinks[0], newSink: sinks[1], oldLoop: loops[0]!, newLoop: loops[1]! };
}

function hold(peer: Loopback): ConnectionState {
  peer.connection.stopReading();
  expect(peer.connection.isDrained).toBe(true);
  return peer.connection.hold().state;
}

const idsIn = (bytes: Buffer): string[] =>
  new FrameSplitter(2)
    .push(bytes)
    .filter(({ type }) => type === Type.agentResponse)
    .map(
      ({ text }) =>
        (JSON.parse(text) as { audit: { custom: { correlation_id: string } } }).audit.custom.correlation_id,
    );

describe("stopReading", () => {
  test("leaves what is in flight to be answered, and handles nothing that comes after", () => {
    const { oldSink, oldLoop } = twoLoops();
    const peer = oldLoop.connect();
    peer.send(Buffer.concat([HANDSHAKE, v2Request("in-flight")]));
    peer.connection.stopReading();
    expect(peer.isPaused).toBe(true);
    expect(peer.connection.isDrained).toBe(false);
    // Bytes that were already on their way to the process.
    peer.send(v2Request("late"));
    expect(oldSink.events).toHaveLength(1);
    oldSink.event(0).answer();
    oldLoop.endTurn();
    expect(peer.connection.isDrained).toBe(true);
    expect(idsIn(peer.takeReceived())).toEqual(["in-flight"]);
    expect(peer.connection.hold().state.unhandled).toEqual(v2Request("late"));
  });

  test("v1: the next event waits although the answer to the one before has left", () => {
    const { oldSink, oldLoop } = twoLoops();
    const peer = oldLoop.connect();
    peer.send(Buffer.concat([v1Request("/first"), v1Request("/second")]));
    peer.connection.stopReading();
    oldSink.event(0).answer();
    oldLoop.endTurn();
    expect(oldSink.events).toHaveLength(1);
    expect(peer.connection.hold().state.unhandled).toEqual(v1Request("/second"));
  });
});

describe("another process goes on", () => {
  test.each([1, 5, 30, 200])("with a v2 frame of which %d bytes had been read", (cut) => {
    const { oldLoop, newLoop, newSink } = twoLoops();
    const frame = v2Request("across");
    const before = oldLoop.connect();
    before.send(Buffer.concat([HANDSHAKE, frame.subarray(0, cut)]));
    const after = newLoop.restore(hold(before));
    after.connection.release();
    after.send(frame.subarray(cut));
    newSink.event(0).answer();
    newLoop.endTurn();
    expect(idsIn(after.takeReceived())).toEqual(["across"]);
  });

  test("with a v1 frame of which a part had been read", () => {
    const { oldLoop, newLoop, newSink } = twoLoops();
    const before = oldLoop.connect();
    before.send(v1Request().subarray(0, 40));
    const after = newLoop.restore(hold(before));
    after.connection.release();
    after.send(v1Request().subarray(40));
    newSink.event(0).answer();
    newLoop.endTurn();
    expect(after.takeFrames(1)).toHaveLength(1);
  });

  test.each(["0.6.54", "0.6.20"])("in the form that a proxy of version %s understands", (version) => {
    const { oldLoop, newLoop, newSink } = twoLoops();
    const before = oldLoop.connect();
    before.send(v2Frame(Type.handshake, handshake(version)));
    const after = newLoop.restore(hold(before));
    after.connection.release();
    after.send(v2Request("redirected"));
    newSink.event(0).answer({
      ...PLAIN_ALLOW,
      decision: { kind: "redirect", status: 302, location: "https://login.example/" },
    });
    newLoop.endTurn();
    const [frame] = after.takeFrames(2);
    expect(Object.keys((JSON.parse(frame!.text) as { decision: object }).decision)).toEqual([
      version === "0.6.54" ? "redirect" : "block",
    ]);
  });

  test("before the handshake, with the handshake", () => {
    const { oldLoop, newLoop } = twoLoops();
    const before = oldLoop.connect();
    before.send(HANDSHAKE.subarray(0, 5));
    const after = newLoop.restore(hold(before));
    after.connection.release();
    after.send(HANDSHAKE.subarray(5));
    expect(after.takeFrames(2).map(({ type }) => type)).toEqual([Type.handshakeResponse]);
  });

  test("before the first byte", () => {
    const { oldLoop, newLoop, newSink } = twoLoops();
    const state = hold(oldLoop.connect());
    expect(state.handler).toBeNull();
    const after = newLoop.restore(state);
    after.connection.release();
    after.send(v1Request());
    expect(newSink.events).toHaveLength(1);
  });

  test("with the rest of an answer that was cut in its middle", () => {
    const { oldSink, oldLoop, newLoop, newSink } = twoLoops();
    const before = oldLoop.connect();
    before.send(Buffer.concat([HANDSHAKE, v2Request("first"), v2Request("second")]));
    const shakenHands = before.takeReceived();
    before.writableBytes = 17;
    oldSink.event(0).answer();
    oldSink.event(1).answer();
    oldLoop.endTurn();
    const after = newLoop.restore(hold(before));
    after.writableBytes = 3;
    after.connection.release();
    after.send(v2Request("third"));
    newSink.event(0).answer();
    after.drain(Number.POSITIVE_INFINITY);
    newLoop.endTurn();
    const stream = Buffer.concat([shakenHands, before.takeReceived(), after.takeReceived()]);
    expect(idsIn(stream)).toEqual(["first", "second", "third"]);
  });

  test("with frames that had been read and had to wait", () => {
    const { oldSink, oldLoop, newLoop, newSink } = twoLoops();
    oldSink.immediate.add("request-headers");
    newSink.immediate.add("request-headers");
    const before = oldLoop.connect();
    before.send(HANDSHAKE);
    const pieces = [before.takeReceived()];
    before.writableBytes = 0;
    const ids = Array.from({ length: 40 }, (_, i) => `${i}-${"x".repeat(100_000)}`);
    before.send(Buffer.concat(ids.map(v2Request)));
    expect(before.isPaused).toBe(true);
    const after = newLoop.restore(hold(before));
    after.connection.release();
    after.drain(Number.POSITIVE_INFINITY);
    pieces.push(after.takeReceived());
    expect(idsIn(Buffer.concat(pieces))).toEqual(ids);
    expect(after.isPaused).toBe(false);
  });

  test("with a peer that sends no more and waits for its last answer", () => {
    const { oldSink, oldLoop, newLoop } = twoLoops();
    const before = oldLoop.connect();
    before.send(Buffer.concat([HANDSHAKE, v2Request("last")]));
    before.writableBytes = 10;
    oldSink.event(0).answer();
    before.endOfPeer();
    const first = before.takeReceived();
    const after = newLoop.restore(hold(before));
    after.connection.release();
    expect(idsIn(Buffer.concat([first, after.takeReceived()]))).toEqual(["last"]);
    expect(after.isEnded).toBe(true);
  });
});

describe("while it is held", () => {
  test("nothing is read, written or closed, whatever the socket reports", () => {
    const { oldSink, oldLoop } = twoLoops();
    const peer = oldLoop.connect();
    peer.send(Buffer.concat([HANDSHAKE, v2Request("a")]));
    peer.writableBytes = 10;
    oldSink.event(0).answer();
    oldLoop.endTurn();
    peer.takeReceived();
    hold(peer);
    const { writes } = peer;
    peer.drain(Number.POSITIVE_INFINITY);
    peer.endOfPeer();
    peer.connection.resume();
    peer.connection.setThrottled(true);
    peer.connection.setThrottled(false);
    expect(peer.writes).toBe(writes);
    expect(peer.isPaused).toBe(true);
    expect(peer.isClosed).toBe(false);
  });

  test("a restored connection does nothing before it is released", () => {
    const { newLoop, newSink } = twoLoops();
    const peer = newLoop.restore({
      handler: { protocol: 2, proxyVersion: "0.6.54" },
      unhandled: v2Request("waits"),
      unsent: Buffer.from("rest of an answer"),
      peerHasEnded: false,
    });
    peer.drain(Number.POSITIVE_INFINITY);
    expect([peer.writes, peer.isPaused, newSink.events.length]).toEqual([0, true, 0]);
    peer.connection.release();
    expect([peer.isPaused, newSink.events.length]).toEqual([false, 1]);
    expect(peer.takeReceived().toString()).toBe("rest of an answer");
  });

  test("release goes on as if nothing had happened", () => {
    const { oldSink, oldLoop } = twoLoops();
    const peer = oldLoop.connect();
    const frame = v2Request("a");
    peer.send(Buffer.concat([HANDSHAKE, frame.subarray(0, 20)]));
    hold(peer);
    peer.connection.release();
    expect(peer.isPaused).toBe(false);
    peer.send(frame.subarray(20));
    oldSink.event(0).answer();
    oldLoop.endTurn();
    expect(idsIn(peer.takeReceived())).toEqual(["a"]);
  });

  test("release closes for a peer that has gone meanwhile", () => {
    const { oldLoop } = twoLoops();
    const peer = oldLoop.connect();
    peer.send(HANDSHAKE);
    hold(peer);
    peer.endOfPeer();
    expect(peer.isClosed).toBe(false);
    peer.connection.release();
    expect(peer.isEnded).toBe(true);
  });
});

test.each([3, "1", undefined, 2].map((protocol) => [JSON.stringify({ protocol, proxyVersion: 7 })]))(
  "the state %s is of no protocol that is known here",
  (json) => {
    const handler = JSON.parse(json) as unknown;
    const { newLoop } = twoLoops();
    const state = { handler, unhandled: Buffer.alloc(0), unsent: Buffer.alloc(0), peerHasEnded: false };
    expect(() => newLoop.restore(state as unknown as ConnectionState)).toThrow(FrameError);
  },
);
