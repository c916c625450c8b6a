/**
 * The keys of a guest's result that only one kind of event knows: replacements of bodies, decisions on WebSocket
 * frames, detections of guardrails. For other kinds they are unknown keys like any other.
 */

import { decodeBase64 } from "../../event/base64.ts";
import type { EventKind } from "../../event/event.ts";
import { EventFailure } from "../../event/failure.ts";
import type { Detection, FrameDecision, Verdict } from "../../event/verdict.ts";
import { type Result, present, wrongShape } from "./result-shape.ts";

type KindMembers = Pick<Verdict, "replacement" | "frame" | "detections">;

/** RFC 6455, 5.5: a close frame's payload has at most 125 bytes, of which two are the code. */
const MAX_REASON_BYTES = 123;
const DEFAULT_CLOSE_CODE = 1008;
const SEVERITIES: ReadonlySet<unknown> = new Set(["low", "medium", "high", "critical"]);
const MAX_DETECTIONS = 256;
const MAX_DETECTION_UNITS = 1024;

/** The members that the result has; null when there are none. @throws EventFailure `guest-result-shape` */
export function decodeKindMembers(result: Result, kind: EventKind): KindMembers | null {
  switch (kind) {
    case "request-headers":
    case "response-headers":
    case "request-complete":
      return null;
    case "request-body-chunk":
    case "response-body-chunk": {
      const replacement = decodeReplacement(result);
      return replacement === null ? null : { replacement };
    }
    case "websocket-frame": {
      const frame = decodeFrame(result);
      return frame === null ? null : { frame };
    }
    case "guardrail-inspect": {
      const detections = present(result["detections"]);
      return detections === null ? null : { detections: decodeDetections(detections) };
    }
    default:
      return kind satisfies never;
  }
}

function decodeReplacement(result: Result): Uint8Array | null {
  const text = present(result["replace_body"]);
  const base64 = present(result["replace_body_base64"]);
  if (text !== null && base64 !== null) {
    throw new EventFailure(
      "guest-result-shape",
      "the result has both replace_body and replace_body_base64; give one of them",
    );
  }
  if (text !== null) {
    if (typeof text !== "string") throw wrongShape("replace_body", "a string or null", text);
    return Buffer.from(text, "utf8");
  }
  if (base64 === null) return null;
  if (typeof base64 !== "string") throw wrongShape("replace_body_base64", "a string or null", base64);
  const bytes = decodeBase64(base64);
  if (bytes === null) {
    throw new EventFailure("guest-result-shape", "replace_body_base64 must be padded base64");
  }
  return bytes;
}

/** `"allow"`, `"drop"`, `"close"`, or `{"close":{"code":…,"reason":…}}`. */
function decodeFrame(result: Result): FrameDecision | null {
  const frame = present(result["frame"]);
  if (frame === null) return null;
  if (frame === "allow" || frame === "drop") return { kind: frame };
  if (frame === "close") return { kind: "close", code: DEFAULT_CLOSE_CODE, reason: "" };
  const close = isObject(frame) ? frame["close"] : undefined;
  if (!isObject(close)) {
    throw wrongShape("frame", '"allow", "drop", "close" or {"close":{"code":1008,"reason":"..."}}', frame);
  }
  const code = close["code"] ?? DEFAULT_CLOSE_CODE;
  if (typeof code !== "number" || !isCloseCode(code)) {
    throw wrongShape(
      "frame.close.code",
      "a close code (1000 to 1014 without 1004 to 1006, 3000 to 4999)",
      code,
    );
  }
  const reason = close["reason"] ?? "";
  if (typeof reason !== "string") throw wrongShape("frame.close.reason", "a string", reason);
  if (Buffer.byteLength(reason) > MAX_REASON_BYTES) {
    throw wrongShape("frame.close.reason", `at most ${MAX_REASON_BYTES} bytes`, reason);
  }
  return { kind: "close", code, reason };
}

/** Codes that may stand in a close frame (RFC 6455, 7.4). */
function isCloseCode(code: number): boolean {
  if (!Number.isInteger(code)) return false;
  if (code >= 1000 && code <= 1014) return code < 1004 || code > 1006;
  return code >= 3000 && code <= 4999;
}

function decodeDetections(value: unknown): readonly Detection[] {
  if (!Array.isArray(value)) throw wrongShape("detections", "an array or null", value);
  if (value.length > MAX_DETECTIONS) {
    throw wrongShape("detections", `an array of at most ${MAX_DETECTIONS} entries`, value);
  }
  return value.map((item: unknown, i) => decodeDetection(item, `detections[${i}]`));
}

function decodeDetection(value: unknown, key: string): Detection {
  if (!isObject(value)) throw wrongShape(key, "an object", value);
  const severity = value["severity"] ?? "medium";
  if (!SEVERITIES.has(severity)) {
    throw wrongShape(`${key}.severity`, "low, medium, high or critical", severity);
  }
  const confidence = present(value["confidence"]);
  if (confidence !== null && (typeof confidence !== "number" || !Number.isFinite(confidence))) {
    throw wrongShape(`${key}.confidence`, "a finite number or null", confidence);
  }
  return {
    category: shortText(value["category"], `${key}.category`),
    description: shortText(value["description"] ?? "", `${key}.description`),
    severity: severity as Detection["severity"],
    confidence,
    span: decodeSpan(present(value["span"]), `${key}.span`),
  };
}

function decodeSpan(value: unknown, key: string): Detection["span"] {
  if (value === null) return null;
  const { start, end } = isObject(value) ? value : {};
  if (!isOffset(start) || !isOffset(end) || end < start) {
    throw wrongShape(key, '{"start":…,"end":…} with integers in order', value);
  }
  return { start, end };
}

function isOffset(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function shortText(value: unknown, key: string): string {
  if (typeof value !== "string" || value.length > MAX_DETECTION_UNITS) {
    throw wrongShape(key, `a string of at most ${MAX_DETECTION_UNITS} characters`, value);
  }
  return value;
}

function isObject(value: unknown): value is Result {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
