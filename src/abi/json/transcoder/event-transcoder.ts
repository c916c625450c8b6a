/**
 * From an event's frame straight to the JSON that guests read, in one pass over the bytes and without a string or an
 * object in between. The pass is a small WebAssembly module of our own (assembly/), because only there sixteen bytes
 * are looked at in one step.
 *
 * It takes events as real proxies write them, and is strict: whatever is spelled otherwise, is not ASCII, lacks a
 * member, has one twice or is no event at all gets null here, and the protocol's decoder, which explains what is wrong,
 * looks at it. So what passes has the same text by either way.
 */

import type { HeadersEvent } from "../../../event/event.ts";
import type { EventReader } from "../../../event/event-reader.ts";
import { TranscodedRequest, TranscodedResponse, type TranscodedText } from "./transcoded-event.ts";

/** The protocol's own decoder. `json` is what the reader was given, and is known to be good. */
export type DecodeHeaders = (kind: HeadersEvent["kind"], isEnveloped: boolean, json: string) => HeadersEvent;

/** As in assembly/layout.ts: three results as 32-bit words, then byte offsets. */
const Word = { idAt: 0, idLength: 1, textAt: 2 } as const;
const PREFIX_AT = 4096;
const INPUT_AT = 8192;
const MAX_INPUT_BYTES = 65_536;
const MEMORY_PAGES = 4;

const ROUTE_KEY: Buffer = Buffer.from('"route_id":"');
const QUOTE = 34;
const BACKSLASH = 92;

/** What stands before the payload of a v1 event about request headers. */
const V1_PREFIX = '{"version":1,"event_type":"request_headers","payload":';

type Transcode = (length: number, prefixLength: number, isResponse: number) => number;

export class EventTranscoder implements EventReader, TranscodedText {
  readonly bytes: Buffer;
  start = 0;
  end = 0;
  generation = 0;
  readonly #words: Int32Array;
  readonly #transcode: Transcode;
  readonly #decode: DecodeHeaders;
  #inputLength = 0;
  #kind: HeadersEvent["kind"] = "request-headers";
  #isEnveloped = false;

  /** `module` is assembly/, compiled. */
  constructor(module: WebAssembly.Module, decode: DecodeHeaders) {
    const memory = new WebAssembly.Memory({ initial: MEMORY_PAGES, maximum: MEMORY_PAGES });
    const instance = new WebAssembly.Instance(module, { env: { memory } });
    this.bytes = Buffer.from(memory.buffer);
    this.bytes.write(V1_PREFIX, PREFIX_AT, "latin1");
    this.#words = new Int32Array(memory.buffer);
    this.#transcode = instance.exports["transcode"] as Transcode;
    this.#decode = decode;
  }

  read(
    kind: HeadersEvent["kind"],
    isEnveloped: boolean,
    buffer: Buffer,
    start: number,
    end: number,
  ): TranscodedRequest | TranscodedResponse | null {
    const length = end - start;
    if (length > MAX_INPUT_BYTES) return null;
    this.generation++;
    buffer.copy(this.bytes, INPUT_AT, start, end);
    const isResponse = kind === "response-headers";
    const textLength = this.#transcode(length, isEnveloped ? V1_PREFIX.length : 0, isResponse ? 1 : 0);
    if (textLength === 0) return null;
    this.start = this.#words[Word.textAt]!;
    this.end = this.start + textLength;
    this.#inputLength = length;
    this.#kind = kind;
    this.#isEnveloped = isEnveloped;
    return isResponse ? new TranscodedResponse(this) : new TranscodedRequest(this);
  }

  readCorrelationId(): string {
    const at = this.#words[Word.idAt]!;
    const end = at + this.#words[Word.idLength]!;
    const text = this.bytes.toString("latin1", at, end);
    return text.includes("\\") ? (JSON.parse(`"${text}"`) as string) : text;
  }

  /** Quotes within strings are escaped, so the key can be found without parsing: no client can write it. */
  readRouteId(): string {
    const inputEnd = INPUT_AT + this.#inputLength;
    const at = this.bytes.indexOf(ROUTE_KEY, INPUT_AT);
    if (at < 0 || at >= inputEnd) return "null";
    const start = at + ROUTE_KEY.length - 1;
    let end = start + 1;
    while (this.bytes[end] !== QUOTE) end += this.bytes[end] === BACKSLASH ? 2 : 1;
    return this.bytes.toString("latin1", start, end + 1);
  }

  decode(): HeadersEvent {
    const json = this.bytes.toString("latin1", INPUT_AT, INPUT_AT + this.#inputLength);
    return this.#decode(this.#kind, this.#isEnveloped, json);
  }
}
