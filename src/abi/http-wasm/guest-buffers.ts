/**
 * Texts and bytes that pass between host functions and a guest's memory. The guest always hands over the range, so
 * nothing of it is trusted: what reaches past the memory ends the call, and so does text that is not UTF-8.
 */

import { EventFailure } from "../../event/failure.ts";
import { GuestMemory } from "../../wasm/guest-memory.ts";
import type { ImportHost } from "../../wasm/imports/import-host.ts";
import type { BodyReader } from "./body.ts";
import { HeaderName } from "./header-name.ts";

/** What is written and compared byte by byte, since each call of the engine's own functions costs more. */
const SHORT = 32;
/** Names that guests hand over again and again are mostly constants of theirs: so many are remembered. A power of 2. */
const REMEMBERED = 64;
/** Copies are cheaper than instructions; about that many bytes are moved in the time of one. */
const BYTES_PER_UNIT = 8;
const REPLACEMENT = "\uFFFD";

interface RememberedName {
  readonly pointer: number;
  readonly bytes: Uint8Array;
  readonly name: HeaderName;
}

export class GuestBuffers {
  readonly #imports: ImportHost;
  #memory: GuestMemory | null = null;
  /** By pointer; what is found there counts only if the memory still holds it. */
  readonly #remembered: (RememberedName | undefined)[] = new Array(REMEMBERED);

  /** The guest exports `memory`, which is there when its first import is called. */
  constructor(imports: ImportHost) {
    this.#imports = imports;
  }

  /**
   * The rule for every text that a guest asks for: it is written if it is not longer than `limit`, and nothing otherwise.
   * Returns its length either way, so that the guest can ask again.
   */
  giveText(text: string, buffer: number, limit: number): number {
    const isShort = text.length <= SHORT && isAscii(text);
    const length = isShort ? text.length : Buffer.byteLength(text);
    if (length > limit >>> 0 || length === 0) return length;
    const bytes = this.#inBounds(buffer, length);
    const start = buffer >>> 0;
    if (isShort) for (let i = 0; i < length; i++) bytes[start + i] = text.charCodeAt(i);
    // Equal lengths mean ASCII, where Latin-1 is the same bytes and cheaper to write.
    else bytes.write(text, start, length, length === text.length ? "latin1" : "utf8");
    this.charge(length);
    return length;
  }

  /** The same for bytes. */
  giveBytes(content: Uint8Array, buffer: number, limit: number): number {
    if (content.length > limit >>> 0 || content.length === 0) return content.length;
    this.#inBounds(buffer, content.length).set(content, buffer >>> 0);
    this.charge(content.length);
    return content.length;
  }

  /** What can be read of a body, at most `limit` bytes, all of which must be memory. Returns how many there were. */
  giveBody(body: BodyReader, buffer: number, limit: number): number {
    const length = body.readInto(this.#inBounds(buffer, limit), buffer >>> 0, limit >>> 0);
    this.charge(length);
    return length;
  }

  /** Ends the call unless the range lies within the memory. */
  assertInBounds(pointer: number, length: number): void {
    this.#inBounds(pointer, length);
  }

  /** @param what of the text, for the message */
  takeText(pointer: number, length: number, what: string): string {
    if (length === 0) return "";
    return this.#readText(pointer, length) ?? this.misuse(`handed over ${what} that is not UTF-8`);
  }

  /** The name of a header field, which is not empty. `importName` wants it. */
  takeName(importName: string, pointer: number, length: number): HeaderName {
    if (length === 0) return this.misuse(`called ${importName} with an empty name`);
    const bytes = this.#inBounds(pointer, length);
    const start = pointer >>> 0;
    const known = this.#remembered[pointer & (REMEMBERED - 1)];
    if (known !== undefined && known.pointer === pointer && known.bytes.length === length) {
      if (holds(bytes, start, known.bytes)) return known.name;
    }
    const name = new HeaderName(this.takeText(pointer, length, "a header name"));
    if (length >>> 0 <= SHORT) {
      const copy = new Uint8Array(bytes.subarray(start, start + length));
      this.#remembered[pointer & (REMEMBERED - 1)] = { pointer, bytes: copy, name };
    }
    return name;
  }

  /** As text if they are UTF-8, else a copy of them. */
  takeBytes(pointer: number, length: number): string | Uint8Array {
    if (length === 0) return "";
    const text = this.#readText(pointer, length);
    if (text !== null) return text;
    const start = pointer >>> 0;
    return new Uint8Array(this.#view.current().subarray(start, start + (length >>> 0)));
  }

  /** Work that the host did for so many bytes is taken off the guest's fuel. */
  charge(bytes: number): void {
    this.#imports.work(Math.ceil(bytes / BYTES_PER_UNIT));
  }

  /**
   * Ends the guest's call, and with it the instance: the ABI has no error codes, and what the guest would do next is not
   * foreseen by it. `what` completes the sentence "the guest ...".
   */
  misuse(what: string): never {
    this.#imports.end(new EventFailure("guest-host-call", `the guest ${what}`));
  }

  /** Null when the bytes are not UTF-8. */
  #readText(pointer: number, length: number): string | null {
    const bytes = this.#inBounds(pointer, length);
    this.charge(length >>> 0);
    const start = pointer >>> 0;
    const text = bytes.toString("utf8", start, start + (length >>> 0));
    // The replacement character may be the guest's own.
    return text.includes(REPLACEMENT) ? this.#view.readText(pointer, length) : text;
  }

  /** The memory, of which the range is a part: read once for a call, since that is not cheap. */
  #inBounds(pointer: number, length: number): Buffer {
    const bytes = this.#view.current();
    if ((pointer >>> 0) + (length >>> 0) <= bytes.length) return bytes;
    return this.misuse(`named ${length >>> 0} bytes at ${pointer >>> 0}, but memory ends at ${bytes.length}`);
  }

  get #view(): GuestMemory {
    this.#memory ??= new GuestMemory(this.#imports.exports["memory"] as WebAssembly.Memory);
    return this.#memory;
  }
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

function holds(bytes: Uint8Array, start: number, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i++) if (bytes[start + i] !== expected[i]) return false;
  return true;
}
