/**
 * One live guest of the JSON ABI (docs/design.md 6.1): JSON text in through `alloc`, a packed pointer and length back,
 * both buffers freed by the host.
 */

import type { EventKind, ProxyEvent } from "../../event/event.ts";
import type { EventText } from "../../event/event-text.ts";
import { EventFailure, type FailureCode } from "../../event/failure.ts";
import { PLAIN_ALLOW, type Verdict } from "../../event/verdict.ts";
import type { GuestMemory } from "../../wasm/guest-memory.ts";
import { assertEndedWell, assertInTime } from "../../wasm/call-end.ts";
import type { StartedInstance } from "../../wasm/start-instance.ts";
import { deadlineFailure, toEventFailure } from "../../wasm/trap.ts";
import type { StatelessGuest } from "../contract.ts";
import type { Handler } from "./handler.ts";
import { AbiFlag, encodeInput, type InputForm } from "./input-encoder.ts";
import type { VerdictCache } from "./verdict-cache.ts";

export const MAX_RESULT_BYTES = 10 * 1024 * 1024;

/** Exports the ABI calls, resolved once for the life of the instance. */
export interface JsonGuestExports {
  readonly memory: GuestMemory;
  readonly alloc: (size: number) => number;
  readonly dealloc: (pointer: number, size: number) => void;
  /** By the kind of event; absent where the guest has none. */
  readonly handlers: Readonly<Partial<Record<EventKind, Handler>>>;
  readonly onConfigure: ((pointer: number, length: number) => number) | null;
  /** Is told of a failure that costs the instance, but not the answer. */
  readonly onDeallocFailure: (failure: EventFailure) => void;
}

export interface JsonGuestParts {
  readonly started: StartedInstance;
  readonly exports: JsonGuestExports;
  readonly form: InputForm;
  readonly verdicts: VerdictCache;
  /** The instance is to be replaced once it has made so many bytes of garbage-collected objects. */
  readonly recycleGcBytes: number;
}

/**
 * Failures after which the instance may go on: its result was well-formed JSON, so memory and control flow are intact
 * and only its content was refused.
 */
const HARMLESS: ReadonlySet<FailureCode> = new Set<FailureCode>([
  "guest-result-shape",
  "guest-decision-unknown",
  "guest-status-range",
  "guest-header-name",
  "guest-header-value",
]);

const NO_BYTES = new Uint8Array(0);

export class JsonGuest implements StatelessGuest {
  readonly wantsRequest: boolean;
  readonly #started: StartedInstance;
  readonly #exports: JsonGuestExports;
  readonly #form: InputForm;
  /** It reads exactly the documented keys, so a text that has them serves as it is. */
  readonly #takesText: boolean;
  readonly #verdicts: VerdictCache;
  readonly #recycleGcBytes: number;
  #isBroken = false;
  /** Whether the last event had a handler. */
  #wasCalled = false;

  constructor({ started, exports, form, verdicts, recycleGcBytes }: JsonGuestParts) {
    this.#started = started;
    this.#exports = exports;
    this.#form = form;
    this.wantsRequest = (form.abiFlags & AbiFlag.request) !== 0;
    this.#takesText = (form.abiFlags & ~AbiFlag.request) === 0 && !form.canonicalHeaderCase;
    this.#verdicts = verdicts;
    this.#recycleGcBytes = recycleGcBytes;
  }

  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Objects of the garbage collector cannot be told from garbage, so all that were ever made count (RATIONALE.md). */
  get isDueForRecycling(): boolean {
    return this.#started.readGcBytes() > this.#recycleGcBytes;
  }

  get memoryBytes(): number {
    return this.#exports.memory.sizeBytes;
  }

  get fuelUsed(): number | null {
    const used = this.#started.fuel.used;
    return used === null || this.#wasCalled ? used : 0;
  }

