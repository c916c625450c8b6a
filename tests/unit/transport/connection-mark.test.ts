/** What a connection says of itself for the case that its process is killed: whether another one could go on. */

import { describe, expect, test } from "bun:test";
import type { MarkMaker } from "../../../src/transport/uds/connection-mark.ts";
import { acceptAnswer } from "../../support/accepted-answer.ts";
import { AnsweringLater, loopTo } from "../../support/answering-later.ts";
import { v1Frame, v2Frame } from "../../support/frames.ts";
import type { Loopback } from "../../support/loopback.ts";
import { handshake, requestHeaders, Type, v1Envelope } from "../../support/proxy-messages.ts";

const HANDSHAKE = v2Frame(Type.handshake, handshake("0.6.54"));
const v2Request = (id: string): Buffer => v2Frame(Type.requestHeaders, requestHeaders({ id }));
const V1_REQUEST = v1Frame(v1Envelope("request_headers", requestHeaders()));

/** Everything that was said, in order; repeated words only once. */
function marked(peer: Loopback) {
  const said: (boolean | "closing" | "closed")[] = [];
  const say = (word: (typeof said)[number]) => {
    if (said.at(-1) !== word) said.push(word);
  };
  const states: unknown[] = [];
  /** Events that a killed process would leave unanswered, as `type id`. */
  const open: string[] = [];
  const answered: number[] = [];
  const make: MarkMaker = (_descriptor, handler) => {
    states.push(handler);
    return {
      journal: {
        open: (type, id) => open.push(`${type} ${id}`) - 1,
        close: (entry) => void answered.push(entry),
      },
      set: say,
      onDelivered: () => {
        for (const entry of answered.splice(0)) open[entry] = "";
      },
      onClosing: () => say("closing"),
      onClosed: () => say("closed"),
    };
  };
  peer.connection.markWith(make);
  const lost = () => open.filter((event) => event !== "");
  return { said, states, lost, isMarked: peer.connection.isMarked };
}

