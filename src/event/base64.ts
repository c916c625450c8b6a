/** Standard base64 (RFC 4648, 4), read strictly. */

/**
 * The bytes of padded base64; null for any other text. The runtime's decoder skips what it does not know, so the length
 * is compared.
 */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | null {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = Buffer.from(text, "base64");
  return text.length % 4 === 0 && bytes.length === (text.length / 4) * 3 - padding ? bytes : null;
}
