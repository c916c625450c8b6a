/**
 * Values of Rego, as built-in functions take and give them: JSON's, plus sets, objects with keys of any type, and
 * numbers of any size. Immutable once made.
 *
 * A string of Rego is bytes. Bytes that are not UTF-8 (a decoded secret, for example) stand in it as lone surrogates,
 * U+DC80 to U+DCFF for 0x80 to 0xFF, which no UTF-8 text decodes to; `bytesOf` gives the bytes back.
 */

import { RegoNumber } from "./rego-number.ts";

export type RegoValue = null | boolean | string | RegoNumber | readonly RegoValue[] | RegoSet | RegoObject;

export class RegoSet {
  readonly #items: Map<string, RegoValue>;

  constructor(items: Iterable<RegoValue> = []) {
    this.#items = new Map();
    for (const item of items) this.#items.set(keyOf(item), item);
  }

  get size(): number {
    return this.#items.size;
  }

  has(value: RegoValue): boolean {
    return this.#items.has(keyOf(value));
  }

  /** In the order they were added. */
  values(): readonly RegoValue[] {
    return [...this.#items.values()];
  }
}

type Entry = readonly [key: RegoValue, value: RegoValue];

export class RegoObject {
  readonly #entries: Map<string, Entry>;

  /** A later entry replaces an earlier one with an equal key. */
  constructor(entries: Iterable<Entry> = []) {
    this.#entries = new Map();
    for (const entry of entries) this.#entries.set(keyOf(entry[0]), entry);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: RegoValue): RegoValue | undefined {
    return this.#entries.get(keyOf(key))?.[1];
  }

  entries(): readonly Entry[] {
    return [...this.#entries.values()];
  }
}

/** Equal for equal values and for no others. */
function keyOf(value: RegoValue): string {
  if (typeof value === "string") return `s${value.length}:${value}`;
  if (value === null || typeof value === "boolean") return String(value);
  if (value instanceof RegoNumber) return `d${value.key}`;
  if (value instanceof RegoSet) return `<${value.values().map(keyOf).sort().join(",")}>`;
  if (value instanceof RegoObject) {
    return `{${value
      .entries()
      .map(([key, inner]) => `${keyOf(key)}=${keyOf(inner)}`)
      .sort()
      .join(",")}}`;
  }
  return `[${value.map(keyOf).join(",")}]`;
}

export function isEqual(a: RegoValue, b: RegoValue): boolean {
  return keyOf(a) === keyOf(b);
}

export function isArray(value: RegoValue | undefined): value is readonly RegoValue[] {
  return Array.isArray(value);
}

const FIRST_ESCAPED = 0xdc80;
const LAST_ESCAPED = 0xdcff;
const ESCAPED_BYTE = /[\udc80-\udcff]/u;

/** Whether the string holds bytes that are not UTF-8. */
export function isBinary(text: string): boolean {
  return ESCAPED_BYTE.test(text);
}

/** The bytes of a Rego string. */
export function bytesOf(text: string): Buffer {
  if (!isBinary(text)) return Buffer.from(text, "utf8");
  const parts: Buffer[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < FIRST_ESCAPED || unit > LAST_ESCAPED) continue;
    const before = at === 0 ? 0 : text.charCodeAt(at - 1);
    if (before >= 0xd800 && before < 0xdc00) continue;
    parts.push(Buffer.from(text.slice(start, at), "utf8"), Buffer.from([unit - 0xdc00]));
    start = at + 1;
  }
  parts.push(Buffer.from(text.slice(start), "utf8"));
  return Buffer.concat(parts);
}

const REPLACEMENT = "\uFFFD";

/** The Rego string of any bytes. */
export function stringOf(bytes: Uint8Array): string {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const text = source.toString("utf8");
  if (!text.includes(REPLACEMENT)) return text;
  let result = "";
  for (let at = 0; at < source.length; ) {
    const length = sequenceLength(source, at);
    result +=
      length === 0 ? String.fromCharCode(0xdc00 + source[at]!) : source.toString("utf8", at, at + length);
    at += Math.max(length, 1);
  }
  return result;
}

/** Bytes of the UTF-8 sequence at `at`; 0 when there is none (RFC 3629, section 4). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + length > bytes.length) return 0;
  for (let i = 1; i < length; i++) if ((bytes[at + i]! & 0xc0) !== 0x80) return 0;
  const second = bytes[at + 1]!;
  if ((first === 0xe0 && second < 0xa0) || (first === 0xed && second > 0x9f)) return 0;
  if ((first === 0xf0 && second < 0x90) || (first === 0xf4 && second > 0x8f)) return 0;
  return length;
}