  call(event: ProxyEvent, timeoutMs: number, graceMs = 0, spentMs = 0): Verdict {
    const handler = this.#exports.handlers[event.kind];
    this.#wasCalled = handler !== undefined;
    if (handler === undefined) return PLAIN_ALLOW;
    const given = this.#takesText ? textOf(event) : undefined;
    // ASCII, as the text is; it has one more character, which takes the place of the text's last.
    const added = given === undefined ? "" : requestMember(event);
    const input = given === undefined ? encodeInput(event, this.#form) : "";
    const inputBytes =
      given === undefined
        ? Buffer.byteLength(input)
        : given.end - given.start + Math.max(0, added.length - 1);
    const bytes = handler.takesBytes ? bytesOf(event) : NO_BYTES;
    let call = "alloc";
    this.#started.deadline.arm(timeoutMs, graceMs, spentMs);
    this.#started.fuel.fill();
    try {
      const pointer =
        given === undefined ? this.#copyIn(input, inputBytes) : this.#copyTextIn(given, added, inputBytes);
      const bytesPointer = bytes.length === 0 ? 0 : this.#copyBytesIn(bytes);
      call = handler.name;
      const resultPointer = handler.call(pointer, inputBytes, bytesPointer, bytes.length);
      const resultBytes = handler.resultLength();
      assertEndedWell(this.#started, call);
      if (bytes.length > 0) this.#free(bytesPointer, bytes.length);
      this.#free(pointer, inputBytes);
      const text = this.#copyOut(resultPointer, resultBytes);
      if (text !== null) this.#free(resultPointer, resultBytes);
      assertInTime(this.#started, call);
      if (text === null) return PLAIN_ALLOW;
      return this.#verdicts.decode(text, event.kind);
    } catch (thrown) {
      throw this.#fail(thrown, call, inputBytes + bytes.length);
    } finally {
      this.#started.imports.output.flush();
    }
  }

  configure(configJson: string, timeoutMs: number): EventFailure | null {
    const onConfigure = this.#exports.onConfigure;
    if (onConfigure === null) return null;
    const bytes = Buffer.byteLength(configJson);
    let call = "alloc";
    this.#started.deadline.arm(timeoutMs);
    this.#started.fuel.fill();
    try {
      const pointer = this.#copyIn(configJson, bytes);
      call = "on_configure";
      const answer = onConfigure(pointer, bytes);
      assertEndedWell(this.#started, call);
      this.#free(pointer, bytes);
      assertInTime(this.#started, call);
      if (answer === 0) return null;
      return new EventFailure(
        "guest-configuration-refused",
        `the module's on_configure answered ${answer}; 0 accepts`,
      );
    } catch (thrown) {
      return this.#fail(thrown, call, bytes);
    } finally {
      this.#started.imports.output.flush();
    }
  }

  close(): void {
    // Nothing of it outlives a call.
  }

  /** As in the Rust agent, pointer 0 is an address like any other (docs/design.md 6.1). */
  #copyIn(input: string, inputBytes: number): number {
    const pointer = this.#exports.alloc(inputBytes);
    if (this.#exports.memory.writeText(pointer, input, inputBytes)) return pointer;
    throw this.#allocOutOfBounds(pointer, inputBytes);
  }

  /** `added` takes the place of the text's closing brace. */
  #copyTextIn({ bytes, start, end }: EventText, added: string, inputBytes: number): number {
    const pointer = this.#exports.alloc(inputBytes);
    const { memory } = this.#exports;
    if (added === "") {
      if (memory.writeBytes(pointer, bytes, start, end)) return pointer;
    } else if (
      memory.writeBytes(pointer, bytes, start, end - 1) &&
      memory.writeText(pointer + end - 1 - start, added, added.length)
    ) {
      return pointer;
    }
    throw this.#allocOutOfBounds(pointer, inputBytes);
  }

  #copyBytesIn(bytes: Uint8Array): number {
    const pointer = this.#exports.alloc(bytes.length);
    const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (this.#exports.memory.writeBytes(pointer, source, 0, bytes.length)) return pointer;
    throw this.#allocOutOfBounds(pointer, bytes.length);
  }

  #allocOutOfBounds(pointer: number, inputBytes: number): EventFailure {
    return new EventFailure(
      "guest-alloc-out-of-bounds",
      `alloc(${inputBytes}) answered ${pointer >>> 0}, but memory ends at ${this.#exports.memory.sizeBytes}`,
    );
  }

  /** Null: no opinion. */
  #copyOut(pointer: number, length: number): string | null {
    if (pointer === 0 || length === 0) return null;
    const bytes = length >>> 0;
    const memory = this.#exports.memory;
    if (!memory.isInBounds(pointer, length)) {
      throw new EventFailure(
        "guest-result-out-of-bounds",
        `the result lies at ${pointer >>> 0} with ${bytes} bytes, but memory ends at ${memory.sizeBytes}`,
      );
    }
    if (bytes > MAX_RESULT_BYTES) {
      throw new EventFailure(
        "guest-result-too-large",
        `the result has ${bytes} bytes; at most ${MAX_RESULT_BYTES} are taken`,
      );
    }
    const text = memory.readText(pointer, length);
    if (text === null) throw new EventFailure("guest-result-not-utf8", "the result is not UTF-8 text");
    return text;
  }

  /**
   * Frees a buffer. A trap here takes the instance but not the answer, as in the Rust agent; a missed deadline takes
   * both.
   */
  #free(pointer: number, length: number): void {
    try {
      this.#exports.dealloc(pointer, length);
    } catch (thrown) {
      this.#isBroken = true;
      const { deadline, imports } = this.#started;
      if (deadline.hasExpired) throw deadlineFailure(deadline, "dealloc", thrown);
      this.#exports.onDeallocFailure(toEventFailure(thrown, imports.fatal, deadline, "dealloc"));
    }
  }

  #fail(thrown: unknown, call: string, inputBytes: number): EventFailure {
    const { imports, deadline } = this.#started;
    const failure = toEventFailure(thrown, imports.fatal, deadline, call);
    const hasReturned = failure.code === "guest-deadline" && !deadline.hasExpired;
    if (!hasReturned && !HARMLESS.has(failure.code)) this.#isBroken = true;
    const code = call === "alloc" && failure.code === "guest-trap" ? "guest-alloc-failed" : failure.code;
    return failure.restated(code, { input_bytes: inputBytes, fuel_slices: deadline.slices });
  }
}

/** The text of a headers event that serves as it is, but for a request as text. */
function textOf(event: ProxyEvent): EventText | undefined {
  switch (event.kind) {
    case "request-headers":
      return event.text;
    case "response-headers":
      return event.request?.kind === "request-headers" ? undefined : event.text;
    default:
      return undefined;
  }
}

/** What is added to the text of an event for a guest that wants the request; with the closing brace. */
function requestMember(event: ProxyEvent): string {
  if (event.kind === "request-headers" || event.request?.kind !== "request-text") return "";
  return `,"request":${event.request.json}}`;
}

function bytesOf(event: ProxyEvent): Uint8Array {
  return "bytes" in event ? event.bytes : NO_BYTES;
}
