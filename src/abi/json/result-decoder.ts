/**
 * A guest's JSON result to the neutral verdict (docs/design.md 6.3). Everything in it is hostile: each way
 * to be wrong has its own failure code, and a message that names the key, what was expected and what came.
 */

import type { EventKind } from "../../event/event.ts";
import { EventFailure } from "../../event/failure.ts";
import { type HeaderOp, NO_HEADER_OPS } from "../../event/header-ops.ts";
import { hasLoneSurrogate } from "../../event/lone-surrogate.ts";
import {
  ALLOW,
  type Audit,
  type Decision,
  NO_AUDIT,
  PLAIN_ALLOW,
  type Verdict,
} from "../../event/verdict.ts";
import { assertHeaderName, assertHeaderValue } from "../header-syntax.ts";
import { decodeKindMembers } from "./event-result.ts";
import { findRepeatedKey } from "./repeated-key.ts";
import { present, quote, type Result, wrongShape } from "./result-shape.ts";
import { hasMoreValues } from "./value-count.ts";

const RESULT_KEYS: ReadonlySet<string> = new Set([
  "decision",
  "status",
  "body",
  "add_request_headers",
  "remove_request_headers",
  "add_response_headers",
  "remove_response_headers",
  "tags",
  "rule_ids",
  "confidence",
  "reason_codes",
  "custom",
  "routing_metadata",
  "replace_body",
  "replace_body_base64",
  "frame",
  "detections",
]);

const MAX_VALUES = 65_536;
/** Looking for each key by itself is quick for a short text with few keys, and quadratic for a long one with many. */
const MAX_SEARCHED_UNITS = 2 ** 20;
const DEFAULT_BLOCK_STATUS = 403;
const DEFAULT_REDIRECT_STATUS = 302;
/** Proxies read JSON of at most 128 levels, of which an answer needs three for itself. */
export const MAX_CUSTOM_DEPTH = 100;
/** A final status: those below 200 are interim ones, which end no request. */
const MIN_STATUS = 200;
const MAX_STATUS = 599;

/** @throws EventFailure for every result that is not exactly what the contract allows. */
export function decodeResult(text: string, kind: EventKind): Verdict {
  const result = parseResult(text);
  const decision = decodeDecision(result);
  const requestHeaders = decodeOps(result, "add_request_headers", "remove_request_headers");
  const responseHeaders = decodeOps(result, "add_response_headers", "remove_response_headers");
  const audit = decodeAudit(result);
  const routingMetadata = stringValues(result, "routing_metadata");
  const kindMembers = decodeKindMembers(result, kind);
  if (
    kindMembers === null &&
    decision === ALLOW &&
    requestHeaders === NO_HEADER_OPS &&
    responseHeaders === NO_HEADER_OPS &&
    audit === NO_AUDIT &&
    routingMetadata === null
  ) {
    return PLAIN_ALLOW;
  }
  const verdict = { decision, requestHeaders, responseHeaders, audit, routingMetadata };
  return kindMembers === null ? verdict : { ...verdict, ...kindMembers };
}

