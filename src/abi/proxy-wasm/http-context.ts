/**
 * The stream context of one exchange: hands the proxy's events to the guest's callbacks, and makes verdicts of what the
 * guest does to headers and bodies (docs/proxy-wasm.md 6).
 */

import type {
  BodyEvent,
  HeadersEvent,
  ProxyEvent,
  RequestHeadersEvent,
  ResponseHeadersEvent,
} from "../../event/event.ts";
import { retain } from "../../event/event-text.ts";
import { EventFailure } from "../../event/failure.ts";
import { NO_HEADER_OPS } from "../../event/header-ops.ts";
import { PLAIN_ALLOW, type Verdict } from "../../event/verdict.ts";
import type { EndReason } from "../../exchange/end-reason.ts";
import type { GuestContext } from "../contract.ts";
import { BufferKind, MapKind, StreamKind } from "./abi-numbers.ts";
import { type AnnouncedBody, requestBody, responseHasBody } from "./body-framing.ts";
import type { BodyWindow } from "./body-window.ts";
import { Direction } from "./direction.ts";
import { HeaderMap } from "./header-map.ts";
import type { HttpStream } from "./http-stream.ts";
import { type LocalReply, replyVerdict, repeatedCookie } from "./local-reply.ts";
import { firstValue, RequestHeaders, ResponseHeaders } from "./message-headers.ts";
import { StreamProperties } from "./stream-properties.ts";
import type { StreamOwner } from "./stream-owner.ts";

const CONTINUE = 0;
/** Of header callbacks: the guest wants the message to end with its headers. The body that comes is passed on. */
const CONTINUE_AND_END = 2;
/** Of header callbacks: the headers stop. Whether the body does so, too, is a matter of the ABI's version. */
const STOP_ITERATION = 1;
/** More than the proxy ever waits for at the same time. */
const MAX_HELD = 8;
const CLOSED_STATUS = 503;
const NO_BYTES = Buffer.alloc(0);
const HELD_BODY_NOT_TEXT =
  "the module holds back a streamed request body that is not UTF-8, and the proxy's protocol carries it later as text only; set request-body-mode to inspect-first";
const LATE_HEADERS =
  "the module changes request headers after it has seen the body; that reaches the upstream only with request-body-mode inspect-first";
const UNSEEN_BODY =
  "the module waits for a request body that the proxy does not send to the agent, so the request went on without the module's consent; add request_body to the agent's events";
const WITHHELD: Verdict = Object.freeze({ ...PLAIN_ALLOW, replacement: NO_BYTES });

export class HttpContext implements GuestContext, HttpStream {
  id = 0;
  request: RequestHeadersEvent | null = null;
  response: ResponseHeadersEvent | null = null;
  requestHeaders: HeaderMap | null = null;
  responseHeaders: HeaderMap | null = null;
  replyDetails = "";
  readonly #owner: StreamOwner;
  readonly #requestSide = new Direction();
  readonly #responseSide = new Direction();
  #properties: StreamProperties | null = null;
  #startedAtMs = 0;
  #isEnding = false;
  #admitted: RequestHeadersEvent | null = null;
  #announcedBody: AnnouncedBody = "none";
  #reply: Verdict | EventFailure | null = null;
  #refusal: EventFailure | null = null;
  /** What the guest has changed since the last verdict and no proxy can be told. */
  #lost: string[] = [];
  /** `proxy_on_done` has said that the guest is not done yet. */
  #isFinishing = false;

  constructor(owner: StreamOwner) {
    this.#owner = owner;
  }

  get correlationId(): string {
    return this.#admitted?.correlationId ?? "";
  }

  get properties(): StreamProperties {
    this.#properties ??= new StreamProperties();
    return this.#properties;
  }

  get durationMs(): number | null {
    return this.#isEnding ? performance.now() - this.#startedAtMs : null;
  }

  get requestBodyBytes(): number {
    return this.#requestSide.bodyBytes;
  }

  get responseBodyBytes(): number {
    return this.#responseSide.bodyBytes;
  }

