/** Everything between a decoded event and its answer, with a real ring and guest behind it. */

import { afterEach, describe, expect, test } from "bun:test";
import { guestPath } from "../../guests/guest-path.ts";
import { replyGuest } from "../../guests/reply-guest.ts";
import { acceptAnswer } from "../../support/accepted-answer.ts";
import { v1Frame, v2Frame } from "../../support/frames.ts";
import { type IndoorAgent, type IndoorAgentOptions, openIndoorAgent } from "../../support/indoor-agent.ts";
import type { Loopback } from "../../support/loopback.ts";
import {
  handshake,
  requestHeaders,
  responseHeaders,
  Type,
  v1Envelope,
} from "../../support/proxy-messages.ts";
import { RecordedLog } from "../../support/recorded-log.ts";

const SETS_RESPONSE_HEADERS = replyGuest('{"decision":"allow","add_response_headers":{"X-From-Guest":"1"}}');

const opened: IndoorAgent[] = [];
afterEach(() => {
  for (const agent of opened.splice(0)) agent.close();
});

async function open(
  module: string | Uint8Array<ArrayBuffer>,
  options: IndoorAgentOptions = {},
): Promise<IndoorAgent> {
  const agent = await openIndoorAgent(module, options);
  opened.push(agent);
  return agent;
}

function proxy(agent: IndoorAgent, version: string): Loopback {
  const peer = agent.connect();
  peer.send(v2Frame(Type.handshake, handshake(version)));
  peer.takeReceived();
  return peer;
}

function answerTo(peer: Loopback, type: number, payload: object) {
  peer.send(v2Frame(type, payload));
  const [answer] = peer.takeFrames(2);
  if (answer === undefined) throw new Error("no answer");
  return acceptAnswer(2, answer.text);
}

const askRequest = (peer: Loopback, id: string) =>
  answerTo(peer, Type.requestHeaders, requestHeaders({ id }));
const askResponse = (peer: Loopback, id: string) =>
  answerTo(peer, Type.responseHeaders, responseHeaders({ id }));

describe("response headers that a guest sets while answering a request", () => {
  test("reach the response of an older proxy, on whichever connection it is asked", async () => {
    const agent = await open(SETS_RESPONSE_HEADERS);
    const [first, second] = [proxy(agent, "0.6.45"), proxy(agent, "0.6.45")];
    expect(askRequest(first, "a").responseHeaders).toEqual(["set X-From-Guest: 1"]);
    // Once remembered, once the guest's own answer to the response.
    expect(askResponse(second, "a").responseHeaders).toEqual(["set X-From-Guest: 1", "set X-From-Guest: 1"]);
    expect(askResponse(second, "a").responseHeaders).toEqual(["set X-From-Guest: 1"]);
  });

  test("are left to a newer proxy, which applies them itself", async () => {
    const agent = await open(SETS_RESPONSE_HEADERS);
    const peer = proxy(agent, "0.6.54");
    askRequest(peer, "a");
    expect(askResponse(peer, "a").responseHeaders).toEqual(["set X-From-Guest: 1"]);
  });

  test("cannot reach a v1 client, which the log says once", async () => {
    const log = new RecordedLog();
    const agent = await open(SETS_RESPONSE_HEADERS, { log });
    const peer = agent.connect();
    for (let i = 0; i < 3; i++)
      peer.send(v1Frame(v1Envelope("request_headers", requestHeaders({ id: "a" }))));
    expect(log.lines).toEqual([
      {
        level: "warn",
        message: "response headers set while answering request headers cannot reach the client (said once)",
        fields: { reason: "protocol v1 has no response events" },
      },
    ]);
  });

  test("of a refused request are not kept: that response never comes", async () => {
    const agent = await open(replyGuest('{"decision":"block","add_response_headers":{"X-From-Guest":"1"}}'));
    const peer = proxy(agent, "0.6.45");
    askRequest(peer, "a");
    expect(askResponse(peer, "a").responseHeaders).toEqual(["set X-From-Guest: 1"]);
  });
});

describe("failures", () => {
  test("are logged with code, policy and id, the same one once a second", async () => {
    const log = new RecordedLog();
    const agent = await open(guestPath("unknown-decision"), { log });
    const peer = proxy(agent, "0.6.54");
    for (let i = 0; i < 5; i++) askRequest(peer, `id-${i}`);
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]).toMatchObject({
      level: "error",
      message: 'decision must be allow, block, deny or redirect, got "maybe"',
      fields: { code: "guest-decision-unknown", correlation_id: "id-0", policy: "fail-closed" },
    });
    agent.dispatcher.close();
    expect(log.lines.at(-1)).toMatchObject({ level: "error", fields: { suppressed: 4 } });
  });

  test("follow the policy of the moment", async () => {
    const agent = await open(guestPath("unknown-decision"));
    const peer = proxy(agent, "0.6.54");
    expect(askRequest(peer, "a").tags).toEqual(["wasm-error"]);
    agent.dispatcher.failOpen = true;
    expect(askRequest(peer, "a").tags).toEqual(["wasm-error", "fail-open"]);
    expect(agent.dispatcher.failOpen).toBe(true);
  });
});

test("events without a handler are allowed without asking anybody", async () => {
  const agent = await open(guestPath("only-request"));
  const peer = proxy(agent, "0.6.54");
  expect(askRequest(peer, "a").decision).not.toBe("allow");
  expect(askResponse(peer, "a").decision).toBe("allow");
});

test("everything is counted", async () => {
  const agent = await open(guestPath("trap-on-marker"));
  const peer = proxy(agent, "0.6.54");
  askRequest(peer, "a");
  askResponse(peer, "a");
  askRequest(peer, "boom");
  const { requests, responses, refused, failures } = agent.metrics.events.totals;
  expect({ requests, responses, refused, failures }).toEqual({
    requests: 2,
    responses: 1,
    refused: 1,
    failures: 1,
  });
});

test("at debug level, the event, and the verdict with its time, are told", async () => {
  const log = new RecordedLog({ debugEnabled: true });
  const agent = await open(guestPath("block"), { log });
  const peer = proxy(agent, "0.6.54");
  log.lines.length = 0;
  askRequest(peer, "a");
  expect(log.messages("debug")).toContain("event");
  expect(log.lines.find((line) => line.message === "event")?.fields).toMatchObject({
    correlation_id: "a",
    event: "request-headers",
    method: "GET",
    uri: "/",
  });
  expect(log.lines.find((line) => line.message === "verdict")?.fields).toMatchObject({
    correlation_id: "a",
    event: "request-headers",
    decision: "block",
    us: expect.any(Number),
  });
});

test("what a configuration takes is not counted against the event that comes in the same read", async () => {
  const agent = await open(SETS_RESPONSE_HEADERS);
  const { clock } = agent.metrics;
  clock.beginRead();
  agent.dispatcher.configure({ pool_size: 2 });
  expect(clock.latestMs).toBeGreaterThan(clock.readAtMs);
});
