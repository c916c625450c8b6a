/**
 * Bodies, WebSocket frames and guardrail checks as real proxies sent them: they reach the guest as they are, and a guest
 * that decides as the recorded agent did gets the same answer onto the wire, the one whose effect was recorded.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { decodeEvent, parseJsonObject } from "../../src/protocol/event-decoder.ts";
import { eventKindOf } from "../../src/protocol/v2/message-type.ts";
import { ModuleMetrics } from "../../src/telemetry/metrics/module-metrics.ts";
import { Ring } from "../../src/ring/ring.ts";
import { guestPath } from "../guests/guest-path.ts";
import { replyToEveryEvent } from "../guests/reply-to-every-event.ts";
import { type AcceptedAnswer, acceptAnswer, acceptHandshakeResponse } from "../support/accepted-answer.ts";
import { v1Frame, v2Frame } from "../support/frames.ts";
import { type IndoorAgent, openIndoorAgent } from "../support/indoor-agent.ts";
import type { Loopback } from "../support/loopback.ts";
import { jsonRecipe, prepareStateless } from "../support/prepare-stateless.ts";
import { handshake, Type } from "../support/proxy-messages.ts";
import { silentLog } from "../support/silent-log.ts";
import { slotSettings, TEST_LIMITS } from "../support/slot-settings.ts";
import { EVENT_DIFFERENCES } from "./event-differences.ts";
import { type RecordedCase, type RecordedStep, readLines, readRecordedCases } from "./recorded-exchanges.ts";
import { resultOfAnswer } from "./result-of-answer.ts";

const cases = await readRecordedCases();

/** The connections of one case, opened as they appear. */
class Peers {
  readonly #agent: IndoorAgent;
  readonly #open = new Map<number, Loopback>();

  constructor(agent: IndoorAgent) {
    this.#agent = agent;
  }

  /** The agent's only answer to the step. */
  ask({ conn, type, text }: Pick<RecordedStep, "conn" | "type" | "text">): AcceptedAnswer {
    const peer = this.#open.get(conn) ?? this.#connect(conn);
    peer.send(v2Frame(type, text));
    const frames = peer.takeFrames(2);
    expect(frames.map((frame) => frame.type)).toEqual([Type.agentResponse]);
    return acceptAnswer(2, frames[0]!.text);
  }

  #connect(conn: number): Loopback {
    const peer = this.#agent.connect();
    this.#open.set(conn, peer);
    peer.send(v2Frame(Type.handshake, handshake("0.6.54")));
    expect(acceptHandshakeResponse(peer.takeFrames(2)[0]!.text).success).toBe(true);
    return peer;
  }
}

test("the recordings have every mode of bodies, frames and guardrail checks", () => {
  const types = new Map<number, number>();
  for (const { type } of cases.flatMap(({ steps }) => steps)) types.set(type, (types.get(type) ?? 0) + 1);
  expect(Object.fromEntries(types)).toEqual({
    [Type.requestHeaders]: 74,
    [Type.requestBodyChunk]: 80,
    [Type.responseHeaders]: 38,
    [Type.responseBodyChunk]: 11,
    [Type.webSocketFrame]: 27,
    [Type.guardrailInspect]: 4,
  });
  const modes = new Set(cases.map(({ name }) => name.split(": ")[0]));
  for (const mode of ["buffer", "stream", "hybrid:10", "inspect-first"]) expect(modes).toContain(mode);
});

describe("each recorded event reaches the guest as the proxy sent it", () => {
  let agent: IndoorAgent;
  beforeAll(async () => {
    agent = await openIndoorAgent(guestPath("echo-bytes-request"));
  });
  afterAll(() => agent.close());

  test.each(cases)("$file: $name", ({ steps }) => {
    const peers = new Peers(agent);
    const requests = new Map<string, string>();
    for (const step of steps) {
      const payload = parseJsonObject(step.text);
      const id = String(payload["correlation_id"]);
      const answer = peers.ask(step);
      expect(answer.tags).toEqual([]);
      expect(answer.correlationId).toBe(id);
      // Responses before the real one are allowed without the guest.
      if (step.type === Type.responseHeaders && Number(payload["status"]) === 100) continue;
      const { input, bytes } = answer.custom as { input: Record<string, unknown>; bytes: string };
      expect(input).toMatchObject(expectedInput(step, payload));
      expect(bytes).toBe(Buffer.from(String(payload["data"] ?? ""), "base64").toString("hex"));
      if (step.type === Type.requestHeaders) requests.set(id, String(payload["uri"]));
      else if (requests.has(id))
        expect(input["request"]).toMatchObject({ uri: requests.get(id)!, correlation_id: id });
    }
  });
});

/** What the guest is told, in the proxy's words. */
function expectedInput({ type }: RecordedStep, payload: Readonly<Record<string, unknown>>): object {
  const pick = (...keys: string[]) => Object.fromEntries(keys.map((key) => [key, payload[key]]));
  switch (type) {
    case Type.requestHeaders:
      return pick("correlation_id", "method", "uri");
    case Type.responseHeaders:
      return pick("correlation_id", "status");
    case Type.webSocketFrame:
      return pick("correlation_id", "opcode", "client_to_server", "frame_index", "fin");
    case Type.guardrailInspect:
      return pick("correlation_id", "inspection_type", "content", "categories", "route_id", "metadata");
    case Type.requestBodyChunk:
      return {
        ...pick("correlation_id", "chunk_index", "is_last", "total_size"),
        can_replace: payload["total_size"] === null,
      };
    case Type.responseBodyChunk:
      return { ...pick("correlation_id", "chunk_index", "is_last", "total_size"), can_replace: true };
    default:
      throw new Error(`a message of type ${type} was recorded`);
  }
}

