/** Which requests would get past a guest that inspects bodies or frames (docs/agent-protocol.md 9.8, 11.4). */

import { describe, expect, test } from "bun:test";
import { refuseUninspectable } from "../../../src/dispatch/strict-inspection.ts";
import type { EventKind, HeaderMap, RequestHeadersEvent } from "../../../src/event/event.ts";
import { EventPlan } from "../../../src/exchange/event-plan.ts";
import { sampleRequest } from "../../support/neutral-events.ts";

const UPGRADE: HeaderMap = { host: ["a.test"], connection: ["Upgrade"], upgrade: ["websocket"] };
const DEFLATE: HeaderMap = {
  ...UPGRADE,
  "sec-websocket-extensions": ["permessage-deflate; client_max_window_bits"],
};

function request(method: string, headers: HeaderMap): RequestHeadersEvent {
  return { ...sampleRequest({ headers }), method };
}

/** The reason for which it is refused; null when it is not. */
function reason(
  handles: readonly EventKind[],
  event: RequestHeadersEvent,
  subscribed: readonly EventKind[] | null = null,
): string | null {
  const plan = new EventPlan(new Set(handles), subscribed === null ? null : new Set(subscribed), new Set());
  const verdict = refuseUninspectable(event, plan);
  if (verdict === null) return null;
  expect(verdict.decision).toMatchObject({ kind: "block", status: 403 });
  expect(verdict.audit.tags).toEqual(["strict-inspection"]);
  return verdict.audit.reasonCodes.join();
}

const BODY = ["request-headers", "request-body-chunk"] as const;
const FRAMES = ["request-headers", "websocket-frame"] as const;
const RESPONSE_BODY = ["request-headers", "response-body-chunk"] as const;

describe("an upgrade to WebSocket with a body", () => {
  test.each<[string, string, HeaderMap]>([
    ["a length", "GET", { ...UPGRADE, "content-length": ["5"] }],
    ["two lengths", "GET", { ...UPGRADE, "content-length": ["0", "5"] }],
    ["a transfer coding", "GET", { ...UPGRADE, "transfer-encoding": ["chunked"] }],
    ["another method", "POST", UPGRADE],
    ["capitals", "GET", { Upgrade: ["WebSocket"], "Content-Length": ["5"] }],
    ["another protocol beside it", "POST", { ...UPGRADE, upgrade: ["h2c, websocket"] }],
    ["a second header", "POST", { ...UPGRADE, upgrade: ["h2c", "websocket"] }],
  ])("is refused by %s", (_by, method, headers) => {
    for (const handles of [BODY, FRAMES, RESPONSE_BODY]) {
      expect(reason(handles, request(method, headers))).toBe("upgrade-with-body");
    }
  });

  test("is none with the length 0", () => {
    expect(reason(BODY, request("GET", { ...UPGRADE, "content-length": ["0"] }))).toBeNull();
    expect(reason(BODY, request("GET", UPGRADE))).toBeNull();
  });
});

test("any upgrade is refused where response bodies are inspected, since the response has no event of its body", () => {
  expect(reason(RESPONSE_BODY, request("GET", UPGRADE))).toBe("upgrade-hides-response-body");
});

describe("an offer of permessage-deflate", () => {
  test("is refused where frames are inspected", () => {
    expect(reason(FRAMES, request("GET", DEFLATE))).toBe("compressed-websocket-frames");
    const second = { ...UPGRADE, "Sec-WebSocket-Extensions": ["x-own", "PerMessage-Deflate"] };
    expect(reason(FRAMES, request("GET", second))).toBe("compressed-websocket-frames");
  });

  test("goes on where only request bodies are", () => {
    expect(reason(BODY, request("GET", DEFLATE))).toBeNull();
  });

  test("goes on without an upgrade", () => {
    const headers = { "sec-websocket-extensions": ["permessage-deflate"] };
    expect(reason(FRAMES, request("GET", headers))).toBeNull();
  });
});

describe("nothing is refused", () => {
  test("for a guest that inspects headers alone", () => {
    const handles = ["request-headers", "response-headers", "guardrail-inspect"] as const;
    expect(reason(handles, request("POST", { ...DEFLATE, "content-length": ["5"] }))).toBeNull();
  });

  test("for events that the proxy does not send to this agent", () => {
    const handles = [...FRAMES, "request-body-chunk", "response-body-chunk"] as const;
    expect(reason(handles, request("GET", DEFLATE), ["request-headers"])).toBeNull();
    expect(reason(handles, request("GET", DEFLATE), ["request-headers", "websocket-frame"])).toBe(
      "compressed-websocket-frames",
    );
  });

  test("of ordinary requests, with or without a body", () => {
    expect(reason(BODY, request("POST", { "content-length": ["5"] }))).toBeNull();
    expect(reason(BODY, request("POST", { upgrade: ["h2c"], "content-length": ["5"] }))).toBeNull();
  });
});
