/**
 * A policy's decision to the neutral verdict (docs/opa-wasm.md). A value of a wrong type is a failure and never a guess:
 * what it was meant to say, the failure policy cannot know either.
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
import { decodeResult, isShallow, MAX_CUSTOM_DEPTH } from "../json/result-decoder.ts";
import { quote, wrongShape } from "../json/result-shape.ts";
import { hasMoreValues } from "../json/value-count.ts";
import type { DecisionShape } from "./decision-shape.ts";

const MAX_VALUES = 65_536;
const DEFAULT_STATUS = 403;
const MIN_STATUS = 200;
const MAX_STATUS = 599;
const REQUEST_REMOVALS = "request_headers_to_remove";
const RESPONSE_ADDITIONS = "response_headers_to_add";
const METADATA = "dynamic_metadata";
/** What no proxy lets an agent change. */
const QUERY_CHANGES = ["query_parameters_to_set", "query_parameters_to_remove"] as const;

const DENY: Verdict = Object.freeze({
  ...PLAIN_ALLOW,
  decision: Object.freeze({ kind: "block", status: DEFAULT_STATUS, body: "" }),
});

type Fields = Readonly<Record<string, unknown>>;

export interface DecisionReader {
  /** Null: an object is a result of the JSON ABI. */
  readonly shape: DecisionShape | null;
  /** Called with a key of a decision that cannot be carried out. */
  onIgnored(key: string): void;
}

/**
 * @param text what an evaluation gives: a list with one object whose key `result` is the value, or an empty list
 * @param entrypoint for messages
 * @throws EventFailure
 */
export function decodeDecision(
  text: string,
  kind: EventKind,
  entrypoint: string,
  reader: DecisionReader,
): Verdict {
  const value = resultOf(text, entrypoint);
  if (value === true) return PLAIN_ALLOW;
  if (value === false) return DENY;
  if (!isObject(value)) throw wrongShape(`the decision of ${entrypoint}`, "a boolean or an object", value);
  if (reader.shape === null) return decodeResult(JSON.stringify(value), kind);
  const isAllowed = allowedOf(value, reader.shape, entrypoint);
  for (const key of QUERY_CHANGES) if (key in value) reader.onIgnored(key);
  const headers = headerOps(value[reader.shape.headers], reader.shape.headers);
  const audit = auditOf(value[METADATA]);
  return isAllowed ? allowing(value, kind, headers, audit) : denying(value, reader.shape, headers, audit);
}

function resultOf(text: string, entrypoint: string): unknown {
  if (hasMoreValues(text, MAX_VALUES)) {
    throw new EventFailure("guest-result-too-large", `the decision has more than ${MAX_VALUES} values`);
  }
  let results: unknown;
  try {
    results = JSON.parse(text);
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new EventFailure("guest-result-not-json", `the policy's result is not JSON: ${reason}`, { cause });
  }
  if (hasLoneSurrogate(text, results)) {
    throw new EventFailure("guest-result-not-json", "the decision has half a surrogate pair in an escape");
  }
  if (!Array.isArray(results)) throw wrongShape("the policy's result", "a list", results);
  const [first] = results as readonly unknown[];
  if (!isObject(first) || first["result"] === undefined) {
    throw new EventFailure(
      "guest-decision-undefined",
      `${entrypoint} is undefined for this input; give the rule a default, such as \`default allow := false\``,
    );
  }
  return first["result"];
}

function allowedOf(value: Fields, { allowed }: DecisionShape, entrypoint: string): boolean {
  const key = allowed.find((name) => value[name] !== undefined);
  if (key === undefined) {
    throw wrongShape(`${allowed[0]} of the decision of ${entrypoint}`, "true or false", undefined);
  }
  const isAllowed = value[key];
  if (typeof isAllowed !== "boolean") throw wrongShape(key, "true or false", isAllowed);
  return isAllowed;
}

/** At a response there is no request to change any more: its headers are the response's. */
function allowing(value: Fields, kind: EventKind, headers: readonly HeaderOp[], audit: Audit): Verdict {
  const additions = headerOps(value[RESPONSE_ADDITIONS], RESPONSE_ADDITIONS);
  const isResponse = kind === "response-headers";
  const requestHeaders = isResponse
    ? NO_HEADER_OPS
    : concatenated(headers, removals(value[REQUEST_REMOVALS], REQUEST_REMOVALS));
  const responseHeaders = isResponse ? concatenated(headers, additions) : additions;
  if (requestHeaders === NO_HEADER_OPS && responseHeaders === NO_HEADER_OPS && audit === NO_AUDIT) {
    return PLAIN_ALLOW;
  }
  return { decision: ALLOW, requestHeaders, responseHeaders, audit, routingMetadata: null };
}