function parseResult(text: string): Result {
  if (hasMoreValues(text, MAX_VALUES)) {
    throw new EventFailure(
      "guest-result-too-large",
      `the result has more than ${MAX_VALUES} values (list entries, keys, nested ones included); answer with fewer`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new EventFailure(
      "guest-result-not-json",
      `the guest's result is not JSON: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrongShape("the result", "a JSON object", value);
  }
  const result = value as Result;
  if (mayRepeatKeys(text, result)) {
    const repeated = findRepeatedKey(text, RESULT_KEYS);
    if (repeated !== null) {
      throw new EventFailure("guest-result-shape", `the guest's result repeats the key ${repeated}`);
    }
  }
  if (hasLoneSurrogate(text, result)) throw loneSurrogate();
  return result;
}

/** Cheap and never wrong when it says no: a repeated key stands twice in the text, unless it is spelled by escapes. */
function mayRepeatKeys(text: string, result: Result): boolean {
  if (text.includes("\\")) return true;
  let searched = 0;
  for (const key in result) {
    searched += text.length;
    if (searched > MAX_SEARCHED_UNITS) return true;
    const quoted = `"${key}"`;
    if (text.indexOf(quoted) !== text.lastIndexOf(quoted)) return true;
  }
  return false;
}

function loneSurrogate(): EventFailure {
  return new EventFailure(
    "guest-result-not-json",
    "the guest's result has half a surrogate pair in an escape; write characters beyond U+FFFF as two escapes or as UTF-8",
  );
}

function decodeDecision(result: Result): Decision {
  const word = result["decision"];
  if (typeof word !== "string") throw wrongShape("decision", "a string", word);
  const status = integerOrAbsent(result, "status");
  const body = stringOrAbsent(result, "body");
  switch (word.toLowerCase()) {
    case "allow":
      return ALLOW;
    case "block":
    case "deny":
      return { kind: "block", status: checkedStatus(status ?? DEFAULT_BLOCK_STATUS), body };
    case "redirect":
      if (body !== null) assertHeaderValue("Location", body, "body");
      return { kind: "redirect", status: checkedStatus(status ?? DEFAULT_REDIRECT_STATUS), location: body };
    default:
      throw new EventFailure(
        "guest-decision-unknown",
        `decision must be allow, block, deny or redirect, got ${quote(word)}`,
      );
  }
}

function checkedStatus(status: number): number {
  if (status < MIN_STATUS || status > MAX_STATUS) {
    throw new EventFailure(
      "guest-status-range",
      `status must be from ${MIN_STATUS} to ${MAX_STATUS}, got ${status}`,
    );
  }
  return status;
}

function decodeOps(result: Result, addKey: string, removeKey: string): readonly HeaderOp[] {
  const added = present(result[addKey]);
  const removed = present(result[removeKey]);
  if (added === null && removed === null) return NO_HEADER_OPS;
  const ops: HeaderOp[] = [];
  if (added !== null) {
    if (typeof added !== "object" || Array.isArray(added))
      throw wrongShape(addKey, "an object or null", added);
    for (const name in added as Result) {
      assertHeaderName(name, addKey);
      pushValues(ops, name, (added as Result)[name], addKey);
    }
  }
  for (const name of strings(removed, removeKey)) {
    assertHeaderName(name, removeKey);
    ops.push({ op: "remove", name });
  }
  return ops.length === 0 ? NO_HEADER_OPS : ops;
}

/** A string is one value; a list is one set, then adds (docs/design.md 6.3). */
function pushValues(ops: HeaderOp[], name: string, value: unknown, key: string): void {
  if (typeof value === "string") {
    assertHeaderValue(name, value, key);
    ops.push({ op: "set", name, value });
    return;
  }
  if (!Array.isArray(value))
    throw wrongShape(`${key}[${quote(name)}]`, "a string or an array of strings", value);
  for (let i = 0; i < value.length; i++) {
    const item: unknown = value[i];
    if (typeof item !== "string") throw wrongShape(`${key}[${quote(name)}][${i}]`, "a string", item);
    assertHeaderValue(name, item, key);
    ops.push({ op: i === 0 ? "set" : "add", name, value: item });
  }
}

function decodeAudit(result: Result): Audit {
  const tags = strings(present(result["tags"]), "tags");
  const ruleIds = strings(present(result["rule_ids"]), "rule_ids");
  const reasonCodes = strings(present(result["reason_codes"]), "reason_codes");
  const confidence = present(result["confidence"]);
  // A literal like 1e999 parses to Infinity, which no JSON answer can carry.
  if (confidence !== null && (typeof confidence !== "number" || !Number.isFinite(confidence))) {
    throw wrongShape("confidence", "a finite number or null", confidence);
  }
  const custom = present(result["custom"]);
  if (custom !== null && (typeof custom !== "object" || Array.isArray(custom))) {
    throw wrongShape("custom", "an object or null", custom);
  }
  if (custom !== null && !isShallow(custom, MAX_CUSTOM_DEPTH)) {
    throw new EventFailure(
      "guest-result-shape",
      `custom is nested more than ${MAX_CUSTOM_DEPTH} levels deep`,
    );
  }
  if (
    tags.length === 0 &&
    ruleIds.length === 0 &&
    reasonCodes.length === 0 &&
    confidence === null &&
    custom === null
  ) {
    return NO_AUDIT;
  }
  return {
    tags,
    ruleIds,
    reasonCodes,
    confidence,
    custom: custom as Readonly<Record<string, unknown>> | null,
  };
}

export function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return levels > 0 && Object.values(value).every((inner) => isShallow(inner, levels - 1));
}

function integerOrAbsent(result: Result, key: string): number | null {
  const value = present(result[key]);
  if (value === null) return null;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > 65_535) {
    throw wrongShape(key, "an integer from 0 to 65535, or null", value);
  }
  return value;
}

function stringOrAbsent(result: Result, key: string): string | null {
  const value = present(result[key]);
  if (value !== null && typeof value !== "string") throw wrongShape(key, "a string or null", value);
  return value;
}

function strings(value: unknown, key: string): readonly string[] {
  if (value === null) return NO_AUDIT.tags;
  if (!Array.isArray(value)) throw wrongShape(key, "an array of strings or null", value);
  for (let i = 0; i < value.length; i++) {
    if (typeof value[i] !== "string") throw wrongShape(`${key}[${i}]`, "a string", value[i]);
  }
  return value as string[];
}

function stringValues(result: Result, key: string): Readonly<Record<string, string>> | null {
  const value = present(result[key]);
  if (value === null) return null;
  if (typeof value !== "object" || Array.isArray(value)) {
    throw wrongShape(key, "an object of strings or null", value);
  }
  for (const name in value as Result) {
    const item = (value as Result)[name];
    if (typeof item !== "string") throw wrongShape(`${key}[${quote(name)}]`, "a string", item);
  }
  return value as Readonly<Record<string, string>>;
}
