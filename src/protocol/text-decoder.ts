/**
 * Frame bytes to text. JSON must be UTF-8 (RFC 8259 section 8.1); bytes that are not are refused rather than patched,
 * since a patched header value could mean something else to the guest than to the upstream.
 */

import { DecodeError } from "./decode-error.ts";

const REPLACEMENT = "\uFFFD";

/**
 * The text of `buffer[start..end)`.
 *
 * @throws DecodeError when the bytes are not UTF-8.
 */
export function decodeUtf8(buffer: Buffer, start: number, end: number): string {
  const text = buffer.toString("utf8", start, end);
  // The fast decoder marks bad bytes with U+FFFD. A genuine one is rare, so only then the strict decoder looks again.
  if (text.includes(REPLACEMENT)) {
    try {
      new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(buffer.subarray(start, end));
    } catch (cause) {
      throw new DecodeError("the payload is not UTF-8", { cause });
    }
  }
  return text;
}