function denying(value: Fields, shape: DecisionShape, headers: readonly HeaderOp[], audit: Audit): Verdict {
  const status = statusOf(value[shape.status], shape.status);
  const location = headers.find((op) => op.op === "set" && op.name.toLowerCase() === "location");
  const isRedirect = status >= 300 && status < 400 && location?.op === "set";
  const decision: Decision = isRedirect
    ? { kind: "redirect", status, location: location.value }
    : { kind: "block", status, body: bodyOf(value[shape.body], shape.body) };
  const responseHeaders = isRedirect ? headers.filter((op) => op !== location) : headers;
  return {
    decision,
    requestHeaders: NO_HEADER_OPS,
    responseHeaders: responseHeaders.length === 0 ? NO_HEADER_OPS : responseHeaders,
    audit,
    routingMetadata: null,
  };
}

function statusOf(value: unknown, key: string): number {
  if (value === undefined || value === null) return DEFAULT_STATUS;
  if (typeof value !== "number" || !Number.isInteger(value)) throw wrongShape(key, "an integer", value);
  if (value >= MIN_STATUS && value <= MAX_STATUS) return value;
  throw new EventFailure(
    "guest-status-range",
    `${key} must be from ${MIN_STATUS} to ${MAX_STATUS}, got ${value}`,
  );
}

/** APISIX takes an object as well, and sends its JSON. */
function bodyOf(value: unknown, key: string): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  if (key === "reason" && typeof value === "object") return JSON.stringify(value);
  throw wrongShape(key, key === "reason" ? "a string or an object" : "a string", value);
}

/** An object from name to a value or a list of values, or a list of such objects. */
function headerOps(value: unknown, key: string): readonly HeaderOp[] {
  if (value === undefined || value === null) return NO_HEADER_OPS;
  const objects: readonly unknown[] = Array.isArray(value) ? value : [value];
  const ops: HeaderOp[] = [];
  for (const object of objects) {
    if (!isObject(object)) throw wrongShape(key, "an object or a list of objects", object);
    for (const name in object) pushValues(ops, name, object[name], key);
  }
  return ops.length === 0 ? NO_HEADER_OPS : ops;
}

function pushValues(ops: HeaderOp[], name: string, value: unknown, key: string): void {
  assertHeaderName(name, key);
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  for (const [i, item] of values.entries()) {
    if (typeof item !== "string")
      throw wrongShape(`${key}[${quote(name)}]`, "a string or a list of strings", item);
    assertHeaderValue(name, item, key);
    ops.push({ op: i === 0 && !isNamed(ops, name) ? "set" : "add", name, value: item });
  }
}

/** Objects of a list may repeat a name: its values add up. */
function isNamed(ops: readonly HeaderOp[], name: string): boolean {
  const lower = name.toLowerCase();
  return ops.some((op) => op.name.toLowerCase() === lower);
}

function removals(value: unknown, key: string): readonly HeaderOp[] {
  if (value === undefined || value === null) return NO_HEADER_OPS;
  if (!Array.isArray(value)) throw wrongShape(key, "a list of header names", value);
  const ops = value.map((name: unknown): HeaderOp => {
    if (typeof name !== "string") throw wrongShape(key, "a list of header names", name);
    assertHeaderName(name, key);
    return { op: "remove", name };
  });
  return ops.length === 0 ? NO_HEADER_OPS : ops;
}

function auditOf(metadata: unknown): Audit {
  if (metadata === undefined || metadata === null) return NO_AUDIT;
  if (!isObject(metadata)) throw wrongShape(METADATA, "an object", metadata);
  if (!isShallow(metadata, MAX_CUSTOM_DEPTH)) {
    throw new EventFailure(
      "guest-result-shape",
      `${METADATA} is nested more than ${MAX_CUSTOM_DEPTH} levels deep`,
    );
  }
  return { ...NO_AUDIT, custom: metadata };
}

function concatenated(a: readonly HeaderOp[], b: readonly HeaderOp[]): readonly HeaderOp[] {
  if (a.length === 0) return b;
  return b.length === 0 ? a : [...a, ...b];
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
