/**
 * Finds a key that an object repeats at its top level. JSON.parse keeps the last value silently; two decisions in one
 * result are a contradiction, which the contract calls an error (docs/design.md 6.3).
 */

import { CLOSE_BRACE, CLOSE_BRACKET, closingQuote, OPEN_BRACE, OPEN_BRACKET, QUOTE } from "./json-text.ts";

/**
 * The first repeated one of `keys`, or null. `text` must be valid JSON whose root is an object.
 */
export function findRepeatedKey(text: string, keys: ReadonlySet<string>): string | null {
  const seen = new Set<string>();
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === OPEN_BRACE || unit === OPEN_BRACKET) depth++;
    else if (unit === CLOSE_BRACE || unit === CLOSE_BRACKET) depth--;
    else if (unit === QUOTE) {
      const end = closingQuote(text, at) + 1;
      if (depth === 1 && isFollowedByColon(text, end)) {
        const key: unknown = JSON.parse(text.slice(at, end));
        if (typeof key === "string" && keys.has(key)) {
          if (seen.has(key)) return key;
          seen.add(key);
        }
      }
      at = end - 1;
    }
  }
  return null;
}

function isFollowedByColon(text: string, at: number): boolean {
  let next = at;
  while (/\s/.test(text.charAt(next))) next++;
  return text.charAt(next) === ":";
}
