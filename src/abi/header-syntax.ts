/**
 * What HTTP can carry in a header field (RFC 9110 section 5.1 and 5.5). Proxies drop invalid operations silently; here
 * they are the guest's error, so that a lost security header is noticed, and an injected line break never leaves.
 *
 * `place` names where the header stands, for the message: a key of a JSON result, or a header map.
 */

import { EventFailure } from "../event/failure.ts";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// Control characters other than the horizontal tab.
const FORBIDDEN_IN_VALUE = /[\u0000-\u0008\u000A-\u001F\u007F]/;
const MAX_SHOWN_UNITS = 64;

/** `guest-header-name`, or null for a name that HTTP can carry. */
export function headerNameFailure(name: string, place: string): EventFailure | null {
  if (TOKEN.test(name)) return null;
  return new EventFailure(
    "guest-header-name",
    `${place} holds the header name ${show(name)}, which HTTP cannot carry; use letters, digits and !#$%&'*+-.^_\`|~`,
  );
}

/** `guest-header-value`, or null for a value that HTTP can carry. */
export function headerValueFailure(name: string, value: string, place: string): EventFailure | null {
  const match = FORBIDDEN_IN_VALUE.exec(value);
  if (match === null) return null;
  const unit = match[0].charCodeAt(0).toString(16).padStart(4, "0").toUpperCase();
  return new EventFailure(
    "guest-header-value",
    `${place} gives the header ${show(name)} a value with the control character U+${unit}, which HTTP cannot carry`,
  );
}

/** @throws EventFailure `guest-header-name`. */
export function assertHeaderName(name: string, place: string): void {
  const failure = headerNameFailure(name, place);
  if (failure !== null) throw failure;
}

/** @throws EventFailure `guest-header-value`. */
export function assertHeaderValue(name: string, value: string, place: string): void {
  const failure = headerValueFailure(name, value, place);
  if (failure !== null) throw failure;
}

function show(text: string): string {
  return JSON.stringify(text.length > MAX_SHOWN_UNITS ? `${text.slice(0, MAX_SHOWN_UNITS)}...` : text);
}
