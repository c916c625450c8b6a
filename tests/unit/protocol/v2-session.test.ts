import { describe, expect, test } from "bun:test";
import { PLAIN_ALLOW, type Verdict } from "../../../src/event/verdict.ts";
import type { RedirectEncoding } from "../../../src/protocol/redirect-encoding.ts";
import { acceptAnswer, acceptConfigError, acceptHandshakeResponse } from "../../support/accepted-answer.ts";
import { AnsweringLater, loopTo } from "../../support/answering-later.ts";
import { v2Frame } from "../../support/frames.ts";
import {
  handshake,
  passiveEvents,
  requestHeaders,
  responseHeaders,
  Type,
  v2Configure,
} from "../../support/proxy-messages.ts";
import { RecordedLog } from "../../support/recorded-log.ts";

const request = (id: string): Buffer => v2Frame(Type.requestHeaders, requestHeaders({ id }));
const tagged = (tag: string): Verdict => ({ ...PLAIN_ALLOW, audit: { ...PLAIN_ALLOW.audit, tags: [tag] } });

function connect(redirectEncoding: RedirectEncoding = "auto") {
  const sink = new AnsweringLater();
  const log = new RecordedLog({ debugEnabled: true });
  const loop = loopTo(sink, { redirectEncoding, log });
  const peer = loop.connect();
  const frames = () => {
    loop.endTurn();
    return peer.takeFrames(2);
  };
  const answers = () =>
    frames().map((frame) => {
      expect(frame.type).toBe(Type.agentResponse);
      return acceptAnswer(2, frame.text);
    });
  return {
    sink,
    log,
    loop,
    peer,
    frames,
    answers,
    reasons: () => log.lines.map((line) => line.fields["reason"]),
  };
}

function open(proxyVersion = "0.6.54", redirectEncoding: RedirectEncoding = "auto") {
  const connected = connect(redirectEncoding);
  connected.peer.send(v2Frame(Type.handshake, handshake(proxyVersion)));
  connected.peer.takeReceived();
  return connected;
}

describe("handshake", () => {
  test("is answered at once, completely", () => {
    const { peer } = connect();
    peer.send(v2Frame(Type.handshake, handshake("0.6.54", { "fail-open": false })));
    const [answer] = peer.takeFrames(2);
    expect(answer?.type).toBe(Type.handshakeResponse);
    expect(acceptHandshakeResponse(answer?.text ?? "")).toEqual({ success: true, error: null });
  });

  test("needs no more than the versions", () => {
    const { peer } = connect();
    peer.send(v2Frame(Type.handshake, { supported_versions: [2, 1] }));
    expect(acceptHandshakeResponse(peer.takeFrames(2)[0]?.text ?? "").success).toBe(true);
  });

  test("a proxy that does not offer version 2 is refused in words, then the connection is closed", () => {
    const { peer, reasons } = connect();
    peer.send(v2Frame(Type.handshake, { ...handshake("0.9.0"), supported_versions: [3] }));
    expect(acceptHandshakeResponse(peer.takeFrames(2)[0]?.text ?? "")).toEqual({
      success: false,
      error: "this agent speaks protocol version 2",
    });
    expect(peer.isClosed).toBe(true);
    expect(reasons()).toContain("the proxy does not offer protocol version 2");
  });

  test.each([
    ["no JSON", "nope", "the handshake cannot be read: the payload is not JSON"],
    ["no versions", "{}", "the handshake cannot be read: supported_versions must be an array of integers"],
  ])("with %s closes the connection without an answer", (_what, payload, reason) => {
    const { peer, reasons } = connect();
    peer.send(v2Frame(Type.handshake, payload));
    expect(peer.isClosed).toBe(true);
    expect(peer.takeReceived()).toHaveLength(0);
    expect(reasons()).toContain(reason);
  });

  test("a second one is ignored", () => {
    const { peer, log } = open();
    peer.send(v2Frame(Type.handshake, handshake("0.6.45")));
    expect(peer.takeReceived()).toHaveLength(0);
    expect(peer.isClosed).toBe(false);
    expect(log.lines.at(-1)).toMatchObject({ message: "ignored a message", fields: { type: "0x01" } });
  });
});

