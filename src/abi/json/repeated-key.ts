/**
 * Finds a key that an object repeats at its top level. JSON.parse keeps the last value silently; two decisions in one
 * result are a contradiction, which the contract calls an error (protocol.md 6.3).
 */

const QUOTE = 34;
const BACKSLASH = 92;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;

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
      const end = endOfString(text, at);
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

/** Index after the closing quote of the string that opens at `at`. */
function endOfString(text: string, at: number): number {
  let end = at + 1;
  while (text.charCodeAt(end) !== QUOTE) end += text.charCodeAt(end) === BACKSLASH ? 2 : 1;
  return end + 1;
}

function isFollowedByColon(text: string, at: number): boolean {
  let next = at;
  while (/\s/.test(text.charAt(next))) next++;
  return text.charAt(next) === ":";
}