describe("a guest that decides as the recorded agent did is answered for in the same words", () => {
  let agent: IndoorAgent;
  const rings = new Map<string, Ring>();
  const applied = new Set<string>();
  beforeAll(async () => {
    agent = await openIndoorAgent(guestPath("allow"));
  });
  afterAll(() => {
    for (const ring of rings.values()) ring.close();
    agent.close();
    expect(EVENT_DIFFERENCES.filter(({ what }) => !applied.has(what))).toEqual([]);
  });

  async function ringFor(result: string): Promise<Ring> {
    const known = rings.get(result);
    if (known !== undefined) return known;
    const recipe = jsonRecipe(await replyToEveryEvent(result), TEST_LIMITS);
    const { factory } = await prepareStateless(recipe);
    const ring = new Ring({
      factory,
      recipe,
      size: 1,
      dispatch: "inline",
      settings: slotSettings(),
      configJson: null,
      log: silentLog(),
      metrics: new ModuleMetrics(),
      clock: agent.metrics.clock,
    });
    rings.set(result, ring);
    return ring;
  }

  function expectedAnswer({ name }: RecordedCase, step: RecordedStep, answer: string): AcceptedAnswer {
    let expected = acceptAnswer(2, answer);
    const { correlationId } = expected;
    for (const difference of EVENT_DIFFERENCES) {
      if (!difference.appliesTo(name, step, expected)) continue;
      applied.add(difference.what);
      expected = difference.ours(expected);
    }
    return { ...expected, correlationId };
  }

  test.each(cases)("$file: $name", async (recorded) => {
    const peers = new Peers(agent);
    for (const step of recorded.steps) {
      agent.dispatcher.useRing(await ringFor(resultOfAnswer(step.answer ?? '{"decision":"allow"}')));
      const answer = peers.ask(step);
      // Where the recorded agent kept silent there is nothing to compare with; ours answers all the same.
      if (step.answer === null) continue;
      expect(comparable(answer), step.text).toEqual(comparable(expectedAnswer(recorded, step, step.answer)));
    }
  });
});

/** Detections travel as JSON within JSON, in which keys and spaces stand as they like. */
function comparable(answer: AcceptedAnswer): object {
  const { guardrail_response: text, ...rest } = answer.routingMetadata;
  const detections: unknown = text === undefined ? undefined : JSON.parse(text);
  return { ...answer, routingMetadata: rest, detections };
}

test("the body of a request reaches the guest over v1 as well", async () => {
  const agent = await openIndoorAgent(guestPath("echo-bytes-request"));
  const lines = await readLines<{ readonly text?: string }>("sentinel-0.3.4-v1-bodies.jsonl");
  const peer = agent.connect();
  let bodies = 0;
  let uri: unknown;
  for (const { text } of lines) {
    // The end of a connection.
    if (text === undefined) continue;
    const { event_type: type, payload } = parseJsonObject(text) as {
      event_type: string;
      payload: Record<string, unknown>;
    };
    peer.send(v1Frame(text));
    const frames = peer.takeFrames(1);
    expect(frames, text).toHaveLength(1);
    const answer = acceptAnswer(1, frames[0]!.text);
    expect(answer.tags).toEqual([]);
    if (type === "request_headers") uri = payload["uri"];
    if (type !== "request_body_chunk") continue;
    bodies++;
    const { input, bytes } = answer.custom as { input: Record<string, unknown>; bytes: string };
    expect(bytes).toBe(Buffer.from(String(payload["data"]), "base64").toString("hex"));
    expect(input).toMatchObject({
      chunk_index: 0,
      is_last: true,
      total_size: payload["total_size"] as number,
      can_replace: false,
      request: { uri: uri as string },
    });
  }
  expect(bodies).toBeGreaterThan(2);
  expect(peer.isClosed).toBe(false);
  agent.close();
});

describe("a proxy that also speaks MessagePack", () => {
  test("is answered in JSON, and goes on in JSON", async () => {
    const agent = await openIndoorAgent(guestPath("allow"));
    const peer = agent.connect();
    peer.send(v2Frame(Type.handshake, { ...handshake("0.6.54"), supported_encodings: ["msgpack", "json"] }));
    const [response] = peer.takeFrames(2);
    expect(acceptHandshakeResponse(response!.text).success).toBe(true);
    expect(JSON.parse(response!.text).encoding ?? "json").toBe("json");
    agent.close();
  });

  test("would say the same in both: every recorded event decodes from its JSON form", async () => {
    const lines = await readLines<{
      readonly name: string;
      readonly type: number;
      readonly json?: Record<string, unknown>;
    }>("zentinel-0.6.54-msgpack.jsonl");
    const decoded = lines.flatMap(({ type, json }) => {
      const kind = eventKindOf(type);
      return kind === undefined || json === undefined ? [] : [decodeEvent(kind, json)];
    });
    expect(decoded.map(({ kind }) => kind)).toEqual([
      "request-headers",
      "request-headers",
      "request-body-chunk",
      "request-body-chunk",
      "response-headers",
      "response-body-chunk",
      "request-complete",
      "websocket-frame",
      "guardrail-inspect",
    ]);
    expect(new Set(decoded.map(({ correlationId }) => correlationId))).toEqual(new Set(["c1"]));
  });
});
