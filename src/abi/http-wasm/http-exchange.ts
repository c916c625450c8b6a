/**
 * One request with its response as a guest sees them: what its host functions read and change. Plain state, without any
 * knowledge of events or verdicts.
 */

import type { RequestHeadersEvent, ResponseHeadersEvent } from "../../event/event.ts";
import type { EventFailure } from "../../event/failure.ts";
import { BodyReader, BodyWriter } from "./body.ts";
import { HeaderFields, NO_HEADERS } from "./header-fields.ts";
import { sourceAddress } from "./source-address.ts";

const DEFAULT_STATUS = 200;
const DEFAULT_VERSION = "HTTP/1.1";

/** Both sides of a body, made when they are first asked for: most messages have none that a guest touches. */
class GuestMessage {
  #bodyReader: BodyReader | null = null;
  #bodyWriter: BodyWriter | null = null;

  get bodyReader(): BodyReader {
    this.#bodyReader ??= new BodyReader();
    return this.#bodyReader;
  }

  get bodyWriter(): BodyWriter {
    this.#bodyWriter ??= new BodyWriter();
    return this.#bodyWriter;
  }

  /** Of the body. */
  get keptBytes(): number {
    return this.#bodyReader?.keptBytes ?? 0;
  }

  /** What the guest wrote; null leaves the body as it was. */
  get writtenBody(): Uint8Array | null {
    return this.#bodyWriter?.toBytes() ?? null;
  }

  /** The same as text; undefined when it is not UTF-8. */
  get writtenText(): string | null | undefined {
    const writer = this.#bodyWriter;
    return writer === null ? null : writer.toText();
  }

  discardBody(all: boolean): void {
    this.#bodyReader?.discard(all);
  }
}

/** The request; the guest changes what is not read-only. */
export class GuestRequest extends GuestMessage {
  readonly #event: RequestHeadersEvent;
  readonly originalUri: string;
  method: string;
  uri: string;
  readonly headers: HeaderFields;

  constructor(event: RequestHeadersEvent) {
    super();
    this.#event = event;
    this.method = event.method;
    this.originalUri = pathAndQuery(event.uri);
    this.uri = this.originalUri;
    this.headers = new HeaderFields(event.headers);
  }

  get originalMethod(): string {
    return this.#event.method;
  }

  get protocolVersion(): string {
    const version = this.#event.metadata.httpVersion;
    if (version === "") return DEFAULT_VERSION;
    return /^HTTP\/\d$/.test(version) ? `${version}.0` : version;
  }

  get sourceAddress(): string {
    return sourceAddress(this.#event.metadata);
  }
}

/** The response: the guest's own until the upstream's is there. */
export class GuestResponse extends GuestMessage {
  readonly originalStatus: number;
  status: number;
  readonly headers: HeaderFields;

  constructor(event: Pick<ResponseHeadersEvent, "status" | "headers"> | null) {
    super();
    this.originalStatus = event?.status ?? DEFAULT_STATUS;
    this.status = this.originalStatus;
    this.headers = new HeaderFields(event?.headers ?? NO_HEADERS);
  }
}

export class HttpExchange {
  readonly request: GuestRequest;
  response = new GuestResponse(null);
  /** What was enabled when the guest started, and for this request in addition. */
  features: number;
  /** `handle_request` has returned, and the request goes on to the upstream. */
  isAfterNext = false;
  /** The first thing a guest asked for that HTTP cannot carry. It fails the event; the instance is healthy. */
  refused: EventFailure | null = null;
  /** Of all header changes, in characters. */
  changedUnits = 0;

  constructor(event: RequestHeadersEvent, features: number) {
    this.request = new GuestRequest(event);
    this.features = features;
  }

  has(feature: number): boolean {
    return (this.features & feature) !== 0;
  }
}

/** Clients may send the absolute form (RFC 9112 3.2.2); guests know paths. */
function pathAndQuery(uri: string): string {
  if (uri.startsWith("/")) return uri;
  if (uri === "") return "/";
  const authority = uri.indexOf("://");
  if (authority < 0) return uri;
  const path = uri.slice(authority + 3).search(/[/?]/);
  if (path < 0) return "/";
  const found = uri.slice(authority + 3 + path);
  return found.startsWith("/") ? found : `/${found}`;
}