  call(event: ProxyEvent, timeoutMs: number, spentMs = 0): Verdict | Promise<Verdict> {
    if (this.#reply !== null) return orThrow(this.#reply);
    this.#owner.giveTime(timeoutMs, spentMs);
    try {
      switch (event.kind) {
        case "request-headers":
          return this.#onRequestHeaders(event);
        case "response-headers":
          return this.#onResponseHeaders(event);
        case "request-body-chunk":
        case "response-body-chunk":
          return this.#onBody(event);
        case "websocket-frame":
        case "guardrail-inspect":
        case "request-complete":
          return PLAIN_ALLOW;
        default:
          return event satisfies never;
      }
    } finally {
      this.#owner.runDeferred();
    }
  }

  end(_reason: EndReason, timeoutMs: number): void {
    this.#isEnding = true;
    this.rejectHeld("the exchange ended before the module let it go on");
    this.#owner.giveTime(timeoutMs, 0);
    if (this.id !== 0) this.#isFinishing = !this.#owner.endStream(this);
  }

  /** The guest never lets go on what waits here. */
  rejectHeld(reason: string): void {
    for (const side of [this.#requestSide, this.#responseSide]) {
      for (const held of side.takeHeld()) held.reject(new EventFailure("exchange-lost", reason));
    }
  }

  headers(map: number): HeaderMap | null {
    if (map === MapKind.requestHeaders) return this.requestHeaders;
    return map === MapKind.responseHeaders ? this.responseHeaders : null;
  }

  canEdit(map: number): boolean {
    if (this.#isEnding) return false;
    if (map === MapKind.requestHeaders) return !this.#requestSide.hasSentHeaders;
    return map === MapKind.responseHeaders && !this.#responseSide.hasSentHeaders;
  }

  body(buffer: number): BodyWindow | null {
    const side = buffer === BufferKind.requestBody ? this.#requestSide : this.#responseSide;
    return side.isInBody || side.isPaused ? side.window : null;
  }

  cannotCarry(what: string): void {
    if (!this.#lost.includes(what)) this.#lost.push(what);
  }

  refuse(failure: EventFailure): void {
    this.#refusal ??= failure;
  }

  resume(streamKind: number): void {
    const side = this.#sideOf(streamKind);
    side.isResumed = true;
    this.#owner.defer(() => this.#goOn(side));
  }

  close(): void {
    this.reply({
      status: CLOSED_STATUS,
      details: "closed by the module",
      body: NO_BYTES,
      headers: { names: [], values: [] },
      grpcStatus: -1,
    });
  }

  get hasReplied(): boolean {
    return this.#reply !== null;
  }

  get canReply(): boolean {
    return !this.#isEnding;
  }

  reply(reply: LocalReply): void {
    if (this.#reply !== null) return;
    // What was changed in the message that the reply takes the place of does not matter any more.
    this.#lost = repeatedCookie(reply) ? ["more than one set-cookie header of a reply"] : [];
    const isGrpc =
      this.request !== null &&
      (firstValue(this.request.headers, "content-type") ?? "").startsWith("application/grpc");
    this.replyDetails = reply.details;
    this.#reply = this.#carried(replyVerdict(reply, isGrpc));
    this.#owner.defer(() => {
      this.#settleHeld(this.#requestSide);
      this.#settleHeld(this.#responseSide);
    });
  }

  finish(): boolean {
    if (!this.#isFinishing) return false;
    this.#isFinishing = false;
    this.#owner.defer(() => this.#owner.deleteStream(this));
    return true;
  }

  /** The guest knows the context, and may look at the request from now on. Returns the number of its headers. */
  admit(): number {
    this.request = this.#admitted!;
    const headers = new RequestHeaders(this.request);
    this.requestHeaders = new HeaderMap(headers);
    return headers.pairCount;
  }

  #onRequestHeaders(event: RequestHeadersEvent): Verdict | Promise<Verdict> {
    const request = retain(event) as RequestHeadersEvent;
    this.#admitted = request;
    this.#startedAtMs = performance.now();
    this.#announcedBody = requestBody(request);
    const end = this.#announcedBody === "none" ? 1 : 0;
    const { onRequestHeaders, onRequestBody } = this.#owner.callbacks;
    const action = this.#owner.createStream(this, onRequestHeaders, end);
    return this.#afterHeaders(this.#requestSide, event, action, end === 0 && onRequestBody !== null);
  }

  #onResponseHeaders(event: ResponseHeadersEvent): Verdict | Promise<Verdict> {
    this.response = retain(event) as ResponseHeadersEvent;
    const headers = new ResponseHeaders(this.response);
    this.responseHeaders = new HeaderMap(headers);
    this.#endUnseenBody();
    if (this.#reply !== null) return orThrow(this.#reply);
    const hasBody = responseHasBody(this.response, this.request?.method);
    const { onResponseHeaders, onResponseBody } = this.#owner.callbacks;
    const action = this.#owner.callStream(
      this,
      "proxy_on_response_headers",
      onResponseHeaders,
      headers.pairCount,
      hasBody ? 0 : 1,
    );
    return this.#afterHeaders(this.#responseSide, event, action, hasBody && onResponseBody !== null);
  }

  /** The guest waits for a request body, and the response is there: a body that was only likely has not come. */
  #endUnseenBody(): void {
    const side = this.#requestSide;
    if (!side.isPaused || side.bodyBytes > 0 || side.heldCount > 0) return;
    if (this.#announcedBody === "likely") {
      this.#callBody(side, "proxy_on_request_body", this.#owner.callbacks.onRequestBody, 1);
    } else this.#owner.warnOnce("unseen body", UNSEEN_BODY);
    side.isPaused = false;
  }

  #onBody(event: BodyEvent): Verdict | Promise<Verdict> {
    const isRequest = event.kind === "request-body-chunk";
    const side = isRequest ? this.#requestSide : this.#responseSide;
    const { onRequestBody, onResponseBody } = this.#owner.callbacks;
    const callback = isRequest ? onRequestBody : onResponseBody;
    const name = isRequest ? "proxy_on_request_body" : "proxy_on_response_body";
    if (!side.append(event)) throw windowTooLarge();
    let action = this.#callBody(side, name, callback, event.isLast ? 1 : 0);
    const isBuffered = event.totalBytes !== null;
    if (isStop(action, side) && isBuffered && !event.isLast && !this.#isWaitingForCall) {
      // The proxy shows no more of this body, and forwards the rest without asking (docs/agent-protocol.md 9.4).
      side.hasBodyEnded = true;
      action = this.#callBody(side, name, callback, 1);
    }
    return this.#afterBody(side, event, action);
  }

