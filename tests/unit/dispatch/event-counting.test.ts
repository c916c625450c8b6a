/** Every event is counted once, as what was answered, whichever way it takes; a real ring and guest behind it. */

import { afterEach, describe, expect, test } from "bun:test";
import { guestPath } from "../../guests/guest-path.ts";
import type { GuestName } from "../../guests/guest-list.ts";
import { replyGuest } from "../../guests/reply-guest.ts";
import { v1Frame, v2Frame } from "../../support/frames.ts";
import { type IndoorAgent, type IndoorAgentOptions, openIndoorAgent } from "../../support/indoor-agent.ts";
import type { Loopback } from "../../support/loopback.ts";
import {
  handshake,
  requestBody,
  requestHeaders,
  responseHeaders,
  Type,
  v1Envelope,
  v2Configure,
} from "../../support/proxy-messages.ts";
import { ScrapedMetrics } from "../../support/scraped-metrics.ts";

const opened: IndoorAgent[] = [];
afterEach(() => {
  for (const agent of opened.splice(0)) agent.close();
});

async function open(
  guest: GuestName | Uint8Array<ArrayBuffer>,
  options: IndoorAgentOptions = {},
): Promise<IndoorAgent> {
  const agent = await openIndoorAgent(typeof guest === "string" ? guestPath(guest) : guest, options);
  opened.push(agent);
  return agent;
}

function v2Peer(agent: IndoorAgent): Loopback {
  const peer = agent.connect();
  peer.send(v2Frame(Type.handshake, handshake("0.6.54")));
  return peer;
}

function scrape({ metrics, moduleMetrics }: IndoorAgent): ScrapedMetrics {
  return ScrapedMetrics.of(metrics, { writeTo: (page) => moduleMetrics.sum().writeTo(page, "m") });
}

const EVENTS = "wasm_agent_events_total";
const FAILURES = "wasm_agent_failures_total";

describe("an event", () => {
  test("that the guest decides on", async () => {
    const agent = await open("block");
    const peer = v2Peer(agent);
    peer.send(v2Frame(Type.requestHeaders, requestHeaders({ id: "a" })));
    peer.send(v2Frame(Type.responseHeaders, responseHeaders({ id: "a" })));
    expect(scrape(agent).nonZero(EVENTS)).toEqual([
      "request_headers block guest: 1",
      "response_headers block guest: 1",
    ]);
    expect(scrape(agent).nonZero(FAILURES)).toEqual([]);
  });

  test("whose kind the guest has no handler for, decoded or not", async () => {
    const agent = await open("only-request");
    const peer = v2Peer(agent);
    peer.send(v2Frame(Type.responseHeaders, responseHeaders({ id: "a" })));
    peer.send(v2Frame(Type.requestBodyChunk, requestBody({ id: "a" })));
    agent.connect().send(v1Frame(v1Envelope("request_body_chunk", requestBody({ id: "a" }))));
    expect(scrape(agent).nonZero(EVENTS)).toEqual([
      "request_body_chunk allow none: 2",
      "response_headers allow none: 1",
    ]);
  });

  test("on which the guest fails, by the policy", async () => {
    const agent = await open("trap", { failOpen: true, poolSize: 2 });
    v2Peer(agent).send(v2Frame(Type.requestHeaders, requestHeaders({ id: "a" })));
    expect(scrape(agent).nonZero(EVENTS)).toEqual(["request_headers allow fail_policy: 1"]);
    expect(scrape(agent).nonZero(FAILURES)).toEqual(["m guest-trap: 1"]);
    expect(scrape(agent).nonZero("wasm_agent_instance_replacements_total")).toEqual(["m trap: 1"]);
  });

  test("that cannot be decoded", async () => {
    const agent = await open("allow");
    agent.connect().send(v1Frame({ version: 1, event_type: "request_headers", payload: 7 }));
    v2Peer(agent).send(v2Frame(Type.responseHeaders, { correlation_id: "a", status: "no number" }));
    expect(scrape(agent).nonZero(EVENTS)).toEqual([
      "request_headers block fail_policy: 1",
      "response_headers block fail_policy: 1",
    ]);
    expect(scrape(agent).nonZero(FAILURES)).toEqual(["m event-undecodable: 2"]);
  });

  test("whose answer does not fit into a frame counts as what was sent in its place", async () => {
    const agent = await open(
      replyGuest(`{"decision":"block","body":"${"x".repeat(10 * 1024 * 1024 - 40)}"}`),
    );
    agent.connect().send(v1Frame(v1Envelope("request_headers", requestHeaders({ id: "a" }))));
    expect(scrape(agent).nonZero(EVENTS)).toEqual(["request_headers block fail_policy: 1"]);
    expect(scrape(agent).nonZero(FAILURES)).toEqual(["m guest-result-too-large: 1"]);
  });

  test("has a duration, and one only", async () => {
    const agent = await open("only-request");
    const peer = v2Peer(agent);
    for (const id of ["a", "b", "c"]) {
      peer.send(v2Frame(Type.requestHeaders, requestHeaders({ id })));
      peer.send(v2Frame(Type.responseHeaders, responseHeaders({ id })));
      peer.send(v2Frame(Type.requestBodyChunk, requestBody({ id })));
    }
    peer.send(v2Frame(Type.responseHeaders, { correlation_id: "a", status: "no number" }));
    const metrics = scrape(agent);
    const durations = metrics.sum("wasm_agent_event_duration_seconds_count");
    expect([metrics.sum(EVENTS), durations]).toEqual([10, 10]);
    expect(metrics.sum("wasm_agent_guest_duration_seconds_count", { event: "request_headers" })).toBe(3);
    expect(metrics.sum("wasm_agent_guest_fuel_units_count")).toBe(3);
  });
});

test("a message that is no event is not counted", async () => {
  const agent = await open("allow");
  const peer = v2Peer(agent);
  peer.send(v2Frame(Type.ping, "x"));
  peer.send(v2Frame(Type.configure, v2Configure({}, 1)));
  expect(scrape(agent).nonZero(EVENTS)).toEqual([]);
});

test("frames that end their connection are counted by code, and connections by protocol", async () => {
  const agent = await open("allow");
  v2Peer(agent);
  agent.connect().send(v1Frame(v1Envelope("request_headers", requestHeaders({ id: "a" }))));
  agent.connect().send(Buffer.from([0, 0, 0, 0]));
  const metrics = scrape(agent);
  expect(metrics.nonZero("wasm_agent_frames_refused_total")).toEqual(["frame-empty: 1"]);
  expect(metrics.nonZero("wasm_agent_connections")).toEqual(["v1: 1", "v2: 1"]);
  expect(metrics.nonZero("wasm_agent_connections_opened_total")).toEqual(["v1: 1", "v2: 1", "unknown: 1"]);
});
