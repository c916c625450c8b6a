/** Everything the recorded proxies sent is understood, and what we answer is what each of them accepts. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { decodeEvent, parseJsonObject } from "../../src/protocol/event-decoder.ts";
import { V1_CONFIGURE, V1_EVENT_KINDS } from "../../src/protocol/v1/event-type.ts";
import { decodeHandshake } from "../../src/protocol/v2/handshake.ts";
import { eventKindOf, MessageType } from "../../src/protocol/v2/message-type.ts";
import { acceptAnswer, acceptHandshakeResponse } from "../support/accepted-answer.ts";
import { examplePolicy } from "../support/example-modules.ts";
import { v1Frame, v2Frame } from "../support/frames.ts";
import { type IndoorAgent, openIndoorAgent } from "../support/indoor-agent.ts";
import type { Loopback } from "../support/loopback.ts";
import { Type } from "../support/proxy-messages.ts";
import { type RecordedFrame, readRecordings, VECTORS } from "./recorded-frames.ts";

/** Where the recordings come from, when that folder lies beside this repository. */
const ORIGINALS = join(import.meta.dir, "../../../shared/vectors");

const recordings = await readRecordings();

test.skipIf(!existsSync(ORIGINALS))("the recordings kept here are the originals, byte for byte", async () => {
  for (const file of await readdir(VECTORS)) {
    const kept = await Bun.file(join(VECTORS, file)).bytes();
    const original = await Bun.file(join(ORIGINALS, file)).bytes();
    expect(Buffer.compare(kept, original), file).toBe(0);
  }
});

describe.each(recordings)("$file", ({ protocol, proxyVersion, frames }) => {
  let agent: IndoorAgent;
  beforeAll(async () => {
    agent = await openIndoorAgent(examplePolicy("rust"));
  });
  afterAll(() => agent.close());

  test("holds frames of every kind this proxy is known to send", () => {
    expect(frames.length).toBeGreaterThan(15);
    const types = new Set(
      frames.map((frame) => frame.type ?? String(parseJsonObject(frame.text)["event_type"])),
    );
    const expected = {
      "0.3.4": ["configure", "request_headers"],
      "0.6.45": [
        Type.handshake,
        Type.requestHeaders,
        Type.requestBodyChunk,
        Type.responseHeaders,
        Type.responseBodyChunk,
      ],
      "0.6.54": [
        Type.handshake,
        Type.configure,
        Type.requestHeaders,
        Type.requestBodyChunk,
        Type.responseHeaders,
        Type.responseBodyChunk,
      ],
    }[proxyVersion];
    expect([...types].sort()).toEqual([...(expected ?? [])].sort());
  });

  test("every frame decodes to what it says", () => {
    for (const frame of frames) expectToDecode(frame);
  });

  test("every message gets exactly one answer, with its id, and the proxy's decoder accepts it", () => {
    const peers = new Map<number, Loopback>();
    for (const frame of frames) {
      const peer = peers.get(frame.conn) ?? agent.connect();
      peers.set(frame.conn, peer);
      peer.send(frame.type === null ? v1Frame(frame.text) : v2Frame(frame.type, frame.text));
      const answers = peer.takeFrames(protocol);
      expect(answers, frame.text).toHaveLength(1);
      const answer = answers[0]!;
      if (frame.type === Type.handshake) {
        expect(answer.type).toBe(Type.handshakeResponse);
        expect(acceptHandshakeResponse(answer.text)).toEqual({ success: true, error: null });
        continue;
      }
      const accepted = acceptAnswer(protocol, answer.text);
      expect(accepted.tags).not.toContain("wasm-error");
      if (frame.type === null) continue;
      expect(answer.type).toBe(Type.agentResponse);
      expect(accepted.correlationId).toBe(String(parseJsonObject(frame.text)["correlation_id"]));
    }
    for (const peer of peers.values()) expect(peer.isClosed).toBe(false);
  });
});

function expectToDecode(frame: RecordedFrame): void {
  const message = parseJsonObject(frame.text);
  if (frame.type === MessageType.handshakeRequest) {
    const handshake = decodeHandshake(message);
    expect(handshake.offersV2).toBe(true);
    expect(handshake.proxyId).toBe("zentinel-proxy");
    expect(handshake.proxyVersion).toBe(String(message["proxy_version"]));
    return;
  }
  if (frame.type === MessageType.configure || message["event_type"] === V1_CONFIGURE) return;
  const payload = (frame.type === null ? message["payload"] : message) as Record<string, unknown>;
  const kind =
    frame.type === null ? V1_EVENT_KINDS.get(String(message["event_type"])) : eventKindOf(frame.type);
  if (kind === undefined) throw new Error(`no event kind for ${frame.text}`);
  const event = decodeEvent(kind, payload);
  const metadata = payload["metadata"] as Record<string, unknown> | undefined;
  expect(event.correlationId).toBe(String(payload["correlation_id"] ?? metadata?.["correlation_id"]));
  if (event.kind === "request-headers") {
    expect(event).toMatchObject({
      method: payload["method"],
      uri: payload["uri"],
      headers: payload["headers"],
      metadata: { clientAddress: metadata?.["client_ip"], routeId: metadata?.["route_id"] },
    });
  }
  if (event.kind === "response-headers") {
    expect(event).toMatchObject({ status: payload["status"], headers: payload["headers"] });
  }
}