describe("answers", () => {
  test("leave in the order in which they are given, each under its own id", () => {
    const { sink, peer, answers } = open();
    peer.send(Buffer.concat([request("a"), request("b"), request("c")]));
    expect(sink.events).toHaveLength(3);
    sink.event(2).answer(tagged("third"));
    sink.event(0).answer(tagged("first"));
    sink.event(1).answer(tagged("second"));
    expect(answers().map(({ correlationId, tags }) => [correlationId, tags[0]])).toEqual([
      ["c", "third"],
      ["a", "first"],
      ["b", "second"],
    ]);
  });

  test("echo an id whatever is in it", () => {
    const { sink, peer, answers } = open();
    const ids = ["", '"\\', "\u0000\n", "__proto__", "é☃😀", "x".repeat(5000)];
    for (const id of ids) peer.send(request(id));
    for (const event of sink.events) event.answer();
    expect(answers().map((answer) => answer.correlationId)).toEqual(ids);
  });

  test("a second event with an id in flight takes the place of the first", () => {
    const { sink, peer, answers } = open();
    peer.send(Buffer.concat([request("same"), request("same")]));
    sink.event(0).answer(tagged("first"));
    sink.event(1).answer(tagged("second"));
    expect(answers().map(({ tags }) => tags)).toEqual([["second"]]);
  });

  test("a later event with the same id supersedes it, also one that is answered at once", () => {
    const { sink, peer, answers } = open();
    sink.immediate.add("request-body-chunk");
    peer.send(request("same"));
    peer.send(v2Frame(Type.requestBodyChunk, passiveEvents("same")[0]?.payload ?? {}));
    expect(answers()).toHaveLength(1);
    expect(sink.event(0).isCancelled).toBe(true);
    expect(peer.connection.isQuiet).toBe(true);
    // The proxy would take it for the answer to its next event with this id.
    sink.event(0).answer(tagged("late"));
    expect(answers()).toEqual([]);
  });

  test("an answer above 16 MiB becomes a failure of its own", () => {
    const { sink, peer, answers } = open();
    peer.send(request("a"));
    sink.event(0).answer(tagged("x".repeat(16 * 1024 * 1024)));
    expect(sink.failures.map((failure) => failure.code)).toEqual(["guest-result-too-large"]);
    expect(answers().map(({ correlationId, tags }) => [correlationId, tags])).toEqual([
      ["a", ["wasm-error"]],
    ]);
  });

  test("an id too long to be echoed closes the connection, since no answer could reach its event", () => {
    const { sink, peer, answers, reasons } = open();
    sink.immediate.add("request-complete");
    const id = "x".repeat(16 * 1024 * 1024 - 64);
    peer.send(v2Frame(Type.requestComplete, `{"correlation_id":"${id}"}`));
    expect(answers()).toEqual([]);
    expect(peer.isClosed).toBe(true);
    expect(reasons()).toContain("a correlation id is too long to be echoed in an answer");
  });
});

describe("the proxy's version", () => {
  const location = { decision: { kind: "redirect", status: 302, location: "/x" } } as const;
  const asBlock = { block: { status: 302, body: "", headers: { Location: "/x" } } };
  const asRedirect = { redirect: { url: "/x", status: 302 } };

  test.each([
    ["0.6.45", "auto", asBlock],
    ["0.6.54", "auto", asRedirect],
    ["", "auto", asBlock],
    ["0.6.45", "redirect", asRedirect],
    ["0.6.54", "block", asBlock],
  ] as const)(
    "%p with --redirect-encoding %s decides how a redirect is told",
    (version, encoding, expected) => {
      const { sink, peer, answers } = open(version, encoding);
      peer.send(request("a"));
      sink.event(0).answer({ ...PLAIN_ALLOW, ...location });
      expect(answers()[0]?.decision as unknown).toEqual(expected);
    },
  );
});

