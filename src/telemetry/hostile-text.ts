/**
 * Makes text from clients, guests and peers safe to show: bounded in length, and free of characters that could end a
 * line, drive a terminal or turn the reading direction. How a whole line looks is console-log's business.
 */

/** Control, format (bidirectional marks, zero width), line and paragraph separators, and surrogates without a partner. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const CUT_MARK = "…";

/** At most `maxLength` UTF-16 units, the mark that shows the cut included; never half of a surrogate pair. */
export function capText(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const keep = maxLength - CUT_MARK.length;
  const endsInsidePair = isHighSurrogate(text.charCodeAt(keep - 1));
  return text.slice(0, endsInsidePair ? keep - 1 : keep) + CUT_MARK;
}

/** Replaces what cannot be seen by `\uXXXX`; stays valid JSON when given JSON without line breaks between its tokens. */
export function escapeInvisible(text: string): string {
  return text.replace(INVISIBLE, (character) => {
    let escaped = "";
    for (let i = 0; i < character.length; i++) {
      escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
    }
    return escaped;
  });
}

/** A JSON string literal of the text, in quotes, with nothing invisible in it. */
export function quoteText(text: string): string {
  return escapeInvisible(JSON.stringify(text));
}

/** A value as JSON, on one line or indented, with nothing invisible in its strings. */
export function printableJson(value: unknown, indent?: number): string {
  // Line breaks within strings are escaped already; those between tokens stay.
  return JSON.stringify(value, null, indent).split("\n").map(escapeInvisible).join("\n");
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
