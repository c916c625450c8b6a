/**
 * Audit data and routing metadata are texts of a guest's choice, and often hold what a client sent. A proxy writes some of
 * them to its logs, so nothing in them may break a line, drive a terminal or turn the reading direction. They are escaped
 * and never refused: a verdict must not be lost for a line break in a tag.
 */

/** As `JSON.stringify` writes them: escapes of control characters, and what it leaves as it is. */
const UNSAFE = /\\[bfnrtu]|[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

/** The first part keeps escaped backslashes and quotes whole, so that what follows them is not taken for an escape. */
const ESCAPES_AND_UNSAFE =
  /\\["\\]|\\(?:u[0-9a-f]{4}|[bfnrt])|[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * A value as JSON in which every such character is spelled out, in keys as well: a line break as the two characters `\n`,
 * U+009B as `\u009b`. Clean values cost one search of their text.
 */
export function auditJson(value: unknown): string {
  const json = JSON.stringify(value);
  if (!UNSAFE.test(json)) return json;
  const spelled = json.replace(ESCAPES_AND_UNSAFE, spellOut);
  // Two keys may have become the same, which proxies refuse; reading keeps the last.
  return JSON.stringify(JSON.parse(spelled));
}

/** The same for one text that is not JSON. */
export function auditText(text: string): string {
  return JSON.parse(auditJson(text)) as string;
}

/** Text inside of a JSON string. */
function spellOut(found: string): string {
  if (found === '\\"' || found === "\\\\") return found;
  if (found.startsWith("\\")) return `\\${found}`;
  return `\\\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