  #callBody(
    side: Direction,
    name: string,
    callback: StreamOwner["callbacks"]["onRequestBody"],
    end: number,
  ): number {
    if (this.#reply !== null) return CONTINUE;
    side.isInBody = true;
    try {
      return this.#owner.callStream(this, name, callback, side.window.length, end);
    } finally {
      side.isInBody = false;
    }
  }

  #afterHeaders(
    side: Direction,
    event: HeadersEvent,
    action: number,
    mayWaitForBody: boolean,
  ): Verdict | Promise<Verdict> {
    if (this.#reply !== null) return orThrow(this.#reply);
    side.isPaused = action !== CONTINUE_AND_END && isStop(action, side);
    side.isResumed = false;
    side.hasSentHeaders = !side.isPaused;
    if (!side.isPaused) return orThrow(this.#verdictOf(side, event));
    const waitsForBody =
      action === STOP_ITERATION && mayWaitForBody && this.#owner.stopsHeadersAlone && !this.#isWaitingForCall;
    // No proxy sends the body before the headers are answered (docs/agent-protocol.md 9.1).
    return waitsForBody ? orThrow(this.#verdictOf(side, event)) : this.#hold(side, event);
  }

  #afterBody(side: Direction, event: BodyEvent, action: number): Verdict | Promise<Verdict> {
    if (this.#reply !== null) return orThrow(this.#reply);
    side.isPaused = isStop(action, side);
    side.isResumed = false;
    if (!side.isPaused) return orThrow(this.#verdictOf(side, event));
    if (event.isLast || event.totalBytes !== null || this.#isWaitingForCall) return this.#hold(side, event);
    return this.#withhold(side, event);
  }

  /** The guest waits for more of the body, which comes only when this piece is answered. */
  #withhold(side: Direction, event: BodyEvent): Verdict {
    if (event.context?.canReplace !== true) {
      side.hasForwarded = true;
      return PLAIN_ALLOW;
    }
    if (side.withhold(event)) return WITHHELD;
    if (side.isWithholding || this.#owner.options.onUnsupported === "fail") throw heldBodyNotText();
    this.#owner.warnOnce("binary body", HELD_BODY_NOT_TEXT);
    side.hasForwarded = true;
    return PLAIN_ALLOW;
  }

  #hold(side: Direction, event: ProxyEvent): Promise<Verdict> {
    if (side.heldCount >= MAX_HELD) {
      const reason = "too many events wait for the module to go on";
      side.takeOldestHeld()?.reject(new EventFailure("exchange-lost", reason));
    }
    return new Promise((resolve, reject) => side.hold({ event, resolve, reject }));
  }

  #goOn(side: Direction): void {
    if (!side.isResumed) return;
    side.isResumed = false;
    if (!side.isPaused) return;
    side.isPaused = false;
    side.hasSentHeaders = true;
    if (side.heldCount === 0) side.release();
    else this.#settleHeld(side);
  }

  #settleHeld(side: Direction): void {
    for (const { event, resolve, reject } of side.takeHeld()) {
      const verdict = this.#reply ?? this.#verdictOf(side, event);
      if (verdict instanceof EventFailure) reject(verdict);
      else resolve(verdict);
    }
  }

  #verdictOf(side: Direction, event: ProxyEvent): Verdict | EventFailure {
    const refusal = this.#refusal;
    if (refusal !== null) {
      this.#refusal = null;
      return refusal;
    }
    const map = side === this.#requestSide ? this.requestHeaders : this.responseHeaders;
    const isBody = event.kind === "request-body-chunk" || event.kind === "response-body-chunk";
    const hadForwarded = side.hasForwarded && side.window.isEdited;
    const replacement = isBody ? side.takeReplacement() : null;
    if (isBody) side.hasSentHeaders = !side.isPaused;
    if (hadForwarded) this.cannotCarry("a part of a body that the proxy has forwarded already");
    for (const name of map?.takeLost() ?? []) this.cannotCarry(`the pseudo-header ${name}`);
    const ops = map?.takeOps() ?? [];
    if (ops.length > 0 && !canCarryOps(event)) {
      this.cannotCarry("headers after the proxy has sent them");
      return this.#carried(this.#owner.verdicts.of(event, NO_HEADER_OPS, replacement));
    }
    if (ops.length > 0 && event.kind === "request-body-chunk")
      this.#owner.warnOnce("late headers", LATE_HEADERS);
    return this.#carried(this.#owner.verdicts.of(event, ops, replacement));
  }

  /** The verdict, or a failure when the guest has changed more than can be told to the proxy. */
  #carried(verdict: Verdict | EventFailure): Verdict | EventFailure {
    if (this.#lost.length === 0 || verdict instanceof EventFailure) return verdict;
    const lost = this.#lost.splice(0).join(", ");
    if (this.#owner.options.onUnsupported === "fail") return notCarried(lost);
    this.#owner.warnOnce(
      `lost ${lost}`,
      `the module changes ${lost}, and the proxy's protocol has no field for it; it is lost`,
    );
    return verdict;
  }

  get #isWaitingForCall(): boolean {
    return this.#owner.hasCallFor(this);
  }

  #sideOf(streamKind: number): Direction {
    return streamKind === StreamKind.request ? this.#requestSide : this.#responseSide;
  }
}

