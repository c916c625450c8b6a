/** `parsed_body` and `truncated_body`: a request's body as far as its content type tells how to read it. */

import type { HeaderMap } from "../../../event/event.ts";
import { hasMoreValues } from "../../json/value-count.ts";
import { multipartForm } from "./multipart-form.ts";
import { announcedLength, BadRequest, formObject, joined, parseForm } from "./request-parts.ts";

/** The bytes that the proxy sent of a body. */
export interface RequestBody {
  readonly bytes: Uint8Array;
  /** More follows that this agent does not see. */
  readonly isTruncated: boolean;
}

export interface ParsedBody {
  /** JSON. */
  readonly parsed: string;
  readonly isTruncated: boolean;
}

const NO_BODY: ParsedBody = { parsed: "null", isTruncated: false };
const TRUNCATED: ParsedBody = { parsed: "null", isTruncated: true };
const MAX_VALUES = 65_536;

/** @throws BadRequest for a body that is not what its content type says. */
export function parseBody(headers: HeaderMap, body: RequestBody | null): ParsedBody {
  const type = joined(headers, "content-type");
  if (body === null || body.bytes.length === 0 || type === undefined) return NO_BODY;
  const isJson = type.includes("application/json");
  const isForm = type.includes("application/x-www-form-urlencoded");
  const isMultipart = type.includes("multipart/form-data");
  if (!isJson && !isForm && !isMultipart) return NO_BODY;
  if (body.isTruncated || body.bytes.length < (announcedLength(headers) ?? 0)) return TRUNCATED;
  const text = bodyText(body.bytes);
  if (isJson) return { parsed: checkedJson(text), isTruncated: false };
  const values = isForm ? parseForm(text) : multipartForm(body.bytes, type);
  return { parsed: formObject(values), isTruncated: false };
}

export function bodyText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
}

/** The text itself, whose numbers keep all their digits. A policy's parser reads more than JSON, so it is checked. */
function checkedJson(text: string): string {
  if (hasMoreValues(text, MAX_VALUES)) throw new BadRequest(`the body has more than ${MAX_VALUES} values`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new BadRequest("the body is not JSON");
  }
  // Half a character in an escape would end the policy.
  return text.includes("\\u") && /\\u[dD][89a-fA-F]/.test(text) ? JSON.stringify(wellFormed(value)) : text;
}

function wellFormed(value: unknown): unknown {
  if (typeof value === "string") return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name.toWellFormed(), wellFormed(inner)]),
  );
}
