/**
 * A strict JSON reader, and a writer. Whatever is not JSON, or not of the kind asked for, throws: the host gets the
 * message and answers by its own failure policy.
 *
 * The reader works on the UTF-8 bytes in memory and unescapes strings where they lie, which is always possible because
 * no escape is shorter than what it stands for. There they stay: most texts of an event interest no policy, and only
 * those that do become a `string`.
 */

const MAX_DEPTH = 64;

/** Bytes of a writer, before it needs more. */
const FIRST_SIZE: usize = 512;

/** A 1 in each of eight bytes; times `c`, a `c` in each. */
const EACH_BYTE: u64 = u64.MAX_VALUE / 0xff;

/** Valid UTF-8 where the reader found it, for as long as that memory lasts: pointer << 32 | length. */
export type Text = u64;

export function decode(text: Text): string {
  return String.UTF8.decodeUnsafe(pointerOf(text), lengthOf(text));
}

/** Whether the text is this word of ASCII. */
export function equals(text: Text, word: string): bool {
  const length = word.length;
  if (lengthOf(text) !== length) return false;
  const bytes = pointerOf(text);
  for (let i = 0; i < length; i++) {
    if (load<u8>(bytes + i) !== word.charCodeAt(i)) return false;
  }
  return true;
}

/** Whether the text is this word of ASCII, whatever the letter case of either. */
export function equalsFolded(text: Text, word: string): bool {
  const length = word.length;
  if (lengthOf(text) !== length) return false;
  const bytes = pointerOf(text);
  for (let i = 0; i < length; i++) {
    if (fold(load<u8>(bytes + i)) !== fold(word.charCodeAt(i))) return false;
  }
  return true;
}

/** Lower case of A to Z alone, as HTTP compares names. (`toLowerCase` would take the Kelvin sign for a k.) */
export function fold(c: u32): u32 {
  return c - 0x41 /* A */ < 26 ? c + 0x20 : c;
}

function pointerOf(text: Text): usize {
  return <usize>(text >> 32);
}

function lengthOf(text: Text): i32 {
  return <i32>text;
}

export class JsonReader {
  private at: usize;
  private end: usize;

  /** Reads, and overwrites, `length` bytes at `pointer`. */
  constructor(pointer: usize, length: usize) {
    this.at = pointer;
    this.end = pointer + length;
  }

  /** An object is read by: for (let more = r.open(); more; more = r.more()) { const key = r.key(); ...its value... } */
  open(): bool {
    return this.openWith(0x7b /* { */, 0x7d /* } */);
  }

  more(): bool {
    return this.moreUntil(0x7d /* } */);
  }

  key(): Text {
    const key = this.text();
    this.expect(0x3a /* : */);
    return key;
  }

  string(): string {
    return decode(this.text());
  }

  text(): Text {
    this.expect(0x22 /* " */);
    const start = this.at;
    this.skipPlain();
    let out = this.at;
    for (let c = this.peek(); c !== 0x22 /* " */; c = this.peek()) {
      if (c < 0x20) throw new Error("JSON: a string does not end, or holds a control character");
      if (c >= 0x80) {
        out = this.copyCharacter(out);
      } else {
        this.at++;
        out = c === 0x5c /* \ */ ? this.unescape(out) : storeByte(out, c);
      }
    }
    this.at++;
    return ((<u64>start) << 32) | (out - start);
  }

  uint16(): u16 {
    this.next();
    const start = this.at;
    this.skipNumber();
    let value: u32 = 0;
    for (let i = start; i < this.at; i++) {
      const digit = <u32>load<u8>(i) - 0x30;
      value = value * 10 + digit;
      if (digit > 9 || value > <u32>u16.MAX_VALUE)
        throw new Error("JSON: expected a whole number up to 65535");
    }
    return <u16>value;
  }

  /** Passes over any value. */
  skip(depth: i32 = 0): void {
    if (depth > MAX_DEPTH) throw new Error("JSON: nested too deeply");
    switch (this.next()) {
      case 0x7b /* { */:
        for (let more = this.open(); more; more = this.more()) {
          this.key();
          this.skip(depth + 1);
        }
        break;
      case 0x5b /* [ */:
        for (let more = this.openWith(0x5b, 0x5d /* ] */); more; more = this.moreUntil(0x5d)) {
          this.skip(depth + 1);
        }
        break;
      case 0x22 /* " */:
        this.text();
        break;
      case 0x74 /* t */:
        this.skipWord("true");
        break;
      case 0x66 /* f */:
        this.skipWord("false");
        break;
      case 0x6e /* n */:
        this.skipWord("null");
        break;
      default:
        this.skipNumber();
    }
  }

