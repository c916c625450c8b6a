/** However the bytes of a stream are cut into reads, the answers are the same. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { examplePolicy } from "../support/example-modules.ts";
import { v1Frame, v2Frame } from "../support/frames.ts";
import { type IndoorAgent, openIndoorAgent } from "../support/indoor-agent.ts";
import {
  handshake,
  passiveEvents,
  requestHeaders,
  responseHeaders,
  Type,
  v1Envelope,
} from "../support/proxy-messages.ts";

let agent: IndoorAgent;
beforeAll(async () => {
  agent = await openIndoorAgent(examplePolicy("rust"));
});
afterAll(() => agent.close());

const uris = ["/", "/admin", "/?q=union", "/../etc", "/zoë/☃/😀"];

const V1_STREAM = Buffer.concat([
  ...uris.map((uri, i) => v1Frame(v1Envelope("request_headers", requestHeaders({ id: `id-${i}`, uri })))),
  ...passiveEvents().map(({ name, payload }) => v1Frame(v1Envelope(name, payload))),
]);
const V2_STREAM = Buffer.concat([
  v2Frame(Type.handshake, handshake("0.6.54")),
  ...uris.map((uri, i) => v2Frame(Type.requestHeaders, requestHeaders({ id: `id-${i}`, uri }))),
  v2Frame(Type.ping, ""),
  v2Frame(Type.responseHeaders, responseHeaders({ id: "é" })),
  ...passiveEvents().map(({ type, payload }) => v2Frame(type, payload)),
]);

describe.each([
  { protocol: 1 as const, stream: V1_STREAM, answers: 10 },
  { protocol: 2 as const, stream: V2_STREAM, answers: 13 },
])("v$protocol", ({ protocol, stream, answers }) => {
  const answersTo = (chunks: readonly Uint8Array[]): Buffer => {
    const peer = agent.connect();
    for (const chunk of chunks) peer.send(chunk);
    expect(peer.isClosed).toBe(false);
    return peer.takeReceived();
  };
  const whole = () => answersTo([stream]);

  test("the whole stream in one read gets every answer in one write", () => {
    const peer = agent.connect();
    peer.send(stream);
    expect(peer.writes).toBe(1);
    expect(peer.takeFrames(protocol)).toHaveLength(answers);
  });

  test("a split at every point changes nothing", () => {
    const expected = whole();
    for (let at = 1; at < stream.length; at++) {
      const received = answersTo([stream.subarray(0, at), stream.subarray(at)]);
      if (!received.equals(expected)) expect(received.toString(), `split at ${at}`).toBe(expected.toString());
    }
  });

  test("single bytes change nothing", () => {
    expect(answersTo([...stream].map((byte) => Buffer.of(byte))).equals(whole())).toBe(true);
  });

  test("an answer never waits for more bytes than its own event", () => {
    const peer = agent.connect();
    let fed = 0;
    let received = 0;
    while (fed < stream.length) {
      const end = fed + 4 + stream.readUInt32BE(fed);
      peer.send(stream.subarray(fed, end - 1));
      expect(peer.takeFrames(protocol)).toHaveLength(0);
      peer.send(stream.subarray(end - 1, end));
      received += peer.takeFrames(protocol).length;
      fed = end;
    }
    expect(received).toBe(answers);
  });
});

test("1000 v1 frames in one read are answered in order, in one write", () => {
  const frames = Array.from({ length: 1000 }, (_, i) =>
    v1Frame(v1Envelope("request_headers", requestHeaders({ uri: i % 3 === 0 ? "/admin" : `/${i}` }))),
  );
  const peer = agent.connect();
  peer.send(Buffer.concat(frames));
  expect(peer.writes).toBe(1);
  const decisions = peer
    .takeFrames(1)
    .map((frame) => (JSON.parse(frame.text) as { decision: unknown }).decision);
  expect(decisions).toHaveLength(1000);
  for (const [i, decision] of decisions.entries()) expect(decision === "allow").toBe(i % 3 !== 0);
});

test("1000 v2 frames in one read are each answered under their own id", () => {
  const frames = Array.from({ length: 1000 }, (_, i) =>
    v2Frame(Type.requestHeaders, requestHeaders({ id: `id-${i}`, uri: i % 3 === 0 ? "/admin" : `/${i}` })),
  );
  const peer = agent.connect();
  peer.send(v2Frame(Type.handshake, handshake("0.6.45")));
  peer.takeReceived();
  peer.send(Buffer.concat(frames));
  const answers = peer
    .takeFrames(2)
    .map(
      (frame) =>
        JSON.parse(frame.text) as { decision: unknown; audit: { custom: { correlation_id: string } } },
    );
  expect(answers).toHaveLength(1000);
  const byId = new Map(answers.map((answer) => [answer.audit.custom.correlation_id, answer.decision]));
  for (let i = 0; i < 1000; i++) expect(byId.get(`id-${i}`) === "allow").toBe(i % 3 !== 0);
});
