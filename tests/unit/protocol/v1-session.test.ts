import { expect, test } from "bun:test";
import type { Verdict } from "../../../src/event/verdict.ts";
import { PLAIN_ALLOW } from "../../../src/event/verdict.ts";
import { AnsweringLater, loopTo } from "../../support/answering-later.ts";
import { v1Frame } from "../../support/frames.ts";
import {
  passiveEvents,
  requestHeaders,
  responseHeaders,
  v1Configure,
  v1Envelope,
} from "../../support/proxy-messages.ts";
import { RecordedLog } from "../../support/recorded-log.ts";

const ALLOWED = '{"version":1,"decision":"allow"}';
const REFUSED =
  '{"version":1,"decision":{"block":{"status":500,"body":"Wasm Error"}},"audit":{"tags":["wasm-error"],"reason_codes":["event-undecodable"]}}';

const request = (id: string): Buffer => v1Frame(v1Envelope("request_headers", requestHeaders({ id })));
const tagged = (tag: string): Verdict => ({ ...PLAIN_ALLOW, audit: { ...PLAIN_ALLOW.audit, tags: [tag] } });

function open() {
  const sink = new AnsweringLater();
  const log = new RecordedLog();
  const loop = loopTo(sink, { log });
  const peer = loop.connect();
  return { sink, log, loop, peer, texts: () => peer.takeFrames(1).map((frame) => frame.text) };
}

test("the next frame is asked when the one before is answered: answers are matched by position alone", () => {
  const { sink, loop, peer, texts } = open();
  peer.send(Buffer.concat([request("a"), request("b"), request("c")]));
  expect(sink.events.map((event) => event.event.correlationId)).toEqual(["a"]);
  sink.event(0).answer(tagged("a"));
  expect(sink.events.map((event) => event.event.correlationId)).toEqual(["a", "b"]);
  sink.event(1).answer(tagged("b"));
  sink.event(2).answer(tagged("c"));
  loop.endTurn();
  expect(texts().map((text) => (JSON.parse(text) as { audit: { tags: string[] } }).audit.tags)).toEqual([
    ["a"],
    ["b"],
    ["c"],
  ]);
});

test("every event of the protocol is asked under its name, and the documented alias of one", () => {
  const { sink, peer } = open();
  const events = [
    ["request_headers", requestHeaders()] as const,
    ["response_headers", responseHeaders()] as const,
    ...passiveEvents().map(({ name, payload }) => [name, payload] as const),
    ["websocket_frame", passiveEvents("w")[3]!.payload] as const,
  ];
  for (const [name, payload] of events) {
    peer.send(v1Frame(v1Envelope(name, payload)));
    sink.events.at(-1)?.answer();
  }
  expect(sink.events.map((event) => event.event.kind)).toEqual([
    "request-headers",
    "response-headers",
    "request-body-chunk",
    "response-body-chunk",
    "request-complete",
    "websocket-frame",
    "guardrail-inspect",
    "websocket-frame",
  ]);
});

test.each([
  [
    "an event type nobody knows",
    { version: 1, event_type: "nope", payload: {} },
    "event_type must be one of request_headers,",
  ],
  [
    "an event type that is no string",
    { version: 1, event_type: { toString: 1 }, payload: {} },
    "event_type must be one of",
  ],
  ["no payload", { version: 1, event_type: "request_headers" }, "payload must be an object"],
  [
    "a payload that is a list",
    { version: 1, event_type: "request_headers", payload: [] },
    "payload must be an object",
  ],
  [
    "a payload that lacks a key",
    v1Envelope("response_headers", { correlation_id: "x", headers: {} }),
    "status must be an integer from 0 to 65535, got nothing",
  ],
])("%s is answered by the fail policy, and the connection lives on", (_what, envelope, message) => {
  const { sink, peer, texts } = open();
  peer.send(v1Frame(envelope));
  expect(texts()).toEqual([REFUSED]);
  expect(sink.failures.map((failure) => failure.code)).toEqual(["event-undecodable"]);
  expect(sink.failures[0]?.message).toStartWith(message);
  expect(peer.isClosed).toBe(false);
});

test.each([
  ["text that is no JSON", "{nope}", "the payload is not JSON"],
  ["bytes that are no UTF-8", Buffer.from('{"x":"\xff"}', "latin1"), "the payload is not UTF-8"],
  ["a value that is no object", " 5", "the payload must be an object, got number"],
])("%s closes the connection without an answer", (_what, body, reason) => {
  const { peer, log } = open();
  peer.send(v1Frame(body));
  expect(peer.isClosed).toBe(true);
  expect(peer.takeReceived()).toHaveLength(0);
  expect(log.lines).toContainEqual({
    level: "warn",
    message: "closing a connection",
    fields: { reason: `v1 frame without a JSON object: ${reason}` },
  });
});

test("what was asked before a broken frame is answered before the close", () => {
  const { sink, peer, texts } = open();
  sink.immediate.add("request-headers");
  peer.send(Buffer.concat([request("a"), v1Frame("{"), request("b")]));
  expect(texts()).toEqual([ALLOWED]);
  expect(peer.isClosed).toBe(true);
});

test("the version of the envelope is not looked at", () => {
  const { sink, peer, texts } = open();
  sink.immediate.add("response-headers");
  peer.send(v1Frame({ version: 7, event_type: "response_headers", payload: responseHeaders() }));
  expect(texts()).toEqual([ALLOWED]);
});

test("a configuration is handed on as it is and answered in its place", () => {
  const { sink, peer, texts } = open();
  peer.send(v1Frame(v1Configure({ "fail-open": true, other: [1, null] })));
  expect(sink.configs).toEqual([{ "fail-open": true, other: [1, null] }]);
  expect(texts()).toEqual([ALLOWED]);
});

test("a refused configuration is a block that names the reason", () => {
  const { sink, peer, texts } = open();
  sink.configureOutcome = { accepted: false, reason: "no such list" };
  peer.send(v1Frame(v1Configure({})));
  expect(texts()).toEqual([
    '{"version":1,"decision":{"block":{"status":500,"body":"Configuration rejected: no such list"}}}',
  ]);
});

test("an answer above 10 MiB becomes a failure of its own", () => {
  const { sink, peer, loop, texts } = open();
  peer.send(request("a"));
  sink.event(0).answer(tagged("x".repeat(10 * 1024 * 1024)));
  loop.endTurn();
  expect(sink.failures.map((failure) => failure.code)).toEqual(["guest-result-too-large"]);
  expect(texts()).toEqual([REFUSED.replace("event-undecodable", "guest-result-too-large")]);
});

test("the event in flight is cancelled when the peer is gone", () => {
  const { sink, peer } = open();
  peer.send(request("a"));
  peer.connection.onClosed();
  expect(sink.event(0).isCancelled).toBe(true);
});
