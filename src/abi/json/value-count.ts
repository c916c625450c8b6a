/**
 * How many values a JSON text has. Each becomes an object of the host, of which ten million fit into 10 MiB of text: work
 * and memory beyond any deadline and cap of the guest, so they are counted before anything is made of them.
 */

import { COMMA, closingQuote, OPEN_BRACE, OPEN_BRACKET, QUOTE } from "./json-text.ts";

/** The shortest value with what parts it from the next: `0,`. */
const MIN_UNITS_PER_VALUE = 2;

/** Whether the text has more values than that, nested ones included. It need not be valid JSON. */
export function hasMoreValues(text: string, most: number): boolean {
  if (text.length <= most * MIN_UNITS_PER_VALUE) return false;
  let values = 1;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      at = closingQuote(text, at);
      if (at < 0) return false;
    } else if ((unit === COMMA || unit === OPEN_BRACKET || unit === OPEN_BRACE) && ++values > most) {
      return true;
    }
  }
  return false;
}
