/**
 * JSON escapes can name half a character (`\ud800`). No UTF-8 text can carry it, and strict JSON readers refuse it, so
 * it must not travel from a proxy to a guest or back.
 */

/** An odd number of backslashes before the escape: an even one is a literal backslash and plain letters. */
const SURROGATE_ESCAPE = /(?<!\\)(?:\\\\)*\\u[dD][89a-fA-F]/;

/** Whether a value that was parsed from `json` holds half a character in any of its texts. */
export function hasLoneSurrogate(json: string, value: unknown): boolean {
  return json.includes("\\u") && SURROGATE_ESCAPE.test(json) && SURROGATE_ESCAPE.test(written(value));
}

/** JSON.stringify writes a lone surrogate as an escape again, and whole characters as themselves. */
function written(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    // Nested too deeply to be written: nothing that is carried on is, so the escape counts as seen.
    return String.raw`\ud800`;
  }
}
