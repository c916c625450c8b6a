import { expect, test } from "bun:test";
import { guestPath } from "../../guests/guest-path.ts";
import { v1Frame } from "../../support/frames.ts";
import { openIndoorAgent } from "../../support/indoor-agent.ts";
import { handshake, requestHeaders, v1Envelope } from "../../support/proxy-messages.ts";
import { RecordedLog } from "../../support/recorded-log.ts";

test("a first byte of 0x01 is a v2 peer", async () => {
  const agent = await openIndoorAgent(guestPath("allow"));
  const peer = agent.connect();
  peer.send(Buffer.concat([v1Frame(`\x01${JSON.stringify(handshake("0.6.54"))}`)]));
  expect(peer.takeFrames(2)[0]?.type).toBe(0x02);
  agent.close();
});

test.each([" ", "\t", "\r", "\n", ""])("JSON behind white space %p is a v1 peer", async (space) => {
  const agent = await openIndoorAgent(guestPath("allow"));
  const peer = agent.connect();
  peer.send(v1Frame(space + JSON.stringify(v1Envelope("request_headers", requestHeaders()))));
  expect(peer.takeFrames(1)[0]?.text).toBe('{"version":1,"decision":"allow"}');
  agent.close();
});

test("anything else speaks no protocol of ours: the connection is closed, and the log says why", async () => {
  const log = new RecordedLog();
  const agent = await openIndoorAgent(guestPath("allow"), { log });
  const peer = agent.connect();
  peer.send(Buffer.from("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"));
  expect(peer.isClosed).toBe(true);
  expect(peer.takeReceived()).toHaveLength(0);
  expect(log.lines).toContainEqual({
    level: "warn",
    message: "closing a connection",
    fields: {
      reason: "frame-too-large: the peer announced a frame of 1195725856 bytes; at most 16777216 are allowed",
    },
  });
  agent.close();
});

test("a first byte that starts neither protocol is named", async () => {
  const log = new RecordedLog();
  const agent = await openIndoorAgent(guestPath("allow"), { log });
  const peer = agent.connect();
  peer.send(v1Frame("[1]"));
  expect(peer.isClosed).toBe(true);
  expect(log.lines.map((line) => line.fields["reason"])).toContain(
    "frame-unknown-protocol: the first byte 0x5b starts neither a v1 nor a v2 message",
  );
  agent.close();
});