  /** Only white space may follow. */
  finish(): void {
    this.next();
    if (this.at !== this.end) throw new Error("JSON: text behind the end");
  }

  /** The next byte, or 0 at the end: no rule of JSON accepts 0, so it fails wherever more text is needed. */
  private peek(): u32 {
    return this.at < this.end ? load<u8>(this.at) : 0;
  }

  /** The next byte behind white space. */
  private next(): u32 {
    let c = this.peek();
    while (c === 0x20 || c === 0x09 || c === 0x0a || c === 0x0d) {
      this.at++;
      c = this.peek();
    }
    return c;
  }

  private accept(c: u32): bool {
    if (this.peek() !== c) return false;
    this.at++;
    return true;
  }

  /** White space may stand before it. */
  private expect(c: u32): void {
    if (this.next() !== c) throw new Error(`JSON: expected ${String.fromCharCode(c)}`);
    this.at++;
  }

  private openWith(opening: u32, closing: u32): bool {
    this.expect(opening);
    if (this.next() !== closing) return true;
    this.at++;
    return false;
  }

  private moreUntil(closing: u32): bool {
    if (this.next() !== closing) {
      this.expect(0x2c /* , */);
      return true;
    }
    this.at++;
    return false;
  }

  /** Passes over characters that stand for themselves, eight at a time, though not over all of the last few. */
  private skipPlain(): void {
    let at = this.at;
    for (const last = this.end - 8; at <= last; at += 8) {
      const special = specialBytes(load<u64>(at));
      if (special !== 0) {
        at += <usize>ctz(special) >> 3;
        break;
      }
    }
    this.at = at;
  }

  private unescape(out: usize): usize {
    const c = this.peek();
    this.at++;
    switch (c) {
      case 0x22 /* " */:
      case 0x5c /* \ */:
      case 0x2f /* / */:
        return storeByte(out, c);
      case 0x62 /* b */:
        return storeByte(out, 0x08);
      case 0x66 /* f */:
        return storeByte(out, 0x0c);
      case 0x6e /* n */:
        return storeByte(out, 0x0a);
      case 0x72 /* r */:
        return storeByte(out, 0x0d);
      case 0x74 /* t */:
        return storeByte(out, 0x09);
      case 0x75 /* u */:
        return storeCharacter(out, this.escapedCharacter());
    }
    throw new Error("JSON: unknown escape");
  }

  /** What follows "\u": one UTF-16 unit, or a surrogate pair. A lone surrogate is no character. */
  private escapedCharacter(): u32 {
    const unit = this.hex4();
    if (unit < 0xd800 || unit > 0xdfff) return unit;
    const isPair = unit <= 0xdbff && this.accept(0x5c /* \ */) && this.accept(0x75 /* u */);
    const low = isPair ? this.hex4() : 0;
    if (low < 0xdc00 || low > 0xdfff) throw new Error("JSON: lone surrogate");
    return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
  }

  private hex4(): u32 {
    let unit: u32 = 0;
    for (let i = 0; i < 4; i++) {
      let c = this.peek();
      if (c >= 0x30 && c <= 0x39) c -= 0x30;
      else if ((c | 0x20) >= 0x61 && (c | 0x20) <= 0x66) c = (c | 0x20) - 0x61 + 10;
      else throw new Error("JSON: expected four hexadecimal digits");
      unit = (unit << 4) | c;
      this.at++;
    }
    return unit;
  }

  /**
   * Copies one character of two to four bytes. The second byte's range depends on the first (Unicode, table 3-7): that
   * is what keeps out overlong forms, surrogates and code points above U+10FFFF.
   */
  private copyCharacter(out: usize): usize {
    const lead = this.peek();
    const following = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    let low: u32 = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    let high: u32 = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (lead < 0xc2 || lead > 0xf4) throw new Error("JSON: not UTF-8");
    this.at++;
    out = storeByte(out, lead);
    for (let i = 0; i < following; i++) {
      const c = this.peek();
      if (c < low || c > high) throw new Error("JSON: not UTF-8");
      low = 0x80;
      high = 0xbf;
      this.at++;
      out = storeByte(out, c);
    }
    return out;
  }