/** Whether the guest wants the message to stop; it may have changed its mind within the same callback. */
function isStop(action: number, side: Direction): boolean {
  return action !== CONTINUE && !side.isResumed;
}

/**
 * Operations reach the upstream with the answer to the headers, or in the mode `inspect-first` with that to the body,
 * which is one event then (docs/agent-protocol.md 9.5, 10.2).
 */
function canCarryOps(event: ProxyEvent): boolean {
  switch (event.kind) {
    case "request-headers":
    case "response-headers":
      return true;
    case "request-body-chunk":
      return event.totalBytes !== null;
    default:
      return false;
  }
}

function orThrow(verdict: Verdict | EventFailure): Verdict {
  if (verdict instanceof EventFailure) throw verdict;
  return verdict;
}

function notCarried(lost: string): EventFailure {
  return new EventFailure(
    "guest-not-carried",
    `the module changes ${lost}, and the proxy's protocol has no field for it; --on-unsupported warn lets the rest of its verdicts through`,
  );
}

function windowTooLarge(): EventFailure {
  return new EventFailure(
    "guest-result-too-large",
    "the module holds back more of a body than 16 MiB; let it read the body in pieces",
  );
}

function heldBodyNotText(): EventFailure {
  return new EventFailure("guest-body-not-text", HELD_BODY_NOT_TEXT);
}
