/**
 * How many values a JSON text has. Each becomes an object of the host, of which ten million fit into 10 MiB of text: work
 * and memory beyond any deadline and cap of the guest, so they are counted before anything is made of them.
 */

const QUOTE = 34;
const COMMA = 44;
const BACKSLASH = 92;
const OPEN_BRACE = 123;
const OPEN_BRACKET = 91;

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

/** Where the string ends that opens at `open`; -1 when it does not. */
function closingQuote(text: string, open: number): number {
  let quote = text.indexOf('"', open + 1);
  while (quote >= 0 && isEscaped(text, quote, open)) quote = text.indexOf('"', quote + 1);
  return quote;
}

function isEscaped(text: string, quote: number, open: number): boolean {
  let before = quote - 1;
  while (before > open && text.charCodeAt(before) === BACKSLASH) before--;
  return (quote - 1 - before) % 2 === 1;
}
