/** Back-pressure: nothing grows without bound, nothing is lost, nothing is interleaved. */

import { describe, expect, test } from "bun:test";
import { PLAIN_ALLOW, type Verdict } from "../../../src/event/verdict.ts";
import { AnsweringLater, loopTo } from "../../support/answering-later.ts";
import { FrameSplitter, v1Frame, v2Frame } from "../../support/frames.ts";
import { handshake, requestHeaders, Type, v1Envelope } from "../../support/proxy-messages.ts";
import { RecordedLog } from "../../support/recorded-log.ts";

const MIB = 1024 * 1024;
const request = (id: string): Buffer => v2Frame(Type.requestHeaders, requestHeaders({ id }));

function sized(bytes: number): Verdict {
  return { ...PLAIN_ALLOW, audit: { ...PLAIN_ALLOW.audit, tags: ["x".repeat(bytes)] } };
}

function open() {
  const sink = new AnsweringLater();
  const log = new RecordedLog();
  const loop = loopTo(sink, { log });
  const peer = loop.connect();
  peer.send(v2Frame(Type.handshake, handshake("0.6.54")));
  peer.takeReceived();
  return { sink, log, loop, peer };
}

/** Ids of all answers, read from pieces of the stream as they came. */
function idsOf(pieces: readonly Buffer[]): string[] {
  const splitter = new FrameSplitter(2);
  const frames = pieces.flatMap((piece) => splitter.push(piece));
  expect(splitter.restBytes).toBe(0);
  return frames.map(
    (frame) =>
      (JSON.parse(frame.text) as { audit: { custom: { correlation_id: string } } }).audit.custom
        .correlation_id,
  );
}

describe("a peer that does not read", () => {
  test("is not read from either once a megabyte waits for it, and is again when it has read", () => {
    const { sink, loop, peer } = open();
    peer.writableBytes = 0;
    peer.send(Buffer.concat([request("a"), request("b")]));
    sink.event(0).answer(sized(2 * MIB));
    loop.endTurn();
    expect(peer.isPaused).toBe(true);
    peer.drain(100);
    expect(peer.isPaused).toBe(true);
    peer.drain(Number.POSITIVE_INFINITY);
    expect(peer.isPaused).toBe(false);
    sink.event(1).answer();
    loop.endTurn();
    expect(idsOf([peer.takeReceived()])).toEqual(["a", "b"]);
  });

  test("is not read from either when many small answers wait for it", () => {
    const { sink, loop, peer } = open();
    peer.writableBytes = 0;
    peer.send(Buffer.concat(Array.from({ length: 1100 }, (_, i) => request(`id-${i}`))));
    for (const event of sink.events) {
      event.answer();
      loop.endTurn();
    }
    expect(peer.isPaused).toBe(true);
    peer.drain(Number.POSITIVE_INFINITY);
    expect(peer.isPaused).toBe(false);
    expect(idsOf([peer.takeReceived()])).toHaveLength(1100);
  });

  test("gets every byte in order, however few the socket takes at a time", () => {
    const { sink, loop, peer } = open();
    peer.writableBytes = 3;
    const ids = Array.from({ length: 50 }, (_, i) => `id-${i}`);
    for (const [i, id] of ids.entries()) {
      peer.send(request(id));
      sink.event(i).answer(sized(i * 7));
      loop.endTurn();
    }
    const pieces = [peer.takeReceived()];
    for (let step = 1; step < 2000; step++) {
      peer.drain(step % 17);
      pieces.push(peer.takeReceived());
    }
    expect(idsOf(pieces)).toEqual(ids);
  });

  test("goes on with the frames that had been read before the pause", () => {
    const { sink, loop, peer } = open();
    sink.immediate.add("request-headers");
    peer.writableBytes = 0;
    const longIds = Array.from({ length: 40 }, (_, i) => `${i}-${"x".repeat(100_000)}`);
    peer.send(Buffer.concat(longIds.map((id) => request(id))));
    expect(peer.isPaused).toBe(true);
    const pieces: Buffer[] = [];
    for (let turns = 0; turns < 100; turns++) {
      peer.drain(500_000);
      loop.endTurn();
      pieces.push(peer.takeReceived());
    }
    expect(idsOf(pieces)).toEqual(longIds);
    expect(peer.isPaused).toBe(false);
  });

  test("is cut off when 64 MiB wait for it all the same", () => {
    const { sink, loop, peer, log } = open();
    peer.writableBytes = 0;
    peer.send(Buffer.concat(Array.from({ length: 10 }, (_, i) => request(`id-${i}`))));
    for (let i = 0; i < 10 && !peer.isClosed; i++) {
      sink.event(i).answer(sized(8 * MIB));
      loop.endTurn();
    }
    expect(peer.isTerminated).toBe(true);
    expect(log.messages("warn")).toEqual(["closing a connection whose peer does not read its answers"]);
    expect(sink.events.at(-1)?.isCancelled).toBe(true);
  });
});

