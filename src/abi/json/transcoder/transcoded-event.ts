/** Events that are still text in the transcoder's memory (event-text.ts). Reading a field decodes all of them. */

import type {
  HeadersEvent,
  HeaderMap,
  RequestHeadersEvent,
  RequestMetadata,
  ResponseHeadersEvent,
} from "../../../event/event.ts";
import type { EventText } from "../../../event/event-text.ts";
import type { RequestText, RetainedRequest } from "../../../event/retained-request.ts";

/** What an event needs of the transcoder. It holds one event at a time, and counts them. */
export interface TranscodedText extends EventText {
  readonly generation: number;
  readCorrelationId(): string;
  /** The id of the route in the metadata of a request, as a JSON value. */
  readRouteId(): string;
  decode(): HeadersEvent;
}

const STATUS_AT = '{"status":'.length;
const ZERO = 48;

abstract class TranscodedEvent<Plain extends HeadersEvent> {
  readonly #source: TranscodedText;
  readonly #generation: number;
  #plain: Plain | null = null;
  #correlationId: string | null = null;

  constructor(source: TranscodedText) {
    this.#source = source;
    this.#generation = source.generation;
  }

  get text(): EventText | undefined {
    return this.#source.generation === this.#generation ? this.#source : undefined;
  }

  get correlationId(): string {
    this.#correlationId ??= this.#plain?.correlationId ?? this.current().readCorrelationId();
    return this.#correlationId;
  }

  toPlain(): Plain {
    this.#plain ??= this.current().decode() as Plain;
    return this.#plain;
  }

  /** @throws Error when another event has taken this one's place, which its owner should have kept. */
  protected current(): TranscodedText {
    if (this.#source.generation === this.#generation) return this.#source;
    throw new Error("an event was read after its frame was given back; call retain on it first");
  }
}

export class TranscodedRequest extends TranscodedEvent<RequestHeadersEvent> implements RequestHeadersEvent {
  readonly kind = "request-headers";

  toRequestText(): RequestText {
    const { bytes, start, end } = this.current();
    // Without the closing brace, which comes behind the id of the route.
    const members = bytes.toString("latin1", start, end - 1);
    return { kind: "request-text", json: `${members},"route_id":${this.current().readRouteId()}}` };
  }

  get method(): string {
    return this.toPlain().method;
  }

  get uri(): string {
    return this.toPlain().uri;
  }

  get headers(): HeaderMap {
    return this.toPlain().headers;
  }

  get metadata(): RequestMetadata {
    return this.toPlain().metadata;
  }
}

export class TranscodedResponse
  extends TranscodedEvent<ResponseHeadersEvent>
  implements ResponseHeadersEvent
{
  readonly kind = "response-headers";
  /** Of the request, when the guest wants it (event.ts). */
  request?: RetainedRequest | undefined;

  override toPlain(): ResponseHeadersEvent {
    const plain = super.toPlain();
    if (this.request !== undefined) plain.request = this.request;
    return plain;
  }

  /** Read without decoding the rest: the text begins with `{"status":`. */
  get status(): number {
    const text = this.text;
    if (text === undefined) return this.toPlain().status;
    let status = 0;
    for (let at = text.start + STATUS_AT; ; at++) {
      const digit = text.bytes[at]! - ZERO;
      if (digit < 0 || digit > 9) return status;
      status = status * 10 + digit;
    }
  }

  get headers(): HeaderMap {
    return this.toPlain().headers;
  }
}