describe("other messages", () => {
  test("a ping comes back as it was, also when it is no JSON and when it is empty", () => {
    const { peer } = open();
    peer.send(Buffer.concat([v2Frame(Type.ping, Buffer.of(0xff, 0x00)), v2Frame(Type.ping, "")]));
    expect(peer.takeReceived()).toEqual(
      Buffer.concat([v2Frame(Type.pong, Buffer.of(0xff, 0x00)), v2Frame(Type.pong, "")]),
    );
  });

  test.each([0x00, 0x18, 0x21, 0x50, 0xff])("a message of the unknown type %d is skipped", (type) => {
    const { sink, peer, answers, log } = open();
    peer.send(Buffer.concat([v2Frame(type, "whatever"), request("after")]));
    sink.event(0).answer();
    expect(answers().map((answer) => answer.correlationId)).toEqual(["after"]);
    expect(log.lines).toContainEqual({
      level: "debug",
      message: "skipped a message of unknown type",
      fields: { type: `0x${type.toString(16).padStart(2, "0")}`, bytes: 8 },
    });
  });

  test.each([Type.handshakeResponse, Type.agentResponse, 0x30, 0x31, 0x32, 0x33, Type.pong])(
    "a message of the known type %d that is not for agents is ignored",
    (type) => {
      const { peer } = open();
      peer.send(v2Frame(type, "{}"));
      expect(peer.takeReceived()).toHaveLength(0);
      expect(peer.isClosed).toBe(false);
    },
  );

  test("a cancelled event gets no answer, and the others theirs", () => {
    const { sink, peer, answers } = open();
    peer.send(Buffer.concat([request("a"), request("b")]));
    peer.send(v2Frame(Type.cancel, { correlation_id: "a", reason: 1, timestamp_ms: 1 }));
    sink.event(0).answer();
    sink.event(1).answer();
    expect(answers().map((answer) => answer.correlationId)).toEqual(["b"]);
    expect(peer.connection.isQuiet).toBe(true);
  });

  test.each(["nope", "[]", "{}", '{"correlation_id":"unknown"}'])(
    "a cancel of %s changes nothing",
    (payload) => {
      const { sink, peer, answers } = open();
      peer.send(request("a"));
      peer.send(v2Frame(Type.cancel, payload));
      sink.event(0).answer();
      expect(answers()).toHaveLength(1);
    },
  );
});

describe("events that cannot be decoded", () => {
  test.each([
    [
      Type.requestHeaders,
      { correlation_id: "x" },
      "request-headers: metadata must be an object, got nothing",
      "x",
    ],
    [
      Type.requestHeaders,
      { metadata: { correlation_id: "inner" } },
      "request-headers: method must be a string, got nothing",
      "inner",
    ],
    [
      Type.responseHeaders,
      {},
      "response-headers: status must be an integer from 0 to 65535, got nothing",
      "",
    ],
  ])(
    "type %d is answered by the fail policy under the id that can be found",
    (type, payload, message, id) => {
      const { sink, peer, answers } = open();
      peer.send(v2Frame(type, payload));
      expect(sink.failures.map((failure) => [failure.code, failure.message])).toEqual([
        ["event-undecodable", message],
      ]);
      expect(answers()).toMatchObject([
        { correlationId: id, tags: ["wasm-error"], reasonCodes: ["event-undecodable"] },
      ]);
      expect(peer.isClosed).toBe(false);
    },
  );

  test.each(["nope", "", "[]", Buffer.of(0xff)])(
    "%p has no id at all: it is reported and cannot be answered",
    (payload) => {
      const { sink, peer, answers } = open();
      peer.send(v2Frame(Type.requestHeaders, payload));
      expect(sink.failures.map((failure) => failure.code)).toEqual(["event-undecodable"]);
      expect(answers()).toEqual([]);
      expect(peer.isClosed).toBe(false);
    },
  );
});

