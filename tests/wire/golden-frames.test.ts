/**
 * The literal frames of docs/agent-protocol.md 2.6 and 3.11, byte for byte: an event goes in as it stands there, and
 * the answer is the one that stands there.
 */

import { describe, expect, test } from "bun:test";
import { guestPath } from "../guests/guest-path.ts";
import { replyGuest } from "../guests/reply-guest.ts";
import { openIndoorAgent } from "../support/indoor-agent.ts";

const V1_REQUEST =
  '{"version":1,"event_type":"request_headers","payload":{"headers":{"host":["a.test"]},"metadata":{"client_ip":"127.0.0.1:50412","client_port":0,"correlation_id":"3Nq8aXk2Tz1","protocol":"HTTP/1.1","request_id":"b1c9","route_id":"api","server_name":null,"timestamp":"2026-07-01T12:00:00+00:00","tls_cipher":null,"tls_version":null,"upstream_id":null},"method":"GET","uri":"/x?y=1"}}';
const V2_REQUEST =
  '{"correlation_id":"3Nq8aXk2Tz1","headers":{"host":["a.test"]},"metadata":{"client_ip":"127.0.0.1:50412","client_port":0,"correlation_id":"3Nq8aXk2Tz1","protocol":"HTTP/1.1","request_id":"b1c9","route_id":"api","server_name":null,"timestamp":"2026-07-01T12:00:00+00:00","tls_cipher":null,"tls_version":null,"upstream_id":null},"method":"GET","uri":"/x?y=1"}';

/** Length and type in hexadecimal, then the payload: the notation of docs/agent-protocol.md. */
function frame(hex: string, payload: string): Buffer {
  return Buffer.concat([Buffer.from(hex.replaceAll(" ", ""), "hex"), Buffer.from(payload)]);
}

const NO_OPINION = guestPath("result-zero");
const REDIRECT = replyGuest('{"decision":"redirect","body":"/login"}');

describe("v1", () => {
  const cases = [
    {
      name: "a request is allowed",
      event: frame("00 00 01 7c", V1_REQUEST),
      answer: frame("00 00 00 20", '{"version":1,"decision":"allow"}'),
    },
    {
      name: "a configuration is accepted",
      event: frame(
        "00 00 00 6f",
        '{"version":1,"event_type":"configure","payload":{"agent_id":"wasm","config":{"fail-open":false,"pool-size":4}}}',
      ),
      answer: frame("00 00 00 20", '{"version":1,"decision":"allow"}'),
    },
    {
      name: "a body chunk is allowed",
      event: frame(
        "00 00 00 a9",
        '{"version":1,"event_type":"request_body_chunk","payload":{"bytes_received":2,"chunk_index":0,"correlation_id":"3Nq8aXk2Tz1","data":"aGk=","is_last":true,"total_size":2}}',
      ),
      answer: frame("00 00 00 20", '{"version":1,"decision":"allow"}'),
    },
  ];
  test.each(cases)("$name", async ({ event, answer }) => {
    const agent = await openIndoorAgent(NO_OPINION);
    const peer = agent.connect();
    peer.send(event);
    expect(peer.takeReceived()).toEqual(answer);
    agent.close();
  });
});

describe("v2", () => {
  const HANDSHAKE_0_6_20 = frame(
    "00 00 00 7d 01",
    '{"supported_versions":[2],"proxy_id":"zentinel-proxy","proxy_version":"0.6.20","config":null,"supported_encodings":["json"]}',
  );
  const HANDSHAKE_0_6_54 = frame(
    "00 00 00 9a 01",
    '{"supported_versions":[2],"proxy_id":"zentinel-proxy","proxy_version":"0.6.54","config":{"fail-open":false,"pool-size":4},"supported_encodings":["json"]}',
  );
  const ALLOWED = frame(
    "00 00 00 55 20",
    '{"version":2,"decision":"allow","audit":{"custom":{"correlation_id":"3Nq8aXk2Tz1"}}}',
  );
  const cases = [
    {
      name: "a request is allowed under its id",
      handshake: HANDSHAKE_0_6_20,
      event: frame("00 00 01 65 10", V2_REQUEST),
      answer: ALLOWED,
    },
    {
      name: "a response is allowed under its id",
      handshake: HANDSHAKE_0_6_20,
      event: frame(
        "00 00 00 4c 12",
        '{"correlation_id":"3Nq8aXk2Tz1","headers":{"host":["a.test"]},"status":200}',
      ),
      answer: ALLOWED,
    },
    {
      name: "a ping comes back as a pong, byte for byte",
      handshake: HANDSHAKE_0_6_20,
      event: frame("00 00 00 2c 41", '{"sequence":0,"timestamp_ms":1767225600000}'),
      answer: frame("00 00 00 2c 42", '{"sequence":0,"timestamp_ms":1767225600000}'),
    },
    {
      name: "a cancel has no answer",
      handshake: HANDSHAKE_0_6_20,
      event: frame(
        "00 00 00 49 40",
        '{"correlation_id":"3Nq8aXk2Tz1","reason":1,"timestamp_ms":1767225600000}',
      ),
      answer: Buffer.alloc(0),
    },
    {
      name: "a configuration is accepted under its id",
      handshake: HANDSHAKE_0_6_54,
      event: frame(
        "00 00 00 70 17",
        '{"config":{"fail-open":false,"pool-size":4},"config_version":null,"correlation_id":"zentinel-configure-wasm-0"}',
      ),
      answer: frame(
        "00 00 00 63 20",
        '{"version":2,"decision":"allow","audit":{"custom":{"correlation_id":"zentinel-configure-wasm-0"}}}',
      ),
    },
  ];
  test.each(cases)("$name", async ({ handshake, event, answer }) => {
    const agent = await openIndoorAgent(NO_OPINION);
    const peer = agent.connect();
    peer.send(handshake);
    peer.takeReceived();
    peer.send(event);
    expect(peer.takeReceived()).toEqual(answer);
    agent.close();
  });

  test("a redirect to a proxy that honours it", async () => {
    const agent = await openIndoorAgent(REDIRECT);
    const peer = agent.connect();
    peer.send(HANDSHAKE_0_6_54);
    peer.takeReceived();
    peer.send(frame("00 00 01 65 10", V2_REQUEST));
    expect(peer.takeReceived()).toEqual(
      frame(
        "00 00 00 78 20",
        '{"version":2,"decision":{"redirect":{"url":"/login","status":302}},"audit":{"custom":{"correlation_id":"3Nq8aXk2Tz1"}}}',
      ),
    );
    agent.close();
  });

  test("the handshake is answered with every capability", async () => {
    const agent = await openIndoorAgent(NO_OPINION, { poolSize: 4 });
    const peer = agent.connect();
    peer.send(HANDSHAKE_0_6_20);
    expect(peer.takeFrames(2).map((answer) => JSON.parse(answer.text))).toEqual([
      {
        protocol_version: 2,
        capabilities: {
          agent_id: "wasm-agent",
          name: "WebAssembly Agent",
          version: "1.0.0",
          supported_events: [1, 3, 8],
          features: {
            streaming_body: false,
            websocket: false,
            guardrails: false,
            config_push: true,
            metrics_export: false,
            concurrent_requests: 4,
            cancellation: true,
            flow_control: false,
            health_reporting: false,
          },
          limits: { max_body_size: 10_485_760, max_concurrency: 4, preferred_chunk_size: 65_536 },
        },
        success: true,
        error: null,
        encoding: "json",
      },
    ]);
    agent.close();
  });
});
