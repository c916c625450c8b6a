/**
 * From an event's frame straight to the JSON that guests read (docs/design.md 6.2), in one pass over the bytes and
 * without a string or an object in between. The pass is a small WebAssembly module of our own (assembly/), because only
 * there sixteen bytes are looked at in one step.
 *
 * It takes events as real proxies write them, and is strict: whatever is spelled otherwise, is not ASCII, lacks a
 * member, has one twice or is no event at all gets null here, and the decoder that explains what is wrong
 * (event-decoder.ts) looks at it. So what passes has the same text by either way.
 */

import type { GuestEvent } from "../../event/event.ts";
import { decodeEvent, type JsonObject, parseJsonObject } from "../event-decoder.ts";
import { decodeUtf8 } from "../text-decoder.ts";
import { TranscodedRequest, TranscodedResponse, type TranscodedText } from "./transcoded-event.ts";

/** As in assembly/layout.ts: three results as 32-bit words, then byte offsets. */
const Word = { idAt: 0, idLength: 1, textAt: 2 } as const;
const PREFIX_AT = 4096;
const INPUT_AT = 8192;
const MAX_INPUT_BYTES = 65_536;
const MEMORY_PAGES = 4;

/** What stands before the payload of a v1 event that asks about request headers (docs/agent-protocol.md 2.2). */
const V1_PREFIX = '{"version":1,"event_type":"request_headers","payload":';

type Transcode = (length: number, prefixLength: number, isResponse: number) => number;

export class EventTranscoder implements TranscodedText {
  readonly bytes: Buffer;
  start = 0;
  end = 0;
  turn = 0;
  readonly #words: Int32Array;
  readonly #transcode: Transcode;
  #inputLength = 0;
  #kind: GuestEvent["kind"] = "request-headers";
  #isInEnvelope = false;

  /** `module` is assembly/, compiled. */
  constructor(module: WebAssembly.Module) {
    const memory = new WebAssembly.Memory({ initial: MEMORY_PAGES, maximum: MEMORY_PAGES });
    const instance = new WebAssembly.Instance(module, { env: { memory } });
    this.bytes = Buffer.from(memory.buffer);
    this.bytes.write(V1_PREFIX, PREFIX_AT, "latin1");
    this.#words = new Int32Array(memory.buffer);
    this.#transcode = instance.exports["transcode"] as Transcode;
  }

  /** A v1 frame `buffer[start..end)`. Null for any that is not plainly a question about request headers. */
  readV1Request(buffer: Buffer, start: number, end: number): TranscodedRequest | null {
    if (!this.#read("request-headers", V1_PREFIX.length, buffer, start, end)) return null;
    return new TranscodedRequest(this);
  }

  /** A v2 payload `buffer[start..end)`. Null for any that is not plainly an event of this kind. */
  readV2(
    kind: GuestEvent["kind"],
    buffer: Buffer,
    start: number,
    end: number,
  ): TranscodedRequest | TranscodedResponse | null {
    if (!this.#read(kind, 0, buffer, start, end)) return null;
    return kind === "request-headers" ? new TranscodedRequest(this) : new TranscodedResponse(this);
  }

  readCorrelationId(): string {
    const at = this.#words[Word.idAt]!;
    const end = at + this.#words[Word.idLength]!;
    const text = this.bytes.toString("latin1", at, end);
    return text.includes("\\") ? (JSON.parse(`"${text}"`) as string) : text;
  }

  decode(): GuestEvent {
    const object = parseJsonObject(decodeUtf8(this.bytes, INPUT_AT, INPUT_AT + this.#inputLength));
    const payload = this.#isInEnvelope ? (object["payload"] as JsonObject) : object;
    return decodeEvent(this.#kind, payload) as GuestEvent;
  }

  #read(kind: GuestEvent["kind"], prefixLength: number, buffer: Buffer, start: number, end: number): boolean {
    const length = end - start;
    if (length > MAX_INPUT_BYTES) return false;
    this.turn++;
    buffer.copy(this.bytes, INPUT_AT, start, end);
    const textLength = this.#transcode(length, prefixLength, kind === "response-headers" ? 1 : 0);
    if (textLength === 0) return false;
    this.start = this.#words[Word.textAt]!;
    this.end = this.start + textLength;
    this.#inputLength = length;
    this.#kind = kind;
    this.#isInEnvelope = prefixLength > 0;
    return true;
  }
}