  private skipNumber(): void {
    this.accept(0x2d /* - */);
    if (!this.accept(0x30 /* 0 */)) this.skipDigits();
    if (this.accept(0x2e /* . */)) this.skipDigits();
    if (this.accept(0x65 /* e */) || this.accept(0x45 /* E */)) {
      if (!this.accept(0x2b /* + */)) this.accept(0x2d /* - */);
      this.skipDigits();
    }
  }

  private skipDigits(): void {
    const start = this.at;
    for (let c = this.peek(); c >= 0x30 && c <= 0x39; c = this.peek()) this.at++;
    if (this.at === start) throw new Error("JSON: expected a digit");
  }

  private skipWord(word: string): void {
    for (let i = 0; i < word.length; i++) {
      if (!this.accept(word.charCodeAt(i))) throw new Error(`JSON: expected ${word}`);
    }
  }
}

/**
 * Sets the high bit of each byte that is a control, a quote, a backslash or no ASCII. Subtracting borrows from the
 * bytes above, so only the lowest of these bits is sure.
 */
function specialBytes(word: u64): u64 {
  const controls = word - EACH_BYTE * 0x20;
  const quotes = (word ^ (EACH_BYTE * 0x22)) - EACH_BYTE;
  const backslashes = (word ^ (EACH_BYTE * 0x5c)) - EACH_BYTE;
  return (word | controls | quotes | backslashes) & (EACH_BYTE * 0x80);
}

function storeByte(out: usize, byte: u32): usize {
  store<u8>(out, byte);
  return out + 1;
}

function storeCharacter(out: usize, code: u32): usize {
  if (code < 0x80) return storeByte(out, code);
  if (code < 0x800) {
    out = storeByte(out, 0xc0 | (code >> 6));
  } else {
    if (code < 0x10000) {
      out = storeByte(out, 0xe0 | (code >> 12));
    } else {
      out = storeByte(out, 0xf0 | (code >> 18));
      out = storeByte(out, 0x80 | ((code >> 12) & 0x3f));
    }
    out = storeByte(out, 0x80 | ((code >> 6) & 0x3f));
  }
  return storeByte(out, 0x80 | (code & 0x3f));
}

/** Writes into memory outside what the garbage collector manages; who takes the result has to free it. */
export class JsonWriter {
  private start: usize;
  private at: usize;
  private end: usize;

  constructor() {
    this.start = heap.alloc(FIRST_SIZE);
    this.at = this.start;
    this.end = this.start + FIRST_SIZE;
  }

  /** Puts JSON of ASCII alone as it is. */
  put(json: string): void {
    this.reserve(json.length);
    this.copy(json, 0, json.length);
  }

  quote(text: string): void {
    this.reserve(text.length * 6 /* \u0000 */ + 2);
    let start = 0;
    this.at = storeByte(this.at, 0x22 /* " */);
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (c >= 0x20 && c !== 0x22 /* " */ && c !== 0x5c /* \ */) continue;
      this.copy(text, start, i);
      const escaped = c >= 0x20 ? `\\${text.charAt(i)}` : `\\u00${c < 0x10 ? "0" : ""}${c.toString(16)}`;
      this.copy(escaped, 0, escaped.length);
      start = i + 1;
    }
    this.copy(text, start, text.length);
    this.at = storeByte(this.at, 0x22 /* " */);
  }

  /** Where the JSON lies, and how long it is: pointer << 32 | length. */
  result(): u64 {
    return ((<u64>this.start) << 32) | (this.at - this.start);
  }

  private copy(text: string, from: i32, to: i32): void {
    const units = changetype<usize>(text) + (from << 1);
    this.at += String.UTF8.encodeUnsafe(units, to - from, this.at);
  }

  private reserve(more: usize): void {
    if (this.end - this.at >= more) return;
    const length = this.at - this.start;
    const size: usize = 2 * (length + more);
    this.start = heap.realloc(this.start, size);
    this.at = this.start + length;
    this.end = this.start + size;
  }
}
