/** Events that are still text in the transcoder's memory (event-text.ts). Reading a field decodes all of them. */

import type {
  GuestEvent,
  HeaderMap,
  RequestHeadersEvent,
  RequestMetadata,
  ResponseHeadersEvent,
} from "../../event/event.ts";
import type { EventText } from "../../event/event-text.ts";

/** What an event needs of the transcoder. It holds one event at a time, and counts them. */
export interface TranscodedText extends EventText {
  readonly turn: number;
  readCorrelationId(): string;
  decode(): GuestEvent;
}

abstract class TranscodedEvent<Plain extends GuestEvent> {
  readonly #source: TranscodedText;
  readonly #turn: number;
  #plain: Plain | null = null;
  #correlationId: string | null = null;

  constructor(source: TranscodedText) {
    this.#source = source;
    this.#turn = source.turn;
  }

  get text(): EventText | undefined {
    return this.#source.turn === this.#turn ? this.#source : undefined;
  }

  get correlationId(): string {
    this.#correlationId ??= this.#plain?.correlationId ?? this.#current().readCorrelationId();
    return this.#correlationId;
  }

  toPlain(): Plain {
    this.#plain ??= this.#current().decode() as Plain;
    return this.#plain;
  }

  /** @throws Error when another event has taken this one's place, which its owner should have kept. */
  #current(): TranscodedText {
    if (this.#source.turn === this.#turn) return this.#source;
    throw new Error("an event was read after its frame was given back; keep it with keptEvent");
  }
}

export class TranscodedRequest extends TranscodedEvent<RequestHeadersEvent> implements RequestHeadersEvent {
  readonly kind = "request-headers";

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

  get status(): number {
    return this.toPlain().status;
  }

  get headers(): HeaderMap {
    return this.toPlain().headers;
  }
}