describe("configure", () => {
  test("hands the block on and answers under the message's own id", () => {
    const { sink, peer, answers } = open();
    peer.send(v2Frame(Type.configure, v2Configure({ "pool-size": 2 }, 5)));
    expect(sink.configs).toEqual([{ "pool-size": 2 }]);
    expect(answers()).toMatchObject([{ decision: "allow", correlationId: "zentinel-configure-wasm-5" }]);
  });

  test("a refusal is a block that names the reason, with nothing in it that could forge a line of the proxy's log", () => {
    const { sink, peer, frames } = open();
    sink.configureOutcome = { accepted: false, reason: "no such list:\n\u001b[2J" };
    peer.send(v2Frame(Type.configure, v2Configure({})));
    const [report, answer] = frames();
    expect(acceptAnswer(2, answer!.text).decision).toEqual({
      block: { status: 500, body: "Configuration rejected: no such list:\\n\\u001b[2J", headers: {} },
    });
    // Before the answer, after which the proxy closes.
    expect(acceptConfigError(report!.text)).toEqual({ error: "no such list:\\n\\u001b[2J", field: null });
    expect(peer.isClosed).toBe(false);
  });

  test("what could not be applied of an accepted one is reported, once for each connection", () => {
    const { sink, peer, loop, frames } = open();
    sink.configureOutcome = { accepted: true, problem: { error: "no number", field: "pool-size" } };
    for (const number of [1, 2]) peer.send(v2Frame(Type.configure, v2Configure({}, number)));
    expect(frames().map(({ type }) => type)).toEqual([
      Type.configUpdateRequest,
      Type.agentResponse,
      Type.agentResponse,
    ]);
    const other = loop.connect();
    other.send(v2Frame(Type.handshake, handshake("0.6.54")));
    other.takeReceived();
    other.send(v2Frame(Type.configure, v2Configure({}, 3)));
    loop.endTurn();
    const [report, answer] = other.takeFrames(2);
    expect(acceptConfigError(report!.text)).toEqual({ error: "no number", field: "pool-size" });
    expect(acceptAnswer(2, answer!.text).decision).toBe("allow");
  });

  test("an id of any length fits beside a report", () => {
    const { sink, peer, frames } = open();
    sink.configureOutcome = { accepted: true, problem: { error: "no number", field: "pool-size" } };
    peer.send(v2Frame(Type.configure, { correlation_id: "i".repeat(16 * 1024 * 1024 - 100), config: {} }));
    expect(frames().map(({ type }) => type)).toEqual([Type.configUpdateRequest, Type.agentResponse]);
    expect(peer.isClosed).toBe(false);
  });

  test("problems that keep changing are reported sixteen times, and cut where they are endless", () => {
    const { sink, peer, frames } = open();
    for (let i = 0; i < 20; i++) {
      sink.configureOutcome = { accepted: true, problem: { error: `${i}${"😀".repeat(5000)}`, field: null } };
      peer.send(v2Frame(Type.configure, v2Configure({}, i)));
    }
    const reports = frames().filter(({ type }) => type === Type.configUpdateRequest);
    expect(reports).toHaveLength(16);
    for (const report of reports) expect(acceptConfigError(report.text).error).toHaveLength(1000);
  });

  test("a payload without a block is the empty configuration", () => {
    const { sink, peer, answers } = open();
    peer.send(v2Frame(Type.configure, { correlation_id: "c" }));
    expect(sink.configs).toEqual([null]);
    expect(answers()).toHaveLength(1);
  });

  test("one that cannot be read has no id to answer to", () => {
    const { peer, answers, log } = open();
    peer.send(v2Frame(Type.configure, "nope"));
    expect(answers()).toEqual([]);
    expect(log.messages("warn")).toEqual(["ignored a configuration that cannot be read"]);
  });
});

describe("the end of a connection", () => {
  test("cancels whatever is in flight", () => {
    const { sink, peer } = open();
    peer.send(Buffer.concat([request("a"), request("b")]));
    peer.connection.onClosed();
    expect(sink.events.map((event) => event.isCancelled)).toEqual([true, true]);
  });

  test("waits for the answers when the peer has only stopped sending", () => {
    const { sink, peer, answers } = open();
    peer.send(Buffer.concat([request("a"), v2Frame(Type.responseHeaders, responseHeaders({ id: "b" }))]));
    peer.endOfPeer();
    expect(peer.isClosed).toBe(false);
    sink.event(1).answer();
    answers();
    expect(peer.isClosed).toBe(false);
    sink.event(0).answer();
    expect(answers()).toHaveLength(1);
    expect(peer.isClosed).toBe(true);
  });
});

test("beyond 4096 events in flight, reading waits for an answer", () => {
  const { sink, peer, answers } = open();
  peer.send(Buffer.concat(Array.from({ length: 4100 }, (_, i) => request(`id-${i}`))));
  expect(sink.events).toHaveLength(4096);
  sink.event(7).answer();
  expect(sink.events).toHaveLength(4097);
  for (let i = 0; i < sink.events.length; i++) if (i !== 7) sink.event(i).answer();
  expect(sink.events).toHaveLength(4100);
  expect(new Set(answers().map((answer) => answer.correlationId)).size).toBe(4100);
});
