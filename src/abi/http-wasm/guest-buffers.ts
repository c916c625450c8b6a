/**
 * Texts and bytes that pass between host functions and a guest's memory. The guest always hands over the range, so
 * nothing of it is trusted: what reaches past the memory ends the call, and so does text that is not UTF-8.
 */

import { EventFailure } from "../../event/failure.ts";
import { GuestMemory } from "../../wasm/guest-memory.ts";
import type { ImportHost } from "../../wasm/imports/import-host.ts";

/** Copies are cheaper than instructions; about that many bytes are moved in the time of one. */
const BYTES_PER_UNIT = 8;

export class GuestBuffers {
  readonly #imports: ImportHost;
  #memory: GuestMemory | null = null;

  /** The guest exports `memory`, which is there when its first import is called. */
  constructor(imports: ImportHost) {
    this.#imports = imports;
  }

  /**
   * The rule for every text that a guest asks for: it is written if it is not longer than `limit`, and nothing otherwise.
   * Returns its length either way, so that the guest can ask again.
   */
  giveText(text: string, byteLength: number, buffer: number, limit: number): number {
    if (byteLength > limit >>> 0 || byteLength === 0) return byteLength;
    if (!this.#view.writeText(buffer, text, byteLength)) this.#outOfBounds(buffer, byteLength);
    this.charge(byteLength);
    return byteLength;
  }

  /** The same for bytes. */
  giveBytes(bytes: Buffer, buffer: number, limit: number): number {
    if (bytes.length > limit >>> 0 || bytes.length === 0) return bytes.length;
    this.write(bytes, 0, bytes.length, buffer);
    return bytes.length;
  }

  /** Writes `bytes[from..to)`. */
  write(bytes: Buffer, from: number, to: number, buffer: number): void {
    if (!this.#view.writeBytes(buffer, bytes, from, to)) this.#outOfBounds(buffer, to - from);
    this.charge(to - from);
  }

  /** Ends the call unless the range lies within the memory. */
  assertInBounds(pointer: number, length: number): void {
    if (!this.#view.isInBounds(pointer, length)) this.#outOfBounds(pointer, length >>> 0);
  }

  /** @param what of the text, for the message */
  takeText(pointer: number, length: number, what: string): string {
    if (length === 0) return "";
    this.assertInBounds(pointer, length);
    this.charge(length >>> 0);
    const text = this.#view.readText(pointer, length);
    if (text === null) return this.misuse(`handed over ${what} that is not UTF-8`);
    return text;
  }

  /** A copy. */
  takeBytes(pointer: number, length: number): Uint8Array {
    if (length === 0) return new Uint8Array(0);
    this.assertInBounds(pointer, length);
    this.charge(length >>> 0);
    return this.#view.copyBytes(pointer, length);
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

  #outOfBounds(pointer: number, length: number): never {
    this.misuse(
      `named ${length >>> 0} bytes at ${pointer >>> 0}, but memory ends at ${this.#view.sizeBytes}`,
    );
  }

  get #view(): GuestMemory {
    this.#memory ??= new GuestMemory(this.#imports.exports["memory"] as WebAssembly.Memory);
    return this.#memory;
  }
}
