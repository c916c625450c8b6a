/**
 * What HTTP can carry in a header field (RFC 9110 section 5.1 and 5.5). Proxies drop invalid operations silently; here
 * they are the guest's error, so that a lost security header is noticed, and an injected line break never leaves.
 */

import { EventFailure } from "../../event/failure.ts";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// Control characters other than the horizontal tab.
const FORBIDDEN_IN_VALUE = /[\u0000-\u0008\u000A-\u001F\u007F]/;
const MAX_SHOWN_UNITS = 64;

/** @throws EventFailure `guest-header-name`. `key` is the result key the name stands under. */
export function assertHeaderName(name: string, key: string): void {
  if (TOKEN.test(name)) return;
  throw new EventFailure(
    "guest-header-name",
    `${key} holds the header name ${show(name)}, which HTTP cannot carry; use letters, digits and !#$%&'*+-.^_\`|~`,
  );
}

/** @throws EventFailure `guest-header-value`. */
export function assertHeaderValue(name: string, value: string, key: string): void {
  const match = FORBIDDEN_IN_VALUE.exec(value);
  if (match === null) return;
  const unit = match[0].charCodeAt(0).toString(16).padStart(4, "0").toUpperCase();
  throw new EventFailure(
    "guest-header-value",
    `${key} gives the header ${show(name)} a value with the control character U+${unit}, which HTTP cannot carry`,
  );
}

function show(text: string): string {
  return JSON.stringify(text.length > MAX_SHOWN_UNITS ? `${text.slice(0, MAX_SHOWN_UNITS)}...` : text);
}
