/**
 * What a stream of bytes must lead to, told by the rules of docs/agent-protocol.md alone: which messages get an answer,
 * of which type and under which id, and whether the connection is closed in the end.
 */

import { Type } from "../../support/proxy-messages.ts";

export interface ExpectedAnswer {
  /** Null on v1. */
  readonly type: number | null;
  /** The id an agent response must carry; null where none is carried. */
  readonly correlationId: string | null;
  /** The exact payload, where it is known. */
  readonly payload: Buffer | null;
}

export interface ExpectedCourse {
  readonly protocol: 1 | 2;
  readonly answers: readonly ExpectedAnswer[];
  readonly isClosed: boolean;
}

const V1_MAX = 10 * 1024 * 1024;
const V2_MAX = 16 * 1024 * 1024;
const V1_STARTS = Buffer.from("{ \t\r\n");
const ANSWERED_FROM = Type.requestHeaders;
const ANSWERED_TO = Type.configure;

export function expectedCourse(stream: Buffer): ExpectedCourse {
  const answers: ExpectedAnswer[] = [];
  let protocol: 1 | 2 | null = null;
  let hasShakenHands = false;
  const ended = (isClosed: boolean): ExpectedCourse => ({ protocol: protocol ?? 1, answers, isClosed });

  for (let at = 0; ; ) {
    if (stream.length - at < 4) return ended(false);
    const length = stream.readUInt32BE(at);
    if (length === 0 || length > (protocol === 1 ? V1_MAX : V2_MAX)) return ended(true);
    if (protocol === null) {
      const first = stream[at + 4];
      if (first === undefined) return ended(false);
      if (first === Type.handshake) protocol = 2;
      else if (V1_STARTS.includes(first)) protocol = 1;
      else return ended(true);
      if (protocol === 1 && length > V1_MAX) return ended(true);
    }
    if (stream.length - at - 4 < length) return ended(false);
    const body = stream.subarray(at + 4, at + 4 + length);
    at += 4 + length;
    if (protocol === 1) {
      if (jsonObject(body) === null) return ended(true);
      answers.push({ type: null, correlationId: null, payload: null });
      continue;
    }
    const type = body[0]!;
    const payload = body.subarray(1);
    if (!hasShakenHands) {
      const versions = type === Type.handshake ? jsonObject(payload)?.["supported_versions"] : undefined;
      if (!Array.isArray(versions)) return ended(true);
      answers.push({ type: Type.handshakeResponse, correlationId: null, payload: null });
      if (!versions.includes(2)) return ended(true);
      hasShakenHands = true;
    } else if (type === Type.ping) {
      answers.push({ type: Type.pong, correlationId: null, payload: Buffer.from(payload) });
    } else if (type >= ANSWERED_FROM && type <= ANSWERED_TO) {
      const message = jsonObject(payload);
      if (message === null) continue;
      answers.push({ type: Type.agentResponse, correlationId: correlationIdOf(message), payload: null });
    }
  }
}

/** Null for bytes that are not UTF-8, or hold no JSON object; half a character makes JSON unreadable for any proxy. */
function jsonObject(bytes: Buffer): Record<string, unknown> | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) && isWellFormed(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

function isWellFormed(value: unknown): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([key, member]) => key.isWellFormed() && isWellFormed(member));
}

function correlationIdOf(message: Record<string, unknown>): string {
  const own = message["correlation_id"];
  if (typeof own === "string") return own;
  const metadata = message["metadata"] as { correlation_id?: unknown } | null | undefined;
  const inner = typeof metadata === "object" ? metadata?.correlation_id : undefined;
  return typeof inner === "string" ? inner : "";
}
