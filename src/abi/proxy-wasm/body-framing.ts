/** Whether a body follows the headers, as far as they tell: the end of the stream in header callbacks. */

import type { RequestHeadersEvent, ResponseHeadersEvent } from "../../event/event.ts";
import { firstValue } from "./message-headers.ts";

const NO_CONTENT = 204;
const NOT_MODIFIED = 304;
const FIRST_FINAL_STATUS = 200;

const METHODS_WITHOUT_BODY: ReadonlySet<string> = new Set([
  "CONNECT",
  "DELETE",
  "GET",
  "HEAD",
  "OPTIONS",
  "TRACE",
]);

/** `likely`: the headers neither announce a body nor exclude one. */
export type AnnouncedBody = "none" | "likely" | "announced";

/** A request of HTTP/1.1 announces its body. One of HTTP/2 need not, and has no Host header to know it by. */
export function requestBody({ method, headers }: RequestHeadersEvent): AnnouncedBody {
  if (firstValue(headers, "transfer-encoding") !== undefined) return "announced";
  const length = firstValue(headers, "content-length");
  if (length !== undefined) return length === "0" ? "none" : "announced";
  return firstValue(headers, "host") === undefined && !METHODS_WITHOUT_BODY.has(method) ? "likely" : "none";
}

export function responseHasBody(
  { status, headers }: ResponseHeadersEvent,
  method: string | undefined,
): boolean {
  if (status < FIRST_FINAL_STATUS || status === NO_CONTENT || status === NOT_MODIFIED) return false;
  return method !== "HEAD" && firstValue(headers, "content-length") !== "0";
}