describe("a peer that asks faster than v1 allows", () => {
  test("is not read from once a megabyte of events waits behind the one in flight", () => {
    const sink = new AnsweringLater();
    const loop = loopTo(sink);
    const peer = loop.connect();
    const frame = v1Frame(v1Envelope("request_headers", requestHeaders({ uri: `/${"x".repeat(100_000)}` })));
    peer.send(Buffer.concat([frame, frame]));
    expect(peer.isPaused).toBe(false);
    peer.send(Buffer.concat(Array.from({ length: 11 }, () => frame)));
    expect(peer.isPaused).toBe(true);
    for (let i = 0; i < 13; i++) {
      sink.event(i).answer();
      loop.endTurn();
    }
    expect(peer.isPaused).toBe(false);
    expect(peer.takeFrames(1)).toHaveLength(13);
  });
});

describe("the end", () => {
  test("of a peer that asked nothing closes at once", () => {
    const { peer } = open();
    peer.endOfPeer();
    expect(peer.isEnded).toBe(true);
  });

  test("waits until the last answer has left", () => {
    const { sink, loop, peer } = open();
    peer.send(request("a"));
    peer.writableBytes = 10;
    sink.event(0).answer();
    loop.endTurn();
    peer.endOfPeer();
    expect(peer.isClosed).toBe(false);
    peer.drain(Number.POSITIVE_INFINITY);
    expect(peer.isEnded).toBe(true);
    expect(idsOf([peer.takeReceived()])).toEqual(["a"]);
  });

  test("in the middle of a frame closes without a word", () => {
    const { peer } = open();
    peer.send(request("a").subarray(0, 30));
    peer.endOfPeer();
    expect(peer.isClosed).toBe(true);
    expect(peer.takeReceived()).toHaveLength(0);
  });

  test("comes also after an answer so large that it left before the end of the turn", () => {
    const { loop, peer } = open();
    peer.send(v2Frame(Type.ping, "x".repeat(300_000)));
    peer.endOfPeer();
    loop.endTurn();
    expect(peer.takeReceived().length).toBeGreaterThan(300_000);
    expect(peer.connection.isQuiet).toBe(true);
    expect(peer.isEnded).toBe(true);
  });

  test("an answer that comes after the peer is gone goes nowhere", () => {
    const { sink, loop, peer } = open();
    peer.send(request("a"));
    peer.connection.onClosed();
    sink.event(0).answer();
    loop.endTurn();
    expect(peer.takeReceived()).toHaveLength(0);
  });

  test("what comes after the agent decided to close is not looked at", () => {
    const { sink, peer } = open();
    peer.connection.end();
    peer.send(request("late"));
    expect(sink.events).toHaveLength(0);
  });
});

describe("isQuiet", () => {
  test("is true between events and false while anything is under way", () => {
    const { sink, loop, peer } = open();
    expect(peer.connection.isQuiet).toBe(true);
    const frame = request("a");
    peer.send(frame.subarray(0, 10));
    expect(peer.connection.isQuiet).toBe(false);
    peer.send(frame.subarray(10));
    expect(peer.connection.isQuiet).toBe(false);
    peer.writableBytes = 5;
    sink.event(0).answer();
    expect(peer.connection.isQuiet).toBe(false);
    loop.endTurn();
    expect(peer.connection.isQuiet).toBe(false);
    peer.drain(Number.POSITIVE_INFINITY);
    expect(peer.connection.isQuiet).toBe(true);
  });
});

test("answers of several connections in one turn reach their own peers", () => {
  const sink = new AnsweringLater();
  const loop = loopTo(sink);
  const peers = [loop.connect(), loop.connect(), loop.connect()];
  for (const peer of peers) peer.send(v2Frame(Type.handshake, handshake("0.6.54")));
  for (const peer of peers) peer.takeReceived();
  for (let round = 0; round < 3; round++) {
    for (const [i, peer] of peers.entries()) peer.connection.onData(request(`${i}-${round}`));
  }
  for (const event of sink.events) event.answer();
  loop.endTurn();
  for (const [i, peer] of peers.entries()) {
    expect(idsOf([peer.takeReceived()])).toEqual([`${i}-0`, `${i}-1`, `${i}-2`]);
  }
});