describe("v2", () => {
  function open() {
    const sink = new AnsweringLater();
    const loop = loopTo(sink);
    const peer = loop.connect();
    peer.send(HANDSHAKE);
    return { sink, loop, peer, ...marked(peer) };
  }

  test("can be gone on with between frames, also with events that will never be answered", () => {
    const { peer, said, states } = open();
    peer.send(Buffer.concat([v2Request("a"), v2Request("b")]));
    expect(said).toEqual([true]);
    expect(states).toEqual([{ protocol: 2, proxyVersion: "0.6.54" }]);
  });

  test.each([1, 3, 4, 5, 100])(
    "cannot be in the middle of a frame (%d bytes), and can again behind it",
    (cut) => {
      const { peer, said } = open();
      const frame = v2Request("a");
      peer.send(Buffer.concat([v2Request("whole"), frame.subarray(0, cut)]));
      expect(said).toEqual([true, false]);
      peer.send(frame.subarray(cut));
      expect(said).toEqual([true, false, true]);
    },
  );

  test("cannot in the middle of an answer", () => {
    const { sink, loop, peer, said } = open();
    peer.send(v2Request("a"));
    peer.writableBytes = 10;
    sink.event(0).answer();
    loop.endTurn();
    expect(said).toEqual([true, false]);
    peer.drain(Number.POSITIVE_INFINITY);
    expect(said).toEqual([true, false, true]);
  });

  test("says so before its frames are handled, since that may be what kills the process", () => {
    const sink = new AnsweringLater();
    const loop = loopTo(sink);
    const peer = loop.connect();
    peer.send(HANDSHAKE);
    const { said } = marked(peer);
    const seen: unknown[] = [];
    sink.handle = () => {
      seen.push(said.at(-1));
      return null;
    };
    peer.send(Buffer.concat([v2Request("a"), v2Request("b").subarray(0, 50)]));
    expect(seen).toEqual([false]);
  });

  test("notes what it owes until the answers have been written", () => {
    const { sink, loop, peer, lost } = open();
    peer.send(Buffer.concat([v2Request("a"), v2Request("b"), v2Request("c")]));
    expect(lost()).toEqual(["16 a", "16 b", "16 c"]);
    sink.event(1).answer();
    loop.endTurn();
    expect(lost()).toEqual(["16 a", "16 c"]);
    peer.writableBytes = 10;
    sink.event(0).answer();
    loop.endTurn();
    expect(lost()).toEqual(["16 a", "16 c"]);
    peer.drain(Number.POSITIVE_INFINITY);
    expect(lost()).toEqual(["16 c"]);
    peer.send(v2Frame(Type.cancel, { correlation_id: "c" }));
    expect(lost()).toEqual([]);
  });

  test("notes an event that is answered at once while it is handled", () => {
    const { sink, peer, lost } = open();
    const handle = sink.handle.bind(sink);
    const seen: string[][] = [];
    sink.handle = (event, source) => {
      seen.push(lost());
      return handle(event, source);
    };
    sink.immediate.add("request-headers");
    peer.send(Buffer.concat([v2Request("a"), v2Request("b")]));
    expect(seen).toEqual([["16 a"], ["16 a", "16 b"]]);
    expect(lost()).toEqual([]);
  });

  test("the next process refuses what was lost, and goes on with what comes then", () => {
    const sink = new AnsweringLater();
    sink.immediate.add("request-headers");
    const loop = loopTo(sink);
    const peer = loop.restore({
      handler: { protocol: 2, proxyVersion: "0.6.54" },
      unhandled: Buffer.alloc(0),
      unsent: Buffer.alloc(0),
      peerHasEnded: false,
      lostEvents: [
        { type: Type.requestHeaders, correlationId: "lost" },
        { type: 0xff, correlationId: "of no kind" },
      ],
    });
    peer.connection.release();
    loop.endTurn();
    peer.send(v2Request("next"));
    const answers = peer.takeFrames(2).map(({ text }) => acceptAnswer(2, text));
    expect(answers.map(({ correlationId, reasonCodes }) => [correlationId, ...reasonCodes])).toEqual([
      ["lost", "event-lost"],
      ["next"],
    ]);
    expect(sink.failures.map(({ code }) => code)).toEqual(["event-lost"]);
  });

  test("has no mark before the handshake", () => {
    const peer = loopTo(new AnsweringLater()).connect();
    peer.send(HANDSHAKE.subarray(0, 20));
    expect(marked(peer).isMarked).toBe(false);
  });
});

describe("v1", () => {
  test("cannot be gone on with while an event is open: the next answer would be taken for its own", () => {
    const sink = new AnsweringLater();
    const loop = loopTo(sink);
    const peer = loop.connect();
    peer.send(V1_REQUEST);
    sink.event(0).answer();
    loop.endTurn();
    const { said } = marked(peer);
    expect(said).toEqual([true]);
    peer.send(V1_REQUEST);
    expect(said).toEqual([true, false]);
    sink.event(1).answer();
    loop.endTurn();
    expect(said).toEqual([true, false, true]);
  });
});

describe("the end", () => {
  test.each([
    ["by this process", (peer: Loopback) => peer.connection.end(), "closing"],
    ["by force", (peer: Loopback) => peer.connection.terminate(), "closing"],
    ["for a broken frame", (peer: Loopback) => peer.send(Buffer.alloc(4)), "closing"],
    ["of the peer", (peer: Loopback) => peer.connection.onClosed(), "closed"],
  ] as const)("%s is said once, and nothing after it", (_how, end, word) => {
    const peer = loopTo(new AnsweringLater()).connect();
    peer.send(HANDSHAKE);
    const { said } = marked(peer);
    end(peer);
    peer.connection.onClosed();
    expect(said.filter((each) => typeof each === "string")).toEqual([word]);
    expect(said.at(-1)).toBe(word);
  });
});
